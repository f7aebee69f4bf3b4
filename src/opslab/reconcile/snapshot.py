"""A view: the positions, orders and balances that somebody believes in at a moment. No files, no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

MAX_EXPONENT = 64
"""A usable number lies below ten to this power, and above its inverse."""

_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_MAX_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Position:
    """A position.

    Attributes:
        symbol: what is held.
        side: ``long``, ``short`` or ``flat``; a flat position is the same as none.
        quantity: in base units, never negative.
        average_price: mean entry price in quote units, if known.
        position_id: tells positions of one symbol apart (hedge mode).
    """

    symbol: str
    side: str
    quantity: Decimal
    average_price: Decimal | None = None
    position_id: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """An order; quantities are in base units, prices in quote units. Null in the optional fields means not told."""

    order_id: str
    symbol: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: str | None = None
    status: str | None = None
    filled_quantity: Decimal | None = None
    trigger_price: Decimal | None = None
    reduce_only: bool | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill of an order; quantity in base units, price in quote units. A null fee means not told.

    Attributes:
        order_id: the order's client id.
        trade_id: the venue's number of it, unique within the symbol.
        symbol: what was traded.
        side: ``BUY`` or ``SELL``.
        quantity: how much of this fill alone.
        price: of this fill alone.
        fee: the commission, in ``fee_currency``; negative is a rebate.
        fee_currency: the currency of the commission.
    """

    order_id: str
    trade_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal | None = None
    fee_currency: str | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds of a currency, in that currency's units; ``locked`` is null when not told."""

    account: str
    currency: str
    total: Decimal
    locked: Decimal | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What one party believes. Null means that it could not tell, which is never read as having none.

    Attributes:
        positions: in any order.
        orders: in any order.
        balances: in any order; null in both views: not compared.
        as_of: when the view was taken, aware.
        fills: in any order; null in both views: not compared.
    """

    positions: tuple[Position, ...] | None
    orders: tuple[Order, ...] | None
    balances: tuple[Balance, ...] | None = None
    as_of: datetime | None = None
    fills: tuple[Fill, ...] | None = None


def decimal_of(text: str) -> Decimal | None:
    """Return the number that ``text`` writes, or None for NaN, infinities, absurd sizes and anything else.

    Unlike ``Decimal`` it takes ASCII digits only, no blanks and no underscores.
    """
    if len(text) > _MAX_LENGTH or not _DECIMAL.fullmatch(text):
        return None
    number = Decimal(text)
    return number if not number or abs(number.adjusted()) < MAX_EXPONENT else None
