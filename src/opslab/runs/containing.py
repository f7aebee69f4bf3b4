"""What becomes of orders and positions when a paper run stops, and what of them is left at its venue."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from opslab.contract.execution import MarketKind, OnKill, OnStop
from opslab.errors import OpsLabError
from opslab.runs.flattening import facts_of, flatten_run, living_account
from opslab.runs.node_process import NodeProcess
from opslab.runs.node_record import bought_in, left_of
from opslab.safety.pulls import CLEARED
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from opslab.contract.left import LeftAtVenue
    from opslab.runs.paper_run import PaperRun

OUTSIDE_SECONDS = 30.0
"""How long a venue is emptied from outside when its node is gone."""


def contain(run: PaperRun) -> None:
    """Let the node of a run that failed do what the spec wants when it stops; one that cannot is helped afterwards."""
    if _cause(run) is None:
        return
    with contextlib.suppress(Exception):  # whatever the node does, the venue is emptied from outside then
        node: Any = run.node
        if isinstance(node, NodeProcess):
            node.stop()
        else:
            node.contain()


def left_behind(run: PaperRun) -> LeftAtVenue | None:
    """Return what is left at the venue of a run whose node is gone, after emptying it if the spec wants that.

    None when the venue does not say.
    """
    left, cause = _left(run), _cause(run)
    if cause is None or left is None or not (left.orders or _is_held(run, left)):
        return left
    _empty(run, cause)
    return _left(run)


def _cause(run: PaperRun) -> str | None:
    """Return why nothing may be left behind; None when it may."""
    execution = run.plan.spec.execution
    if execution.on_stop is OnStop.FLATTEN:
        return "the run stops, and leaves nothing behind"
    if execution.on_kill is OnKill.FLATTEN and (decision := run.switches.gate(run.life.run_id)).blocked:
        return decision.reasons[0] if decision.reasons else "the kill switch is active"
    return None


def _is_held(run: PaperRun, left: LeftAtVenue) -> bool:
    """Return whether something is left that can be closed: of a spot account not what is too small to be sold."""
    from opslab.safety.flatten.drive import remains  # noqa: PLC0415 - most runs need none of it

    if run.plan.spec.execution.market is not MarketKind.SPOT or not left.positions:
        return bool(left.positions)
    try:
        return not remains(living_account(run)).is_flat
    except OpsLabError:
        return True


def _left(run: PaperRun) -> LeftAtVenue | None:
    try:
        return left_of(run.venue_view(), bought_in(run))
    except OpsLabError:
        return None


def _attempts(run: PaperRun) -> int:
    """Return how often the venue was to be emptied since the switch was cleared last, by the run's journal."""
    names = [event.get("event") for event in Bundle(run.writer.path).journal]
    last = max((at for at, name in enumerate(names) if name == CLEARED), default=0)
    return names[last:].count("containment_began")


def _empty(run: PaperRun, cause: str) -> None:
    """End over plain HTTP what the node left, and tell the journal."""
    run.tell("containment_began", {"cause": cause, "source": "stop", "attempt": _attempts(run) + 1})
    try:
        ended = flatten_run(run, OUTSIDE_SECONDS)
    except OpsLabError as error:
        run.tell("containment_ended", {"is_flat": False, "unknown": [str(error)]})
        return
    run.tell("containment_ended", facts_of(ended))
