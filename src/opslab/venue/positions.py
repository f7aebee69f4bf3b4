"""Positions: how a fill moves one, and what it is worth at a price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.account import ZERO, rounded
from opslab.venue.orders import PositionSide, Side

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.venue.orders import NewOrder, Position


def is_reducing(command: NewOrder) -> bool:
    """Return whether an order can only make a position smaller: reduce-only, or a close in hedge mode."""
    if command.position_side is PositionSide.BOTH:
        return command.reduce_only or command.close_position
    return (command.position_side is PositionSide.LONG) is (command.side is Side.SELL)


def move(position: Position, side: Side, price: Decimal, quantity: Decimal) -> Decimal:
    """Book a fill on a position and return the profit that it realised, rounded as Binance books money.

    A fill beyond what is held turns the position over; its rest opens at the fill's price.
    """
    amount, signed = position.amount, side.sign * quantity
    after = amount + signed
    if amount * signed >= 0:
        position.entry_price = (position.entry_price * abs(amount) + price * quantity) / abs(after)
        position.amount = after
        return ZERO
    closed = min(abs(amount), quantity)
    realized = rounded((price - position.entry_price) * (closed if amount > 0 else -closed))
    position.amount = after
    position.realized += realized
    if not after:
        position.entry_price = ZERO
    elif (after > 0) is not (amount > 0):
        position.entry_price = price
    return realized


def unrealized(position: Position, mark: Decimal) -> Decimal:
    """Return the profit at a mark price; zero while there is none."""
    return position.amount * (mark - position.entry_price) if mark else ZERO
