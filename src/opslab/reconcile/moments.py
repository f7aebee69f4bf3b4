"""The moments of which a run wrote its views down: rows of two moments are never taken for one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from opslab.reconcile.view_difference import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

END, FAILED = "end", "failed"
ENDS = (END, FAILED)
"""The phases of a run's last moment; a run without either lives yet, or ended where nobody could look."""


class Moment(NamedTuple):
    """What was written down of one moment.

    Attributes:
        phase: when it was.
        views: the rows, by whose view they are.
    """

    phase: str
    views: dict[str, dict[str, Any]]

    @property
    def is_whole(self) -> bool:
        """Whether all three told theirs."""
        return all(name in self.views for name in NAMES)


def moments_of(rows: Iterable[Mapping[str, Any]]) -> list[Moment]:
    """Return the moments that the lines of ``views.jsonl`` tell of, in order.

    Args:
        rows: the lines; what is no view is passed over.
    """
    found: list[Moment] = []
    for row in rows:
        if not isinstance(row, dict) or "view" not in row:
            continue
        phase, name = str(row.get("phase")), str(row["view"])
        if not found or found[-1].phase != phase or name in found[-1].views:
            found.append(Moment(phase, {}))
        found[-1].views[name] = {key: value for key, value in row.items() if key not in ("view", "phase")}
    return found


def last_of(moments: Iterable[Moment]) -> Moment | None:
    """Return the last moment of which all three views were written down; None where there is none."""
    return next((moment for moment in reversed([*moments]) if moment.is_whole), None)
