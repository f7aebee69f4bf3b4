"""A node falls silent: the venue cancels its orders by itself, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fixtures.containing import resting, with_position
from fixtures.dead_man import (
    RENEWALS,
    pass_time,
    record,
    renewed_once,
    unarmed,
    until_armed,
    until_emptied,
)
from fixtures.doors import PulledSwitch
from fixtures.kill_rows import Cut, quick

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.runs.by_hand_process import PaperProcess
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/dead-man.md"
pytestmark = pytest.mark.spec("dead_man.yaml")


@pytest.mark.drill("dead-man-frozen", rehearses=["SK-09"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("unarmed", unarmed)
def test_the_orders_of_a_frozen_node_are_cancelled(drill: Drill, paper_process: Callable[..., PaperProcess]) -> None:
    """SIGSTOP: the process lives and does nothing. Its orders go when the countdown is over; it wakes, and knows."""
    paper = paper_process()
    if drill.mutant is None:
        until_armed(drill, paper)
    orders = resting(paper, 2)
    drill.steady("engine.trading", "views.agree")
    with drill.inject(paper.frozen()):
        _until_silent(drill, paper, orders)
    drill.recovers("views.agree")
    drill.record("dead_man_actions", ["armed", "lost", "regained"])
    drill.holds("dead_man.told")


@pytest.mark.drill("dead-man-cut-off", rehearses=["SK-09"], severity="blocker", contain_within="8s", runbook=RUNBOOK)
@pytest.mark.mutant("unarmed", unarmed)
def test_a_kill_without_a_line_to_the_venue_leaves_no_order(
    drill: Drill, paper_with: Callable[..., Paper], kill_switch: KillSwitches
) -> None:
    """No request gets through when the switch is pulled: the venue cancels alone; the position goes afterwards."""
    with quick():
        paper = paper_with()
    venue = paper.venue
    if drill.mutant is None:
        until_armed(drill, paper)
    with_position(paper)
    orders = resting(paper, 2)
    drill.steady("engine.trading", "views.agree")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        with drill.inject(Cut(venue)):
            _until_silent(drill, paper, orders)
        drill.contains("containment.flat", "containment.told")


@pytest.mark.drill("dead-man-renewed", rehearses=["SK-09"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("renewed-once", renewed_once)
def test_a_node_that_works_keeps_its_orders(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """Several countdowns go by, and the orders rest: the venue hears of the node in time, again and again."""
    until_armed(drill, paper)
    orders = resting(paper, 2)
    drill.steady("engine.trading", "views.agree")
    pass_time(paper, 2.5)
    record(drill, venue, orders)
    drill.holds("dead_man.kept", "views.agree")


@pytest.mark.drill("dead-man-renewal-lost", rehearses=["SK-09"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("all-lost")
@pytest.mark.parametrize("lost", ["refused", "unanswered"])
def test_one_renewal_that_fails_costs_no_order(drill: Drill, paper: Paper, venue: DrillVenue, lost: str) -> None:
    """A renewal is refused, or never answered: the ones after it come in time, and the journal tells of it."""
    until_armed(drill, paper)
    orders = resting(paper, 2)
    drill.steady("engine.trading", "views.agree")
    times = 1 if drill.mutant is None else None
    faults = venue.faults
    if lost == "refused":
        fault = faults.reject_requests(route=RENEWALS, status=503, code=-1001, times=times)
    else:
        fault = faults.hang_requests(route=RENEWALS, when="before", times=times)
    with drill.inject(fault):
        pass_time(paper, 2.0)
    record(drill, venue, orders)
    drill.record("dead_man_actions", ["armed", "failed"])
    drill.holds("dead_man.kept", "dead_man.told", "views.agree")


@pytest.mark.drill("dead-man-ended", rehearses=["SK-09"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("killed-instead")
def test_a_node_that_stops_well_leaves_its_orders(drill: Drill, paper_process: Callable[..., PaperProcess]) -> None:
    """SIGTERM with ``on_stop: leave``: the countdown is ended, and the orders rest when it would have been over."""
    paper = paper_process()
    until_armed(drill, paper)
    orders = resting(paper, 2)
    drill.steady("engine.trading", "views.agree")
    with drill.inject(paper.terminated() if drill.mutant is None else paper.killed()):
        pass_time(paper, 2.0)
        record(drill, paper.venue, orders)
    drill.record("dead_man_actions", ["armed", "ended"])
    drill.holds("dead_man.kept", "dead_man.told")


def _until_silent(drill: Drill, paper: Paper, orders: list[Any]) -> None:
    """Wait until the venue has no order, or should have had none for long; what it has is the check's to judge."""
    until_emptied(paper)
    record(drill, paper.venue, orders)
    drill.holds("dead_man.cancelled")
