"""The reconciliation of one paper run: what it compares, what it keeps in the bundle, and when it pulls the switch."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from opslab.contract.reconciliation import Subject
from opslab.errors import OpsLabError, StoreError, one_line
from opslab.reconcile.judging import WIRE, views_result
from opslab.reconcile.keeping import RESULT, keep
from opslab.reconcile.moments import FAILED
from opslab.reconcile.three_views import all_differences
from opslab.reconcile.view_difference import unknown
from opslab.reconcile.wire_view import wire_differences, wire_view
from opslab.runs.reconciling import ODD, Reconciling, Sources
from opslab.safety.firing import Firing
from opslab.safety.triggers import mismatch
from opslab.store import layout
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opslab.reconcile.view_difference import ViewDifference
    from opslab.runs.paper_run import PaperRun

MAX_KEPT = 20
"""How many changes of a run are kept with their views; the journal tells of all, and the end is always kept."""

DEFAULT_SECONDS = 1.0
"""How often views are compared where the spec limits a mismatch and asks for no comparison while the run lives."""

LIVE = "the venue's books", "engine and strategy"
"""What is compared while a run lives."""


def interval_of(seconds: float | None, limit: float | None) -> float | None:
    """Return how often views are compared: as the spec asks, but often enough to see a mismatch that lasts too long.

    Args:
        seconds: what the spec asks for; None: at the end only.
        limit: how long a mismatch may last, in seconds; None: for ever.
    """
    if limit is None:
        return seconds
    return min(seconds or DEFAULT_SECONDS, limit / 2)


class Reconciled:
    """Compares the views of a run that has started.

    Args:
        run: the run.
        pull: pulls its kill switch; is given the reason.
    """

    def __init__(self, run: PaperRun, pull: Callable[[str], None]) -> None:
        spec = run.plan.spec
        self._run, self._kept = run, 0
        limits = spec.risk.limits
        self._reconciling = Reconciling(
            Sources(run.host.books, run.views_of, run.tell, self._keep_change),
            interval_of(spec.execution.reconcile_seconds, limits.max_mismatch_seconds if limits else None),
            mismatch(limits),
            Firing(
                pull,
                self._tell_fired,
                is_active=lambda: run.switches.gate(run.life.run_id).blocked,
            ),
        )

    @property
    def has_pending(self) -> bool:
        """Whether something differs that may yet be on its way."""
        return self._reconciling.has_pending

    def tick(self) -> None:
        """Compare when it is time; see ``Reconciling.tick``."""
        self._reconciling.tick()

    def settle(self) -> None:
        """Before the node stops: let what is on its way arrive."""
        self._reconciling.settle(self._run.node.pump)

    def conclude_failed(self, books: Mapping[str, Any] | None, views: Mapping[str, Mapping[str, Any]] | None) -> None:
        """Keep the comparison at the end of a run that failed; whoever could not tell then is unknown.

        What keeps it from being kept is borne: the run's end matters more, and it is told without it.

        Args:
            books: the venue's final books; None: it did not answer.
            views: the views as they were at the end; None: they could not be had.
        """
        with contextlib.suppress(OpsLabError, *ODD):
            wire = wire_view(Bundle(self._run.writer.path).wire)
            lost = [unknown(WIRE, Subject.FILL, f"there is no {layout.LEDGER}")]
            if books is not None:
                lost = wire_differences(books, self._account, wire)
            found = [unknown("venue", Subject.FRESHNESS, "nobody could tell at the run's end", "phase", FAILED)]
            if views is not None:
                found = _compared(views)
            inputs = layout.LEDGER, f"{layout.VIEWS} ({FAILED}), {layout.WIRE}"
            self._keep(inputs, (found, lost), {**(views or {}), WIRE: wire})

    @property
    def _account(self) -> str:
        return self._run.address.account if self._run.address else ""

    def conclude(self, books: Mapping[str, Any], views: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep the comparison at the run's end, the wire included; the wire log must be whole.

        Args:
            books: the venue's final books.
            views: the views as they were at the end.

        Raises:
            StoreError: it cannot be kept.
        """
        wire = wire_view(Bundle(self._run.writer.path).wire)
        lost = wire_differences(books, self._account, wire)
        inputs = layout.LEDGER, f"{layout.VIEWS} (end), {layout.WIRE}"
        self._keep(inputs, (_compared(views), lost), {**views, WIRE: wire})

    def _tell_fired(self, event: str, facts: Mapping[str, Any]) -> None:
        """Tell the journal of a trigger, and keep what pulled the switch, however many changes were kept before."""
        self._run.tell(event, facts)
        if self._kept >= MAX_KEPT:
            self._keep(LIVE, (self._reconciling.differences, ()), {})

    def _keep_change(self, differences: Sequence[ViewDifference], views: Mapping[str, Mapping[str, Any]]) -> None:
        if self._kept < MAX_KEPT:
            self._kept += 1
            self._keep(LIVE, (differences, ()), views)

    def _keep(
        self,
        inputs: tuple[str, str],
        found: tuple[Sequence[ViewDifference], Sequence[ViewDifference]],
        views: Mapping[str, Mapping[str, Any]],
    ) -> None:
        life, bundle = self._run.life, self._run.writer.path
        result = views_result(life.run_id, inputs, found, views, life.clock.now())
        path = bundle / RESULT
        shown = path.relative_to(life.lab.root) if path.is_relative_to(life.lab.root) else path
        kept = keep(bundle, result, one_line(shown.as_posix(), 1024), life.clock)
        if kept.told_in != layout.JOURNAL:
            raise StoreError("was not told in the run's journal", where=bundle / kept.name, fix="verify the bundle")


def _compared(views: Mapping[str, Mapping[str, Any]]) -> list[ViewDifference]:
    """Return what differs; what cannot be compared is unknown, and costs the run nothing else."""
    try:
        return all_differences(views)
    except ODD as error:
        why = one_line(f"{type(error).__name__}: {error}", 200)
        return [unknown("engine", Subject.POSITION, why)]
