"""The comparison while a run lives: it tells what lasts, once, and pulls the switch where that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fixtures.differing import POSITION, both, differs, last_trade, lost, named, told_of_others

if TYPE_CHECKING:
    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.venue.faults.driving import VenueFault

RUNBOOK = "docs/runbooks/views-differ.md"
LATE = [
    *lost(),
    *both("missing_local position", POSITION, "long 0.010"),
    differs("engine balance balance", "USDT", "999999.94", "1000000"),
]
ON_ITS_WAY = pytest.mark.spec("reconciled.yaml")
PULLS = pytest.mark.spec("mismatch_pulls.yaml")


def _resting(paper: Paper) -> Any:
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    return order


def _held(venue: DrillVenue) -> VenueFault:
    """Return the fault that what the user stream tells of fills comes later."""
    return venue.faults.hold_messages(kind="user")


def _pump_until(paper: Paper, *, is_pending: bool) -> None:
    """Let the run go on, which compares when it is time, until something that differs may be on its way, or may not."""
    reconciled = paper.run.reconciled
    assert reconciled is not None
    while reconciled.has_pending is not is_pending:
        paper.run.pump(0.05)


@ON_ITS_WAY
@pytest.mark.drill("difference-on-its-way", rehearses=["RC-11", "RC-14"], recover_within="2s", runbook=RUNBOOK)
@pytest.mark.mutant("for-long")
def test_what_is_on_its_way_is_not_told(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """A fill that was compared before its report came is no difference."""
    drill.steady("engine.trading", "views.agree")
    order = _resting(paper)
    with drill.inject(_held(venue)):
        venue.fill(order)
        _pump_until(paper, is_pending=True)
        if drill.mutant:
            _pump_until(paper, is_pending=False)
    drill.recovers("views.agree")
    drill.holds("views.quiet")


@ON_ITS_WAY
@pytest.mark.drill(
    "difference-told-and-ended", rehearses=["RC-14", "OL-06"], detect_within="3s", recover_within="3s", runbook=RUNBOOK
)
@pytest.mark.mutant("for-good")
@pytest.mark.mutant("told-of-others", told_of_others)
def test_what_lasts_is_told_and_so_is_its_end(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """A report that is late for long is told as what it leaves unknown; when it came, that is told too."""
    drill.steady("engine.trading", "views.agree")
    order = _resting(paper)
    late = venue.faults.drop_user_stream() if drill.mutant == "for-good" else _held(venue)
    with drill.inject(late):
        venue.fill(order)
        drill.record("differences", named(LATE, order.client_order_id.value, last_trade(paper)))
        drill.detects("views.differ_so", "views.told")
    drill.recovers("views.agree", "views.told_again")


@PULLS
@pytest.mark.drill(
    "mismatch-pulls-the-switch",
    rehearses=["RC-15", "SK-08"],
    severity="blocker",
    detect_within="4s",
    recover_within="3s",
    runbook=RUNBOOK,
)
@pytest.mark.mutant("too-short")
def test_a_mismatch_that_lasts_pulls_the_switch_once(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """Views that differ for longer than the spec allows pull the run's switch, once: no new order leaves."""
    drill.steady("engine.trading", "views.agree")
    order = _resting(paper)
    with drill.inject(_held(venue)):
        venue.fill(order)
        if not drill.mutant:
            drill.detects("views.pulled")
    drill.recovers("views.agree")
    after = paper.buy_limit("0.010", at="29000.0")
    paper.until(lambda: after.status_string() in ("DENIED", "REJECTED", "ACCEPTED"), "an answer")
    drill.record("after", [str(after.client_order_id)])
    drill.holds("views.pulled")
