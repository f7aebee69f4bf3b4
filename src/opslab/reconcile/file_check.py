"""Judges two reconciliation files: three checks, each the worst of its typed differences. Pure; time is an argument."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.contract.events import CheckSeverity, SeverityCounts
from opslab.contract.reconciliation import CheckName, CheckOutcome, Subject
from opslab.contract.reconciliation import DifferenceKind as Kind
from opslab.errors import one_line
from opslab.reconcile.diff import Difference, diff
from opslab.reconcile.freshness import age_difference, future_difference
from opslab.reconcile.snapshot import Order, Position, View, decimal_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from decimal import Decimal

    from opslab.contract.reconciliation import InputOrder, InputPosition, ReconciliationInput

_SEVERITIES = {
    Kind.STALE: CheckSeverity.WARNING,
    Kind.UNATTRIBUTED_ENDED: CheckSeverity.WARNING,
    Kind.DUPLICATE: CheckSeverity.UNKNOWN,
    Kind.UNUSABLE: CheckSeverity.UNKNOWN,
    Kind.FUTURE: CheckSeverity.UNKNOWN,
    Kind.UNKNOWN: CheckSeverity.UNKNOWN,
}
_PRECEDENCE = tuple(CheckSeverity)
_CHECKS: tuple[tuple[CheckName, Subject, str], ...] = (
    ("position", Subject.POSITION, "the positions agree"),
    ("open_orders", Subject.ORDER, "the open orders agree"),
    ("freshness", Subject.FRESHNESS, "nothing is older than max_age_seconds, and both files are of one time"),
)
_SHOWN = 3


@dataclass(frozen=True)
class Judgement:
    """What a comparison amounts to.

    Attributes:
        checks: of two files ``position``, ``open_orders`` and ``freshness``, in this order.
        differences: every difference, by subject, key and kind.
    """

    checks: tuple[CheckOutcome, ...]
    differences: tuple[Difference, ...]

    @property
    def status(self) -> CheckSeverity:
        """The worst severity: ok < warning < unknown < mismatch."""
        return _worst(check.severity for check in self.checks)

    @property
    def passed(self) -> bool:
        """Whether nothing is mismatched or unknown."""
        return self.status in (CheckSeverity.OK, CheckSeverity.WARNING)

    @property
    def summary(self) -> SeverityCounts:
        """How many checks came out how."""
        severities = [check.severity for check in self.checks]
        return SeverityCounts(**{name.value: severities.count(name) for name in CheckSeverity})


def severity_of(kind: Kind) -> CheckSeverity:
    """Return how bad a difference of ``kind`` is: what cannot be told is ``unknown``, stale a ``warning``."""
    return _SEVERITIES.get(kind, CheckSeverity.MISMATCH)


def judge(expected: ReconciliationInput, observed: ReconciliationInput, now: datetime) -> Judgement:
    """Compare two files of one run.

    Numbers compare by value and must be equal. A number that cannot be used, a flat position that holds something and
    an order id given twice are ``unknown``; so are stamps after ``now``. Ages are measured at the observed
    ``as_of_utc``, so that the judgement of two files does not depend on when it is made; the age of the older file is
    measured at the ``as_of_utc`` of the newer one, because views of two times say nothing about each other.

    Args:
        expected: the file that is trusted.
        observed: the file that is judged.
        now: the time of the check, aware.
    """
    differences = [*_positions(expected.position, observed.position)]
    differences += _orders(expected.open_orders, observed.open_orders)
    differences += _freshness(expected, observed, now)
    order = list(Subject)
    differences.sort(key=lambda item: (order.index(item.subject), item.key, item.kind))
    return Judgement(
        tuple(
            outcome_of(name, [item for item in differences if item.subject is subject], agreed)
            for name, subject, agreed in _CHECKS
        ),
        tuple(differences),
    )


def _worst(severities: Iterator[CheckSeverity]) -> CheckSeverity:
    return max(severities, key=_PRECEDENCE.index, default=CheckSeverity.OK)


def outcome_of(
    name: CheckName, differences: list[Difference], agreed: str, most: CheckSeverity = CheckSeverity.MISMATCH
) -> CheckOutcome:
    """Return one check: the worst of its differences, with the first ones on one line.

    Args:
        name: the check.
        differences: what it found.
        agreed: what it says when it found nothing.
        most: the worst that it can be.
    """
    severity = min(_worst(severity_of(item.kind) for item in differences), most, key=_PRECEDENCE.index)
    # The worst first, so that what decides the severity is among what is shown.
    told = sorted(differences, key=lambda item: -_PRECEDENCE.index(severity_of(item.kind)))[:_SHOWN]
    shown = "; ".join(str(item) for item in told)
    more = f" (and {len(differences) - _SHOWN} more)" if len(differences) > _SHOWN else ""
    return CheckOutcome(
        name=name,
        severity=severity,
        matched=severity in (CheckSeverity.OK, CheckSeverity.WARNING),
        details=f"{one_line(shown)}{more}" if differences else agreed,
    )


def _positions(expected: InputPosition, observed: InputPosition) -> Iterator[Difference]:
    rows = _position(expected), _position(observed)
    for name, told, row in (("expected", expected, rows[0]), ("observed", observed, rows[1])):
        if row is None:
            sides = {name: f"{told.side} qty {told.qty!r:.70} avg_entry_price {told.avg_entry_price!r:.70}"}
            yield Difference(Kind.UNUSABLE, Subject.POSITION, told.symbol, **sides)
    if rows[0] is None or rows[1] is None:
        return
    if expected.symbol != observed.symbol:
        yield Difference(Kind.SYMBOL, Subject.POSITION, expected.symbol, expected.symbol, observed.symbol)
    else:
        yield from diff(View((rows[0],), ()), View((rows[1],), ()))


def _position(told: InputPosition) -> Position | None:
    """Return the position, or None when it means nothing: no number, flat with a holding, or held without any."""
    quantity = decimal_of(told.qty)
    price = None if told.avg_entry_price is None else decimal_of(told.avg_entry_price)
    if quantity is None or (price is None) != (told.avg_entry_price is None):
        return None
    if told.side == "flat":
        return Position(told.symbol, told.side, quantity) if not quantity and price is None else None
    return Position(told.symbol, told.side, quantity, price) if quantity > 0 else None


def _orders(expected: tuple[InputOrder, ...], observed: tuple[InputOrder, ...]) -> Iterator[Difference]:
    rows = [[_order(told) for told in side] for side in (expected, observed)]
    unusable: set[str] = set()
    for name, side, made in (("expected", expected, rows[0]), ("observed", observed, rows[1])):
        for told, row in zip(side, made, strict=True):
            if row is None:
                unusable.add(told.order_id)
                sides = {name: f"{told.side} qty {told.qty!r:.70} price {told.price!r:.70}"}
                yield Difference(Kind.UNUSABLE, Subject.ORDER, told.order_id, **sides)
    usable = [tuple(row for row in made if row is not None and row.order_id not in unusable) for made in rows]
    yield from diff(View((), usable[0]), View((), usable[1]))


def _order(told: InputOrder) -> Order | None:
    """Return the order, or None when it means nothing: no number, or a quantity that is not positive."""
    quantity: Decimal | None = decimal_of(told.qty)
    price = None if told.price is None else decimal_of(told.price)
    if quantity is None or quantity <= 0 or (price is None) != (told.price is None):
        return None
    return Order(told.order_id, told.symbol, told.side, told.type, quantity, price, told.time_in_force, told.status)


def _freshness(expected: ReconciliationInput, observed: ReconciliationInput, now: datetime) -> Iterator[Difference]:
    for name, told in (("expected", expected), ("observed", observed)):
        # The observed stamps are held against as_of_utc below.
        later = _stamps(told) if name == "expected" else {}
        for field, moment in {"as_of_utc": told.as_of_utc, **later}.items():
            if moment is not None and (ahead := future_difference(f"{name}.{field}", moment, now)):
                yield ahead
    limits = [told.freshness.max_age_seconds for told in (observed, expected) if told.freshness is not None]
    limit = next((limit for limit in limits if limit is not None), None)
    if limit is None:
        yield Difference(Kind.UNKNOWN, Subject.FRESHNESS, "max_age_seconds")
    longest = math.inf if limit is None else limit
    older, newer = sorted([(expected.as_of_utc, "expected"), (observed.as_of_utc, "observed")])
    if found := age_difference(f"{older[1]}.as_of_utc", older[0], newer[0], longest):
        yield found
    for field, stamp in _stamps(observed).items():
        if found := age_difference(f"observed.{field}", stamp, observed.as_of_utc, longest):
            yield found


def _stamps(told: ReconciliationInput) -> dict[str, datetime | None]:
    freshness = told.freshness
    return {
        "position_ts_utc": freshness.position_ts_utc if freshness else None,
        "orders_ts_utc": freshness.orders_ts_utc if freshness else None,
    }
