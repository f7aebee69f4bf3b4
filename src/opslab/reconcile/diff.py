"""The typed differences between two views: a pure function, linear in their rows.

Rows are joined by key; within a pair each field that differs is one difference. What is not a number equals nothing,
itself included; a view that could not tell is a difference, not an empty view.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Context, Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from opslab.contract.reconciliation import DifferenceKind as Kind
from opslab.contract.reconciliation import Subject
from opslab.reconcile.snapshot import Balance

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from opslab.contract.dataset import Instrument
    from opslab.reconcile.snapshot import Order, Position, View

_EXACT = Context(prec=256, traps=[])
_ZERO = Decimal(0)


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


class Difference(NamedTuple):
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
    """Return what differs, in the order of the rows: positions, orders, balances. Empty means that the views agree.

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


def _joined[Row: (Order, Position, Balance)](
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
            found.append(Difference(Kind.MISSING_OBSERVED, subject, _text(name), expected=_brief(mine)))
        else:
            pairs += 1
            yield mine, theirs
    if pairs != len(right):
        for name, theirs in right.items():
            if name not in left:
                found.append(Difference(Kind.MISSING_EXPECTED, subject, _text(name), observed=_brief(theirs)))


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
        _numbers(Kind.QUANTITY, Subject.POSITION, key, (mine.quantity, theirs.quantity, tolerance.quantity), found)
        average = mine.average_price, theirs.average_price, tolerance.price
        _numbers(Kind.AVERAGE_PRICE, Subject.POSITION, key, average, found)


def _diff_orders(
    expected: Sequence[Order], observed: Sequence[Order], tolerances: Mapping[str, Tolerance], found: list[Difference]
) -> None:
    for mine, theirs in _joined(Subject.ORDER, expected, observed, _order_key, found):
        # One expression for the usual case, all equal: this loop is what a million orders cost.
        if (
            not (mine.quantity.is_finite() and theirs.quantity.is_finite())
            or mine.quantity != theirs.quantity
            or not _is_equal(mine.price, theirs.price)
            or mine.symbol != theirs.symbol
            or mine.side != theirs.side
            or mine.type != theirs.type
            or mine.status != theirs.status
            or mine.time_in_force != theirs.time_in_force
            or not _is_equal(mine.filled_quantity, theirs.filled_quantity)
        ):
            _diff_order(mine, theirs, tolerances.get(mine.symbol, _NO_TOLERANCE), found)


def _diff_order(mine: Order, theirs: Order, tolerance: Tolerance, found: list[Difference]) -> None:
    key = mine.order_id
    for kind, left, right in (
        (Kind.SYMBOL, mine.symbol, theirs.symbol),
        (Kind.SIDE, mine.side, theirs.side),
        (Kind.TYPE, mine.type, theirs.type),
    ):
        if left != right:
            found.append(Difference(kind, Subject.ORDER, key, left, right))
    _numbers(Kind.QUANTITY, Subject.ORDER, key, (mine.quantity, theirs.quantity, tolerance.quantity), found)
    if mine.price is not None or theirs.price is not None:
        _numbers(Kind.PRICE, Subject.ORDER, key, (mine.price, theirs.price, tolerance.price), found)
    if mine.filled_quantity is not None and theirs.filled_quantity is not None:
        filled = mine.filled_quantity, theirs.filled_quantity, tolerance.quantity
        _numbers(Kind.FILLED_QUANTITY, Subject.ORDER, key, filled, found)
    for kind, told, other in (
        (Kind.TIME_IN_FORCE, mine.time_in_force, theirs.time_in_force),
        (Kind.STATUS, mine.status, theirs.status),
    ):
        if told is not None and other is not None and told != other:
            found.append(Difference(kind, Subject.ORDER, key, told, other))


def _diff_balances(expected: Sequence[Balance], observed: Sequence[Balance], found: list[Difference]) -> None:
    for mine, theirs in _joined(Subject.BALANCE, expected, observed, _balance_key, found):
        key = _text(_balance_key(mine))
        _numbers(Kind.TOTAL, Subject.BALANCE, key, (mine.total, theirs.total, _ZERO), found)
        if mine.locked is not None and theirs.locked is not None:
            _numbers(Kind.LOCKED, Subject.BALANCE, key, (mine.locked, theirs.locked, _ZERO), found)


def _numbers(
    kind: Kind,
    subject: Subject,
    key: str,
    values: tuple[Decimal | None, Decimal | None, Decimal],
    found: list[Difference],
) -> None:
    expected, observed, tolerance = values
    if not _is_same(expected, observed, tolerance):
        found.append(Difference(kind, subject, key, _digits(expected), _digits(observed)))


def _is_same(first: Decimal | None, second: Decimal | None, tolerance: Decimal) -> bool:
    if _is_equal(first, second):
        return True
    if first is None or second is None or not (first.is_finite() and second.is_finite()):
        return False
    return abs(_EXACT.subtract(first, second)) < tolerance


def _is_equal(first: Decimal | None, second: Decimal | None) -> bool:
    """Whether both are absent or the same finite number; comparing a signalling NaN would raise."""
    if first is None or second is None:
        return first is second
    return first.is_finite() and second.is_finite() and first == second


def _digits(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _text(key: Hashable) -> str:
    return (
        key if isinstance(key, str) else "/".join(part for part in key if part) if isinstance(key, tuple) else str(key)
    )


def _brief(row: Order | Position | Balance) -> str:
    if isinstance(row, Balance):
        return str(row.total)
    return f"{row.side} {row.quantity}"
