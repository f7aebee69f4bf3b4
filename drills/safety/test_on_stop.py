"""A run that stops leaves nothing at its venue when its spec says so, and else says what it leaves."""

from __future__ import annotations

import dataclasses
import signal
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from fixtures.containing import Both, resting, with_position

from opslab.runs.by_hand_process import NodeFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opslab import Drill
    from opslab.runs.by_hand_process import PaperProcess
    from opslab.store.reader import Bundle

    type Run = Callable[..., Bundle]

RUNBOOK = "docs/runbooks/containment.md"
FLATTENS = pytest.mark.spec("stop_flatten.yaml")
SPOT = {"execution.market": "spot"}
RAISES = {"strategy.params": {"raises": True}, "execution.max_seconds": 10}


def _left_alone() -> AbstractContextManager[object]:
    """Let the run leave what there is, whatever its spec says."""
    from opslab.contract.execution import OnStop
    from opslab.runs import containing, paper_run

    made = paper_run.node_order

    def order(plan: Any) -> Any:
        return dataclasses.replace(made(plan), on_stop=OnStop.LEAVE)

    both = mock.patch.object(paper_run, "node_order", order), mock.patch.object(containing, "_cause", return_value=None)
    return Both(*both)


def _unsaid() -> AbstractContextManager[object]:
    """Name nothing of what is left."""
    from opslab.contract.left import LeftAtVenue
    from opslab.runs import containing

    return mock.patch.object(containing, "left_of", return_value=LeftAtVenue())


@FLATTENS
@pytest.mark.drill("stop-at-the-bound-flattens", severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("left-alone", _left_alone)
def test_a_run_that_comes_to_its_end_leaves_nothing(drill: Drill, run: Run) -> None:
    """The bound is reached with a position and a resting order: both are gone, and the run is completed."""
    run()
    drill.holds("run.completed", "containment.began", "containment.flat", "containment.told", "stop.left_named")


@FLATTENS
@pytest.mark.drill("stop-by-exception-flattens", rehearses=["SK-02"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("left-alone", _left_alone)
def test_a_strategy_that_raises_leaves_nothing(drill: Drill, run: Run) -> None:
    """An exception in a strategy shuts the node down: its position and its order are gone all the same."""
    run(RAISES, may_fail=True)
    drill.holds("run.failed", "containment.began", "containment.flat", "containment.told", "stop.left_named")


@pytest.mark.drill("stop-names-what-it-leaves", severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("left-unsaid", _unsaid)
@pytest.mark.parametrize("changes", [{}, RAISES, SPOT], ids=["bound", "exception", "spot"])
@pytest.mark.spec("stop_leave.yaml")
def test_a_run_that_leaves_something_names_it(drill: Drill, run: Run, changes: dict[str, Any]) -> None:
    """With ``on_stop: leave`` order and position stay, and the journal names them as the venue's books have them.

    On spot what was bought is no position in those books: it is what the account has beyond what it had before.
    """
    run(changes, may_fail=True)
    drill.holds("stop.left_something", "stop.left_named")


@pytest.mark.drill("stop-by-signal-flattens", severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("killed-instead")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
@pytest.mark.spec("stop_by_hand.yaml")
def test_a_signalled_node_leaves_nothing(
    drill: Drill, paper_process: Callable[..., PaperProcess], number: signal.Signals
) -> None:
    """SIGTERM and SIGINT: the node empties its venue before its process ends."""
    paper = paper_process()
    with_position(paper)
    resting(paper, 3)
    drill.steady("engine.trading", "views.agree")
    with drill.inject(NodeFault(paper.node, signal.SIGKILL if drill.mutant else number)):
        drill.holds("node.left_named", "containment.flat", "containment.told")
