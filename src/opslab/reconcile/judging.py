"""Judges the views of a run as the file check judges two files: checks, a status, a result to keep. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from opslab.clock import to_stamp
from opslab.contract.events import CheckSeverity
from opslab.contract.reconciliation import (
    CheckName,
    DifferenceKind,
    DifferenceRecord,
    ReconciliationResult,
    ResultInputs,
    Subject,
)
from opslab.reconcile.file_check import Judgement, outcome_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from opslab.reconcile.diff import Difference
    from opslab.reconcile.view_difference import ViewDifference

MAX_DIFFERENCES = 1000
"""How many differences a result lists; ``differences_total`` counts them all."""

WIRE = "wire"

_CHECKS: tuple[tuple[CheckName, Subject, str], ...] = (
    ("position", Subject.POSITION, "the positions agree"),
    ("open_orders", Subject.ORDER, "the orders agree"),
    ("fills", Subject.FILL, "the fills agree"),
    ("balances", Subject.BALANCE, "the balances agree"),
    ("freshness", Subject.FRESHNESS, "everybody told a view, of one moment"),
)


def judge_views(differences: Sequence[ViewDifference], wire: Sequence[ViewDifference] = ()) -> Judgement:
    """Return what the differences of a run's views amount to.

    What was lost on the wire alone is a ``warning``: engine and strategy may have learned of it otherwise. A wire of
    which nothing is known is ``unknown``.

    Args:
        differences: of engine and strategy from the venue, as ``three_views.all_differences`` finds them.
        wire: of the wire from the venue, as ``wire_view.wire_differences`` finds them.
    """
    checks = [
        outcome_of(name, [_named(item) for item in differences if item.difference.subject is subject], agreed)
        for name, subject, agreed in _CHECKS
    ]
    lost = [_named(item) for item in wire]
    most = CheckSeverity.WARNING
    if any(item.kind is DifferenceKind.UNKNOWN for item in lost):
        most = CheckSeverity.UNKNOWN
    checks.append(outcome_of("wire", lost, "every fill was told on the user stream, once", most))
    return Judgement(tuple(checks), tuple(item.difference for item in (*differences, *wire)))


def _named(item: ViewDifference) -> Difference:
    """Return a difference whose key says whose it is, for people."""
    return replace(item.difference, key=f"{item.view} {item.difference.key}")


def views_result(
    run_id: str,
    inputs: tuple[str, str],
    found: tuple[Sequence[ViewDifference], Sequence[ViewDifference]],
    views: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> ReconciliationResult:
    """Return the result of a comparison of views, as the file check's is kept.

    Args:
        run_id: whose views they are.
        inputs: what was trusted and what was judged, as it is called for people.
        found: the differences from the venue: those of engine and strategy, and those of the wire.
        views: the views themselves, by name.
        now: the time of the comparison, aware.
    """
    judgement = judge_views(*found)
    told = [*found[0], *found[1]]
    return ReconciliationResult(
        run_id=run_id,
        ts_utc=to_stamp(now),
        status=judgement.status,
        inputs=ResultInputs(expected_path=inputs[0], observed_path=inputs[1]),
        checks=judgement.checks,
        summary=judgement.summary,
        passed=judgement.passed,
        differences=tuple(
            DifferenceRecord(
                view=view,
                kind=item.kind,
                subject=item.subject,
                key=item.key,
                expected=item.expected,
                observed=item.observed,
            )
            for view, item in told[:MAX_DIFFERENCES]
        ),
        differences_total=len(told),
        views={name: dict(rows) for name, rows in views.items()},
        source="views",
    )
