"""A difference between the views of a run: whose it is, and in which words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from opslab.contract.reconciliation import DifferenceKind as Kind
from opslab.reconcile.diff import Difference

if TYPE_CHECKING:
    from opslab.contract.reconciliation import Subject

_KINDS = {
    Kind.MISSING_OBSERVED: Kind.MISSING_LOCAL,
    Kind.MISSING_EXPECTED: Kind.MISSING_VENUE,
    Kind.TOTAL: Kind.BALANCE,
}


NAMES = ("venue", "engine", "strategy")


class ViewDifference(NamedTuple):
    """A difference between the venue's view and another one.

    Attributes:
        view: whose: ``engine``, ``strategy`` or ``wire``; ``venue`` where it is the venue that could not tell.
        difference: what differs; expected is what the venue says.
    """

    view: str
    difference: Difference

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.view}: {self.difference}"


def unknown(view: str, subject: Subject, why: str, key: str = "", expected: str | None = None) -> ViewDifference:
    """Return that somebody could not tell something, or does not have it: that is never agreement.

    Args:
        view: who.
        subject: what it would have been about.
        why: one line.
        key: the row; none: all of them.
        expected: what was to be told.
    """
    return ViewDifference(view, Difference(Kind.UNKNOWN, subject, key, expected, why))


def told_of(view: str, found: list[Difference]) -> list[ViewDifference]:
    """Return differences as those of a view, in the words for what the venue's books say and somebody believes."""
    return [
        ViewDifference(view, replace(item, kind=_KINDS[item.kind]) if item.kind in _KINDS else item) for item in found
    ]
