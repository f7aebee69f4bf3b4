"""What an order would meet if it took now: how much, and at what cost. Nothing changes by asking."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from opslab.venue.filters import WIDE
from opslab.venue.orders import Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opslab.venue.account import Account
    from opslab.venue.levels import Level
    from opslab.venue.orders import NewOrder
    from opslab.venue.pairs import Pair

ZERO = Decimal(0)


class Reach(NamedTuple):
    """Base quantity that can be met, and what it costs in quote units."""

    quantity: Decimal
    cost: Decimal


def reach(
    pair: Pair, accounts: Mapping[str, Account], account: str, command: NewOrder, wanted: Decimal | None
) -> Reach:
    """Return what of ``wanted`` an order of ``account`` would meet in its limit price; None: all that is there."""
    quantity = cost = ZERO
    for price, size in _sizes(pair, accounts, account, command):
        took = size if wanted is None else min(size, wanted - quantity)
        quantity += took
        cost += took * price
        if quantity == wanted:
            break
    return Reach(quantity, cost)


def reach_for_quote(
    pair: Pair, accounts: Mapping[str, Account], account: str, command: NewOrder, quote: Decimal
) -> Decimal:
    """Return how much base currency ``quote`` units of quote currency buy or are received for, in whole steps."""
    quantity, left = ZERO, quote
    for price, size in _sizes(pair, accounts, account, command):
        if price * size >= left:
            quantity += left / price
            break
        quantity += size
        left -= price * size
    return quantity - WIDE.remainder(quantity, pair.listing.instrument.step_size)


def _sizes(
    pair: Pair, accounts: Mapping[str, Account], account: str, command: NewOrder
) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield price and size of each level that the order may meet, until self-trade prevention would stop it."""
    rooms: dict[tuple[str, str, str], Decimal] = {}
    limit = command.price
    for level in pair.book.opposite(command.side).walk():
        if limit is not None and (level.price > limit if command.side is Side.BUY else level.price < limit):
            return
        size, is_stopped = _size(level, accounts, account, command, rooms)
        yield level.price, size
        if is_stopped:
            return


def _size(
    level: Level,
    accounts: Mapping[str, Account],
    account: str,
    command: NewOrder,
    rooms: dict[tuple[str, str, str], Decimal],
) -> tuple[Decimal, bool]:
    """Return what can be met in a level, and whether self-trade prevention ends the order there."""
    size = level.others
    for resting in level.queue.values():
        order = resting.order
        if order.account == account and command.stp_mode != "NONE":
            if command.stp_mode != "EXPIRE_MAKER":
                return size, True
            continue
        room = accounts[order.account].room(order.command)
        if room is None:
            size += order.leaves
            continue
        key = (order.account, order.command.symbol, order.command.position_side)
        left = rooms.setdefault(key, room)
        rooms[key] = left - min(left, order.leaves)
        size += min(left, order.leaves)
    return size, False
