"""The venue's answers, read strictly: what is not exactly as documented is nonsense, and nonsense is never empty.

Source: developers.binance.com, USD-M futures "Current All Open Orders", "Current All Algo Open Orders", "Position
Information V3", "Account Information V3", "New Order", "Check Server Time"; spot "Account information", "Current open
orders", "Symbol price ticker".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from opslab.errors import one_line
from opslab.safety.flatten.remains import OpenOrder

_SIDES = ("BOTH", "LONG", "SHORT")
_OPEN_STATUSES = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW", "PENDING_CANCEL")
_ENDED_STATUSES = ("FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED")
_MOST_TEXT = 64


class NonsenseError(ValueError):
    """An answer is not what the venue's documents say it is."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A futures position.

    Attributes:
        symbol: the venue's symbol.
        side: ``BOTH`` in one-way mode, else ``LONG`` or ``SHORT``.
        amount: base units, signed; never zero.
    """

    symbol: str
    side: str
    amount: Decimal

    @property
    def key(self) -> str:
        """How ``Remains.positions`` names it."""
        return self.symbol if self.side == "BOTH" else f"{self.symbol}-{self.side}"

    @property
    def closing_side(self) -> str:
        """The side of the order that closes it."""
        is_long = self.side == "LONG" or (self.side == "BOTH" and self.amount > 0)
        return "SELL" if is_long else "BUY"


@dataclass(frozen=True, slots=True)
class Balance:
    """What a spot account has of an asset, free and locked by orders."""

    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class Witness:
    """What the account endpoint says of the whole, beside the lists.

    Attributes:
        holdings: its positions that are not zero.
        has_margin: whether it reserves margin for orders or positions.
    """

    holdings: tuple[Holding, ...]
    has_margin: bool


def parsed(body: bytes) -> Any:
    """Return the JSON value of a body.

    Raises:
        NonsenseError: it is none.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise NonsenseError(f"no JSON: {one_line(body[:60].decode(errors='replace'))!r}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def open_orders(value: Any, *, is_algo: bool = False) -> tuple[OpenOrder, ...]:
    """Return the orders of a list of open ones, none twice.

    Raises:
        NonsenseError: it is no such list.
    """
    number, client = ("algoId", "clientAlgoId") if is_algo else ("orderId", "clientOrderId")
    found = [
        OpenOrder(text(row, "symbol"), whole(row, number), text(row, client, may_be_empty=True), is_algo)
        for row in rows(value)
    ]
    return tuple(dict.fromkeys(found))


def holdings(value: Any) -> tuple[Holding, ...]:
    """Return the positions of a list that are not zero.

    Raises:
        NonsenseError: it is no such list, or has a position twice.
    """
    found = [
        Holding(text(row, "symbol"), choice(row, "positionSide", _SIDES), number(row, "positionAmt"))
        for row in rows(value)
    ]
    if len({item.key for item in found}) != len(found):
        raise NonsenseError("a position stands there twice")
    return tuple(item for item in found if item.amount)


def witness(value: Any) -> Witness:
    """Return what a futures account says of its positions and margins.

    Raises:
        NonsenseError: it is no such account.
    """
    account = mapping(value)
    reserved = [number(account, name) for name in ("totalPositionInitialMargin", "totalOpenOrderInitialMargin")]
    return Witness(holdings(account.get("positions")), has_margin=any(reserved))


def balances(value: Any) -> dict[str, Balance]:
    """Return a spot account's balances by asset.

    Raises:
        NonsenseError: it is no such account, an amount is negative, or an asset stands there twice.
    """
    found: dict[str, Balance] = {}
    for row in rows(mapping(value).get("balances")):
        asset, balance = text(row, "asset"), Balance(number(row, "free"), number(row, "locked"))
        if asset in found or balance.free < 0 or balance.locked < 0:
            raise NonsenseError(f"balance of {one_line(asset, 20)} is twice there or negative")
        found[asset] = balance
    return found


def is_over(value: Any, client_order_id: str) -> bool:
    """Return whether the order that an answer tells of has ended.

    Raises:
        NonsenseError: it tells of no order, or of another one.
    """
    order = mapping(value)
    if text(order, "clientOrderId") != client_order_id:
        raise NonsenseError("it tells of another order")
    return choice(order, "status", (*_OPEN_STATUSES, *_ENDED_STATUSES)) in _ENDED_STATUSES


def server_ms(value: Any) -> int:
    """Return the venue's time in Unix milliseconds.

    Raises:
        NonsenseError: it is none.
    """
    return whole(mapping(value), "serverTime")


def rows(value: Any) -> list[dict[str, Any]]:
    """Return a list of objects."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise NonsenseError(f"no list: {_shown(value)}")
    return value


def mapping(value: Any) -> dict[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        raise NonsenseError(f"no object: {_shown(value)}")
    return value


def text(row: dict[str, Any], name: str, *, may_be_empty: bool = False) -> str:
    """Return a short text of an object."""
    value = row.get(name)
    if not isinstance(value, str) or len(value) > _MOST_TEXT or not (value or may_be_empty) or not value.isprintable():
        raise NonsenseError(f"{name} is {_shown(value)}")
    return value


def whole(row: dict[str, Any], name: str) -> int:
    """Return a whole number of an object, not negative."""
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise NonsenseError(f"{name} is {_shown(value)}")
    return value


def number(row: dict[str, Any], name: str) -> Decimal:
    """Return a decimal number of an object, which the venue writes as text."""
    value = row.get(name)
    try:
        found = Decimal(value) if isinstance(value, str) and len(value) <= _MOST_TEXT else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite() or abs(found.adjusted()) > _MOST_DIGITS:
        raise NonsenseError(f"{name} is {_shown(value)}")
    return found


def choice(row: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed texts of an object."""
    value = row.get(name)
    if value not in allowed:
        raise NonsenseError(f"{name} is {_shown(value)}")
    return str(value)


_MOST_DIGITS = 30


def _shown(value: Any) -> str:
    return one_line(repr(value), 60)
