"""The typed differences between two views: a pure function, linear in their rows.

Rows are joined by key; within a pair each field that differs is one difference. What is not a number equals nothing,
itself included; a view that could not tell is a difference, not an empty view.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self

import msgspec

from opslab.contract.reconciliation import DifferenceKind as Kind
from opslab.contract.reconciliation import Subject
from opslab.reconcile.numbers import is_equal, is_within
from opslab.reconcile.snapshot import Balance, Fill

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from opslab.contract.dataset import Instrument
    from opslab.reconcile.snapshot import Order, Position, View

_ZERO = Decimal(0)

FEE_ROUNDING = Decimal("0.00000002")
"""Fees are booked with eight decimals: less than two of the last one apart, they differ by rounding only."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Numbers closer than this are the same; zero, the default, asks for equality.

    Attributes:
        quantity: in base units.
        price: in quote units.
    """

    quantity: Decimal = Decimal(0)
    price: Decimal = Decimal(0)

    @classmethod
    def of(cls, instrument: Instrument) -> Self:
        """Return the instrument's steps: what is closer than one step is the same number on its grid."""
        return cls(quantity=instrument.step_size, price=instrument.tick_size)


_NO_TOLERANCE = Tolerance()


# Where everything differs, making these is most of the work: no other class is made as quickly.
class Difference(msgspec.Struct, frozen=True, gc=False):
    """One difference between an expected and an observed view.

    Attributes:
        kind: what differs.
        subject: what it is about.
        key: the row: an order id, a symbol, an account and currency.
        expected: the expected view's value as text, null where it has none.
        observed: the observed view's value as text, null where it has none.
    """

    kind: Kind
    subject: Subject
    key: str
    expected: str | None = None
    observed: str | None = None

    def __str__(self) -> str:
        """Return it on one line."""
        sides = " ".join(
            f"{name}={value}" for name, value in (("expected", self.expected), ("observed", self.observed)) if value
        )
        return f"{self.kind} {self.key} {sides}".strip()


def diff(expected: View, observed: View, tolerances: Mapping[str, Tolerance] | None = None) -> list[Difference]:
    """Return what differs, in the order of the rows: positions, orders, fills, balances. Empty means that they agree.

    Args:
        expected: the view that is trusted.
        observed: the view that is judged.
        tolerances: by symbol; other symbols, and balances, must be equal.
    """
    allowed = tolerances or {}
    found: list[Difference] = []
    if _both_tell(Subject.POSITION, expected.positions, observed.positions, found):
        _diff_positions(_held(expected.positions), _held(observed.positions), allowed, found)
    if _both_tell(Subject.ORDER, expected.orders, observed.orders, found):
        _diff_orders(expected.orders or (), observed.orders or (), allowed, found)
    if (expected.fills is not None or observed.fills is not None) and _both_tell(
        Subject.FILL, expected.fills, observed.fills, found
    ):
        _diff_fills(expected.fills or (), observed.fills or (), allowed, found)
    if (expected.balances is not None or observed.balances is not None) and _both_tell(
        Subject.BALANCE, expected.balances, observed.balances, found
    ):
        _diff_balances(expected.balances or (), observed.balances or (), found)
    return found


def _both_tell(subject: Subject, expected: object, observed: object, found: list[Difference]) -> bool:
    told = [None if rows is None else "told" for rows in (expected, observed)]
    if None in told:
        found.append(Difference(Kind.UNKNOWN, subject, "", *told))
    return None not in told


def _held(rows: Sequence[Position] | None) -> list[Position]:
    return [row for row in rows or () if row.side != "flat" or row.quantity]


def _joined[Row: (Order, Position, Fill, Balance)](
    subject: Subject,
    expected: Sequence[Row],
    observed: Sequence[Row],
    key: Callable[[Row], Hashable],
    found: list[Difference],
) -> Iterator[tuple[Row, Row]]:
    """Yield the rows that both have, and tell of the others; a key that is given twice is told, not compared."""
    left, right = _indexed(expected, key), _indexed(observed, key)
    if len(left) != len(expected) or len(right) != len(observed):
        _tell_duplicates(subject, (Counter(map(key, expected)), Counter(map(key, observed))), (left, right), found)
    pairs = 0
    for name, mine in left.items():
        theirs = right.get(name)
        if theirs is None:
            found.append(Difference(Kind.MISSING_OBSERVED, subject, _text(name), _brief(mine)))
        else:
            pairs += 1
            yield mine, theirs
    if pairs != len(right):
        kind, only = Kind.MISSING_EXPECTED, [(name, row) for name, row in right.items() if name not in left]
        found += [Difference(kind, subject, _text(name), None, _brief(row)) for name, row in only]


