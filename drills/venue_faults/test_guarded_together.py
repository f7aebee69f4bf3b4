"""All guards at once: on a healthy node they do nothing, and they do not keep each other or a kill from working."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from fixtures.containing import deaf_outside, removed, resting, with_position
from fixtures.doors import PulledSwitch, last_seq
from fixtures.guarding import hears_nothing, with_guard

if TYPE_CHECKING:
    from opslab import Drill
    from opslab.drill.faults import Fault
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.safety.switches import KillSwitches

AGREE = ("views.agree", "positions.no_phantoms", "orders.told_truly", "orders.no_duplicates")
FLAT = ("containment.flat", "containment.told", "containment.timed")
LONG_SECONDS = 120
LOOKS = 3
"""So often guard user_stream asks while an order rests: twice is enough for it to judge."""

guarded = partial(pytest.mark.drill, runbook="docs/runbooks/guards.md")


@guarded("guarded-life-cycle", severity="critical")
@pytest.mark.mutant("corrects-too-much", hears_nothing)
@with_guard("all", "all_spot")
def test_a_node_trades_with_all_guards(drill: Drill, paper: Paper, venue: DrillVenue, spec: str) -> None:
    """Nothing is broken: orders rest, fill in part and are cancelled, a position opens and closes, no guard acts."""
    drill.steady("engine.trading", "guard.installed", *AGREE)
    order = paper.buy_limit("0.020", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    venue.fill(order, "0.010")
    paper.until_status(order, "PARTIALLY_FILLED")
    since = last_seq(venue)
    paper.until(lambda: _looks(venue, since) >= LOOKS, "looks of the guards")
    paper.settle()
    drill.holds("guard.quiet", *AGREE)
    paper.cancel(order)
    paper.until_status(order, "CANCELED")
    is_spot = spec.endswith("spot")
    close = paper.sell_market("0.00999") if is_spot else paper.sell_market("0.010", reduce_only=True)
    paper.until_status(close, "FILLED")
    paper.settle()
    drill.holds("engine.trading", "guard.quiet", *AGREE)


@guarded("guarded-killed", rehearses=["SK-01"], severity="blocker", contain_within="2s")
@pytest.mark.mutant("not-followed", removed)
@with_guard("all", "all_spot")
def test_a_pull_empties_the_venue_through_all_guards(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, spec: str
) -> None:
    """No guard holds back what ends orders and a position."""
    del spec
    _something_to_lose(drill, paper)
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        drill.contains(*FLAT)


@guarded("guarded-killed-while-banned", rehearses=["SK-07", "SK-09"], severity="blocker", contain_within="5s")
@pytest.mark.mutant("not-followed", removed)
@with_guard("all", "rate_limit")
def test_a_ban_that_ends_is_waited_out(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, spec: str
) -> None:
    """The breaker is shut when the switch is pulled, and the venue means it: it is empty soon after the ban."""
    del spec
    _something_to_lose(drill, paper)
    with drill.inject(venue.faults.ban(seconds=1.0)) as ban:
        _shut(paper, ban)
        with drill.inject(PulledSwitch(kill_switch, paper, venue)):
            drill.contains(*FLAT)


@guarded("guarded-killed-behind-a-breaker", rehearses=["SK-07", "SK-09"], severity="blocker", contain_within="3s")
@pytest.mark.mutant("engine-only", deaf_outside)
@with_guard("all", "rate_limit")
def test_a_containment_does_not_wait_behind_the_breaker(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, spec: str
) -> None:
    """The breaker is shut for minutes over one answer, the venue answers all else: it is emptied past the engine."""
    del spec
    _something_to_lose(drill, paper)
    header = {"Retry-After": str(LONG_SECONDS)}
    with drill.inject(venue.faults.reject_requests(status=418, code=-1003, headers=header, times=1)) as refusal:
        _shut(paper, refusal)
        with drill.inject(PulledSwitch(kill_switch, paper, venue)):
            drill.contains(*FLAT)


def _something_to_lose(drill: Drill, paper: Paper) -> None:
    with_position(paper)
    resting(paper, 3)
    drill.steady("engine.trading", "guard.installed")


def _shut(paper: Paper, fault: Fault) -> None:
    """Let the venue refuse a request, which shuts the breaker: the next order is denied."""
    refused = paper.buy_limit("0.004", at="29000.0")
    paper.until(lambda: refused.status_string() in ("REJECTED", "DENIED"), f"{fault.name} takes effect")
    denied = paper.buy_limit("0.004", at="29100.0")
    paper.until_status(denied, "DENIED")


def _looks(venue: DrillVenue, since: int) -> int:
    """Return how often open orders were asked for since a record, which on a healthy node only the guard does."""
    records = venue.thread.wire.records(since)
    return sum(one.kind == "request" and one.facts["path"].endswith("/openOrders") for one in records)
