"""How old what a view tells is: pure functions of stamps, with time as an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.reconciliation import DifferenceKind as Kind
from opslab.contract.reconciliation import Subject
from opslab.reconcile.diff import Difference

if TYPE_CHECKING:
    from datetime import datetime

FUTURE_SECONDS = 5.0
"""How far ahead a stamp may be before it counts as impossible: clocks of two machines differ a little."""


def age_difference(key: str, moment: datetime | None, at: datetime, max_age_seconds: float) -> Difference | None:
    """Return why what was updated at ``moment`` is not fresh ``at`` a later time, or None when it is.

    A stamp a little ahead has age 0; one further ahead is ``future``, a missing one ``unknown``: neither is fresh.
    """
    if moment is None:
        return Difference(Kind.UNKNOWN, Subject.FRESHNESS, key)
    if ahead := future_difference(key, moment, at):
        return ahead
    age = max(0.0, (at - moment).total_seconds())
    if age <= max_age_seconds:
        return None
    return Difference(Kind.STALE, Subject.FRESHNESS, key, f"at most {max_age_seconds:g} s", f"{age:.6f} s old")


def future_difference(key: str, moment: datetime, at: datetime) -> Difference | None:
    """Return a difference when ``moment`` lies after ``at`` by more than ``FUTURE_SECONDS``."""
    if (moment - at).total_seconds() <= FUTURE_SECONDS:
        return None
    return Difference(Kind.FUTURE, Subject.FRESHNESS, key, f"by {at.isoformat()}", moment.isoformat())