def _indexed[Row](rows: Sequence[Row], key: Callable[[Row], Hashable]) -> dict[Hashable, Row]:
    return dict(zip(map(key, rows), rows, strict=True))


def _tell_duplicates(
    subject: Subject,
    counts: tuple[Counter[Hashable], Counter[Hashable]],
    indexes: tuple[dict[Hashable, Any], dict[Hashable, Any]],
    found: list[Difference],
) -> None:
    """Tell of each key that a view gives more than once, with the number of rows, and take it out of the join."""
    for name in [name for name in indexes[0] | indexes[1] if max(count[name] for count in counts) > 1]:
        sides = [str(count[name]) if count[name] else None for count in counts]
        found.append(Difference(Kind.DUPLICATE, subject, _text(name), *sides))
        for index in indexes:
            index.pop(name, None)


_position_key = attrgetter("symbol", "position_id")
_order_key = attrgetter("order_id")
_fill_key = attrgetter("order_id", "trade_id")
_balance_key = attrgetter("account", "currency")


def _diff_positions(
    expected: Sequence[Position],
    observed: Sequence[Position],
    tolerances: Mapping[str, Tolerance],
    found: list[Difference],
) -> None:
    for mine, theirs in _joined(Subject.POSITION, expected, observed, _position_key, found):
        tolerance = tolerances.get(mine.symbol, _NO_TOLERANCE)
        key = _text(_position_key(mine))
        if mine.side != theirs.side:
            found.append(Difference(Kind.SIDE, Subject.POSITION, key, mine.side, theirs.side))
        if not is_equal(mine.quantity, theirs.quantity):
            step = tolerance.quantity
            _tell_numbers(Kind.QUANTITY, Subject.POSITION, key, mine.quantity, theirs.quantity, step, found)
        if not is_equal(mine.average_price, theirs.average_price):
            prices = mine.average_price, theirs.average_price
            _tell_numbers(Kind.AVERAGE_PRICE, Subject.POSITION, key, *prices, tolerance.price, found)


def _diff_orders(
    expected: Sequence[Order], observed: Sequence[Order], tolerances: Mapping[str, Tolerance], found: list[Difference]
) -> None:
    # Where two rows agree, one comparison a field and nothing else: this loop is what a million orders cost.
    for mine, theirs in _joined(Subject.ORDER, expected, observed, _order_key, found):
        key = mine.order_id
        if mine.symbol != theirs.symbol:
            found.append(Difference(Kind.SYMBOL, Subject.ORDER, key, mine.symbol, theirs.symbol))
        if mine.side != theirs.side:
            found.append(Difference(Kind.SIDE, Subject.ORDER, key, mine.side, theirs.side))
        if mine.type != theirs.type:
            found.append(Difference(Kind.TYPE, Subject.ORDER, key, mine.type, theirs.type))
        if not is_equal(mine.quantity, theirs.quantity):
            step = tolerances.get(mine.symbol, _NO_TOLERANCE).quantity
            _tell_numbers(Kind.QUANTITY, Subject.ORDER, key, mine.quantity, theirs.quantity, step, found)
        if not is_equal(mine.price, theirs.price):
            tick = tolerances.get(mine.symbol, _NO_TOLERANCE).price
            _tell_numbers(Kind.PRICE, Subject.ORDER, key, mine.price, theirs.price, tick, found)
        if mine.filled_quantity is not None:
            _diff_filled(mine, theirs, tolerances, found)
            _diff_conditions(mine, theirs, tolerances, found)
        if mine.time_in_force != theirs.time_in_force:
            _told_apart(Kind.TIME_IN_FORCE, key, mine.time_in_force, theirs.time_in_force, found)
        if mine.status != theirs.status:
            _told_apart(Kind.STATUS, key, mine.status, theirs.status, found)


