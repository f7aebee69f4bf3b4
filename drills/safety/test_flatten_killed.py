"""``tc kill flatten`` as a process is killed with SIGKILL, or cannot write: the next one ends what it began."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from fixtures.doors import last_seq
from fixtures.flatten_process import CLOSES_NOTHING, FULL_DISK, GIVES_UP, FlattenProcess, came, fates, on_route
from fixtures.flattening import Outside

if TYPE_CHECKING:
    from pathlib import Path

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper

RUNBOOK = "docs/runbooks/flatten-incomplete.md"
EMPTIED = ("flatten.done", "flatten.truthful", "flatten.closed_once", "containment.flat")
pytestmark = pytest.mark.spec("drills/safety/held_at_the_door.yaml")
SECONDS = 10.0
CANCELS = ("DELETE", "allOpenOrders")
CLOSES = ("POST", "order")


def _busy(paper: Paper) -> None:
    paper.until_status(paper.buy_market("0.012"), "FILLED")
    orders = [paper.buy_limit("0.010", at=price) for price in ("30000.0", "30100.0")]
    for order in orders:
        paper.until_status(order, "ACCEPTED")


def _killed(drill: Drill, venue: DrillVenue, command: FlattenProcess, route: tuple[str, str], when: str) -> None:
    """Kill it while the reply to a request of ``route`` is held, before or after the request took effect."""
    method, name = route
    with drill.inject(venue.faults.hang_requests(route=f"{method} */{name}", when=when, times=1)):
        moment = on_route(venue, method, name, last_seq(venue))
        Outside(drill, venue, command.killed_when(moment))(SECONDS)


@pytest.mark.drill("flatten-killed-at-a-cancel", rehearses=["SK-09", "SK-03"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("not-again")
@pytest.mark.parametrize("when", ["before", "after"])
def test_one_that_is_killed_at_a_cancel_is_followed_by_another(
    drill: Drill, paper: Paper, venue: DrillVenue, tmp_path: Path, when: str
) -> None:
    """Killed while it looks, and while the reply to its cancel is held: the next one cancels the rest, and closes."""
    _busy(paper)
    drill.steady("engine.trading", "views.agree")
    command = FlattenProcess(paper, tmp_path)
    _killed(drill, venue, command, ("GET", "openOrders"), "after")
    _killed(drill, venue, command, CANCELS, when)
    if drill.mutant is None:
        Outside(drill, venue, command)(SECONDS)
    drill.holds("flatten.done", "flatten.truthful", "containment.flat")


@pytest.mark.drill("flatten-killed-at-a-close", rehearses=["SK-06", "OL-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("log-lost")
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_close_that_was_on_its_way_is_asked_about(
    drill: Drill, paper: Paper, venue: DrillVenue, tmp_path: Path, when: str
) -> None:
    """Killed while the reply to its close is held, done or not: the next one asks about it, and closes what is left."""
    _busy(paper)
    drill.steady("engine.trading", "views.agree")
    command, since = FlattenProcess(paper, tmp_path), last_seq(venue)
    _killed(drill, venue, command, CLOSES, when)
    if drill.mutant is not None:
        command.forget()
    Outside(drill, venue, command)(SECONDS)
    fates(drill, venue, since)
    drill.holds("flatten.done", "flatten.truthful", "flatten.asked", "containment.flat")


@pytest.mark.drill("flatten-killed-anywhere", rehearses=["SK-09", "SK-06"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("positions-kept")
@pytest.mark.parametrize("turn", range(4))
def test_kills_at_any_request_are_survived(
    drill: Drill, paper: Paper, venue: DrillVenue, tmp_path: Path, turn: int
) -> None:
    """Killed again and again after requests that chance names: the last one leaves nothing, and closes once."""
    _busy(paper)
    drill.steady("engine.trading", "views.agree")
    command, chance = FlattenProcess(paper, tmp_path), random.Random(f"{drill.seed} {turn}")
    command.prelude = CLOSES_NOTHING if drill.mutant else ""
    for count in sorted(chance.sample(range(1, 8), 3)):
        moment = came(venue, count, last_seq(venue))
        Outside(drill, venue, command.killed_when(moment))(SECONDS)
    Outside(drill, venue, command)(SECONDS if drill.mutant is None else 1.0)
    drill.holds("flatten.done", "flatten.truthful", "containment.flat")


@pytest.mark.drill("flatten-on-a-full-disk", rehearses=["SK-02"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("stops-at-the-disk")
def test_a_full_disk_keeps_it_from_nothing(drill: Drill, paper: Paper, venue: DrillVenue, tmp_path: Path) -> None:
    """The process can write into no file: no record, no intent. It flattens all the same, and says so."""
    _busy(paper)
    drill.steady("engine.trading", "views.agree")
    command = FlattenProcess(paper, tmp_path)
    command.prelude = FULL_DISK + (GIVES_UP if drill.mutant else "")
    Outside(drill, venue, command)(SECONDS)
    drill.record("warned", {"told": command.told, "words": ["not written down", "could not be recorded"]})
    drill.holds(*EMPTIED, "flatten.warned")
