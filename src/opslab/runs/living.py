"""A drill's paper run while it lives: started with its venue in a thread, told of the drill's phases, ended with it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from opslab.errors import CheckFailed, EngineError
from opslab.reconcile.three_views import differences
from opslab.runs.by_hand import Paper
from opslab.runs.paper import begin_paper
from opslab.runs.paper_run import STEP_SECONDS, NodeOf, PaperRun, live_node
from opslab.runs.venue_host import ThreadHost, thread_host
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab.contract.drill import Phase
    from opslab.contract.events import Event
    from opslab.contract.spec_file import SpecFile
    from opslab.root import Lab
    from opslab.runs.plan import Plan
    from opslab.runs.rehearsal import Rehearsal

FAILED = "OPS-RUN-FAILED"
ON_ITS_WAY_SECONDS = 0.5
"""How long an order or event of a user's strategy may be on its way before it counts as a difference."""
type PaperOf = Callable[[PaperRun, ThreadHost], Any]


class LivingRun:
    """One living paper run of a drill.

    Args:
        run: the run, started.
        host: its venue.
        paper_of: makes what the drill drives.
    """

    def __init__(self, run: PaperRun, host: ThreadHost, paper_of: PaperOf = Paper) -> None:
        self._run = run
        self.paper = paper_of(run, host)

    @classmethod
    def begun(
        cls,
        rehearsal: Rehearsal,
        spec_file: SpecFile,
        *,
        node_of: NodeOf = live_node,
        paper_of: PaperOf = Paper,
    ) -> LivingRun:
        """Ask the gate, start venue and node, and return the run.

        Args:
            rehearsal: the drill's.
            spec_file: the spec.
            node_of: makes the node; one in this process by default.
            paper_of: makes what the drill drives.

        Raises:
            CheckFailed: the gate blocks it, or node or venue did not start; the run is recorded as that.
            OpsLabError: as ``begin_paper``.
        """
        begun, host = begun_in_thread(rehearsal, spec_file, thread_host)
        begun.node_of = node_of
        try:
            begun.start(rehearsal.own)
        except BaseException as error:
            with begun:
                rehearsal.adopt(begun.fail(error))
            if isinstance(error, EngineError):
                raise CheckFailed(f"{FAILED}: {begun.shown(error)}", (FAILED,)) from error
            raise
        return cls(begun, host, paper_of)

    @property
    def path(self) -> Path:
        """The bundle's directory."""
        return self._run.writer.path

    def views(self) -> dict[str, dict[str, Any]]:
        """Return what venue, engine and strategy believe now.

        A user's strategies trade on meanwhile: what differs only because something is on its way is given a moment.
        """
        views, deadline = self._run.views(), time.monotonic() + ON_ITS_WAY_SECONDS
        while self._run.own is not None and differences(views):
            if (left := deadline - time.monotonic()) <= 0:
                break
            with contextlib.suppress(EngineError):  # whether it still trades is judged elsewhere
                self._run.node.pump(left)
            views = self._run.views()
        return views

    def pump(self, seconds: float) -> None:
        """Let the node work until something changed, at most ``seconds`` and not for long.

        Raises:
            CheckFailed: the node stopped trading.
        """
        try:
            self._run.pump(min(seconds, STEP_SECONDS))
        except EngineError as error:
            raise CheckFailed(f"{FAILED}: {self._run.shown(error)}", (FAILED,)) from error

    def entered(self, phase: Phase) -> None:
        """Write the views down as they are when the drill crosses into ``phase``."""
        self._run.take_views(phase.value)

    def told(self, event: Event) -> None:
        """Write what the drill says into the run's journal too."""
        self._run.writer.append(event.model_copy(update={"run_id": self.path.name}))

    def end(self) -> Bundle:
        """Complete the run and return its bundle; one whose node does not end well is recorded as failed."""
        with self._run as run:
            try:
                run.node.require_trading()
                return run.complete()
            except Exception as error:  # noqa: BLE001 - whatever ended it, the run gets its end
                return run.fail(error)


def begun_in_thread(
    rehearsal: Rehearsal, spec_file: SpecFile, make: Callable[[Plan, Lab, Path], ThreadHost]
) -> tuple[PaperRun, ThreadHost]:
    """Ask the gate for one of a drill's runs and claim its id; return the run, not started yet, and its venue.

    Args:
        rehearsal: the drill's.
        spec_file: the spec.
        make: makes the venue.

    Raises:
        CheckFailed: the gate blocks it; the blocked run counts as the drill's.
        OpsLabError: as ``begin_paper``.
    """
    hosts: list[ThreadHost] = []

    def host_of(plan: Plan, lab: Lab, wire_path: Path) -> ThreadHost:
        hosts.append(make(plan, lab, wire_path))
        return hosts[-1]

    begun = begin_paper(
        rehearsal.lab,
        spec_file,
        rehearsal.registry,
        clock=rehearsal.clock,
        run_id=rehearsal.ids.effective(spec_file.spec.run_id),
        session_id=rehearsal.ids.session_id,
        switches=rehearsal.switches,
        host_of=host_of,
    )
    if isinstance(begun, Bundle):
        rehearsal.adopt(begun)
        raise CheckFailed(f"{FAILED}: the gate blocks the paper run", (FAILED,))
    return begun, hosts[0]