def _diff_conditions(mine: Order, theirs: Order, tolerances: Mapping[str, Tolerance], found: list[Difference]) -> None:
    """Compare what views tell of an order and files do not, where both sides tell it."""
    price, flag = theirs.trigger_price, theirs.reduce_only
    if None not in (mine.trigger_price, price) and not is_equal(mine.trigger_price, price):
        tick = tolerances.get(mine.symbol, _NO_TOLERANCE).price
        _tell_numbers(Kind.TRIGGER_PRICE, Subject.ORDER, mine.order_id, mine.trigger_price, price, tick, found)
    if None not in (mine.reduce_only, flag) and mine.reduce_only != flag:
        sides = str(mine.reduce_only).lower(), str(flag).lower()
        found.append(Difference(Kind.REDUCE_ONLY, Subject.ORDER, mine.order_id, *sides))


def _diff_filled(mine: Order, theirs: Order, tolerances: Mapping[str, Tolerance], found: list[Difference]) -> None:
    filled = theirs.filled_quantity
    if filled is not None and not is_equal(mine.filled_quantity, filled):
        step = tolerances.get(mine.symbol, _NO_TOLERANCE).quantity
        told = mine.filled_quantity
        _tell_numbers(Kind.FILLED_QUANTITY, Subject.ORDER, mine.order_id, told, filled, step, found)


def _told_apart(kind: Kind, key: str, mine: str | None, theirs: str | None, found: list[Difference]) -> None:
    """Tell of two texts that differ, unless one side did not tell."""
    if mine is not None and theirs is not None:
        found.append(Difference(kind, Subject.ORDER, key, mine, theirs))


def _diff_fills(
    expected: Sequence[Fill], observed: Sequence[Fill], tolerances: Mapping[str, Tolerance], found: list[Difference]
) -> None:
    for mine, theirs in _joined(Subject.FILL, expected, observed, _fill_key, found):
        tolerance, key = tolerances.get(mine.symbol, _NO_TOLERANCE), _text(_fill_key(mine))
        for kind, one, other in ((Kind.SYMBOL, mine.symbol, theirs.symbol), (Kind.SIDE, mine.side, theirs.side)):
            if one != other:
                found.append(Difference(kind, Subject.FILL, key, one, other))
        for kind, number, told, step in (
            (Kind.QUANTITY, mine.quantity, theirs.quantity, tolerance.quantity),
            (Kind.PRICE, mine.price, theirs.price, tolerance.price),
        ):
            if not is_equal(number, told):
                _tell_numbers(kind, Subject.FILL, key, number, told, step, found)
        if mine.fee is not None and theirs.fee is not None and not _is_same_fee(mine, theirs):
            fees = [f"{fill.fee!s} {fill.fee_currency or ''}".strip() for fill in (mine, theirs)]
            found.append(Difference(Kind.FEE, Subject.FILL, key, *fees))


def _is_same_fee(mine: Fill, theirs: Fill) -> bool:
    if mine.fee and theirs.fee and mine.fee_currency != theirs.fee_currency:
        return False
    return is_equal(mine.fee, theirs.fee) or is_within(mine.fee, theirs.fee, FEE_ROUNDING)


def _diff_balances(expected: Sequence[Balance], observed: Sequence[Balance], found: list[Difference]) -> None:
    for mine, theirs in _joined(Subject.BALANCE, expected, observed, _balance_key, found):
        key = _text(_balance_key(mine))
        if not is_equal(mine.total, theirs.total):
            _tell_numbers(Kind.TOTAL, Subject.BALANCE, key, mine.total, theirs.total, _ZERO, found)
        if mine.locked is not None and theirs.locked is not None and not is_equal(mine.locked, theirs.locked):
            _tell_numbers(Kind.LOCKED, Subject.BALANCE, key, mine.locked, theirs.locked, _ZERO, found)


def _tell_numbers(
    kind: Kind,
    subject: Subject,
    key: str,
    expected: Decimal | None,
    observed: Decimal | None,
    tolerance: Decimal,
    found: list[Difference],
) -> None:
    """Tell of two numbers that are not equal, unless they are closer than the tolerance."""
    if not tolerance or not is_within(expected, observed, tolerance):
        found.append(Difference(kind, subject, key, _digits(expected), _digits(observed)))


def _digits(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _text(key: Hashable) -> str:
    return (
        key if isinstance(key, str) else "/".join(part for part in key if part) if isinstance(key, tuple) else str(key)
    )


def _brief(row: Order | Position | Fill | Balance) -> str:
    if isinstance(row, Balance):
        return str(row.total)
    return f"{row.side} {row.quantity!s}"
