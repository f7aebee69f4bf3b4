"""Two close one position of a spot account at once: what was held before the run is never sold, by neither."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.containing import Broken, strangers, with_position
from fixtures.doors import PulledSwitch, last_seq
from fixtures.engine_rows import judge
from fixtures.flatten_process import FlattenProcess, fates, on_route
from fixtures.flattening import Outside
from fixtures.two_closers import (
    Kept,
    held_before,
    in_one_place,
    never_short,
    order_replies,
    overlooks_others,
    sells_what_was_held,
    tells_again,
    tells_nobody,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opslab import Drill
    from opslab.runs.by_hand import Paper
    from opslab.runs.by_hand_process import PaperProcess
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/flatten-incomplete.md"
pytestmark = pytest.mark.spec("../../src/opslab/samples/scenarios/btcusdt_spot_by_hand.yaml")
CLOSES = "POST */order"
LATE_SECONDS = 0.5
SECONDS = 4.0
FEW_ROUNDS = 3
LOOKED_AGAIN_SECONDS = 1.0
"""So long the node has to look again, and again, at a venue that nothing happens at."""


@pytest.fixture(autouse=True)
def stock() -> Iterator[None]:
    """Let the account hold bitcoin before the run."""
    with held_before():
        yield


@pytest.mark.drill(
    "kill-from-both-sides-spot", rehearses=["SK-06", "SK-15"], severity="blocker", contain_within="5s", runbook=RUNBOOK
)
@pytest.mark.mutant("overlooks-others", overlooks_others)
@pytest.mark.parametrize("way", ["engine", "past-it"])
def test_a_close_of_the_node_that_is_late_is_waited_for(
    drill: Drill,
    paper: Paper,
    kill_switch: KillSwitches,
    flatten: Callable[..., Any],
    way: str,
) -> None:
    """The node's close, through the engine or past it, is under way when the account is emptied from outside."""
    venue = paper.venue
    with_position(paper)
    kept = Kept(drill, venue)
    drill.steady("engine.trading")
    with contextlib.ExitStack() as faults:
        if way == "past-it":
            faults.enter_context(drill.inject(Broken("deaf")))
        slow = faults.enter_context(
            drill.inject(venue.faults.delay_requests(route=CLOSES, seconds=LATE_SECONDS, times=1))
        )
        faults.enter_context(drill.inject(PulledSwitch(kill_switch, paper, venue)))
        paper.until(lambda: slow.fired, "the node's close is on its way")
        done, count = flatten(seconds=SECONDS), order_replies(venue)
        drill.contains("containment.flat", "containment.told")
        kept()
        seen = {"is_flat": done.is_flat, "closes_afterwards": order_replies(venue) - count}
        judge(drill, "SK-06", seen, {"is_flat": True, "closes_afterwards": 0})
        drill.holds("containment.kept")


@pytest.mark.drill("kill-node-killed-closing-spot", rehearses=["SK-06", "SK-09"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("overlooks-others", overlooks_others)
@pytest.mark.parametrize("comes", ["late", "never"])
def test_a_close_of_a_node_that_was_killed_is_waited_for(
    drill: Drill,
    paper_process: Callable[..., PaperProcess],
    kill_switch: KillSwitches,
    flatten: Callable[..., Any],
    comes: str,
) -> None:
    """The node gets SIGKILL while its close is under way; it comes to the venue late, or never."""
    paper = paper_process()
    venue = paper.venue
    with_position(paper)
    kept = Kept(drill, venue)
    drill.steady("engine.trading")
    late = venue.faults.delay_requests(route=CLOSES, seconds=LATE_SECONDS, times=1)
    hangs = venue.faults.hang_requests(route=CLOSES, when="before", times=1)
    with drill.inject(late if comes == "late" else hangs):
        since = last_seq(venue)
        with drill.inject(PulledSwitch(kill_switch, paper, venue)):
            assert on_route(venue, "POST", "order", since)(SECONDS)
            with drill.inject(paper.killed()):
                Outside(drill, venue, flatten)(SECONDS)
    kept()
    drill.holds("flatten.done", "containment.kept")
    if comes == "never":
        fates(drill, venue, since)
        drill.holds("flatten.asked")


@pytest.mark.drill("kill-node-frozen-closing-spot", rehearses=["SK-09", "SK-15"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("tells-nobody", tells_nobody)
def test_a_node_that_wakes_does_not_close_what_was_closed_past_it(
    drill: Drill,
    paper_process: Callable[..., PaperProcess],
    kill_switch: KillSwitches,
    flatten: Callable[..., Any],
) -> None:
    """The node gets SIGSTOP before it closes; emptied past it, it wakes, hears nothing of it and believes as before."""
    paper = paper_process()
    venue = paper.venue
    with_position(paper)
    kept = Kept(drill, venue)
    drill.steady("engine.trading")
    with contextlib.ExitStack() as faults:
        with drill.inject(paper.frozen()):
            faults.enter_context(drill.inject(venue.faults.mute_stream()))
            faults.enter_context(drill.inject(PulledSwitch(kill_switch, paper, venue)))
            Outside(drill, venue, flatten)(SECONDS)
            drill.holds("flatten.done")
        ended = "containment_ended"
        paper.until(lambda: ended in drill.history.run.event_names, "the woken node has looked what is left")
        kept()
        drill.holds("containment.kept", "containment.told")


@pytest.mark.drill(
    "kill-outside-killed-closing-spot",
    rehearses=["SK-06", "SK-09"],
    severity="blocker",
    contain_within="5s",
    runbook=RUNBOOK,
)
@pytest.mark.mutant("overlooks-others", overlooks_others)
def test_a_close_from_outside_that_was_killed_is_waited_for(
    drill: Drill, paper: Paper, kill_switch: KillSwitches, tmp_path: Path
) -> None:
    """``tc kill flatten`` gets SIGKILL while its close is under way: the node waits for it, and so does the next."""
    venue = paper.venue
    with_position(paper)
    kept = Kept(drill, venue)
    drill.steady("engine.trading")
    command = FlattenProcess(paper, tmp_path)
    in_one_place(command, paper)
    with drill.inject(venue.faults.delay_requests(route=CLOSES, seconds=LATE_SECONDS, times=1)):
        moment = on_route(venue, "POST", "order", last_seq(venue))
        Outside(drill, venue, command.killed_when(moment))(SECONDS)
        with drill.inject(PulledSwitch(kill_switch, paper, venue)):
            drill.contains("containment.told", "containment.flat")
            Outside(drill, venue, command)(SECONDS)
            kept()
            drill.holds("flatten.done", "containment.kept")


@pytest.mark.drill("kill-sold-what-was-held-before", rehearses=["SK-15"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("never-short", never_short)
def test_less_than_what_was_held_before_is_not_called_flat(
    drill: Drill, paper: Paper, flatten: Callable[..., Any]
) -> None:
    """Somebody sold more than the run bought: a flatten cannot mend it, says what is missing, and ends at once."""
    venue = paper.venue
    with_position(paper)
    drill.steady("engine.trading")
    with drill.inject(venue.faults.manual_order(**strangers(venue, price=None, quantity="0.1", side="SELL"))):
        done = flatten(seconds=SECONDS)
        missing = {name: f"{amount:f}" for name, amount in done.left.short.items()}
        seen = {"is_flat": done.is_flat, "missing": missing, "is_quick": done.rounds <= FEW_ROUNDS}
        judge(drill, "SK-15", seen, {"is_flat": False, "missing": {"BTC": "0.09001000"}, "is_quick": True})


@pytest.mark.drill(
    "kill-short-is-told-once", rehearses=["SK-15"], severity="critical", contain_within="4s", runbook=RUNBOOK
)
@pytest.mark.mutant("sells-what-was-held", sells_what_was_held)
@pytest.mark.mutant("tells-again", tells_again)
def test_a_node_that_finds_too_little_sells_no_more_and_says_so_once(
    drill: Drill, paper_with: Callable[..., Paper], kill_switch: KillSwitches
) -> None:
    """Somebody sold what the run bought, and more; a node that leaves foreign orders out believes in its position."""
    paper = paper_with(filter_unclaimed_external_orders=True)
    venue = paper.venue
    with_position(paper)
    drill.steady("engine.trading")
    with drill.inject(venue.faults.manual_order(**strangers(venue, price=None, quantity="0.1", side="SELL"))):
        paper.until_fresh()
        with drill.inject(PulledSwitch(kill_switch, paper, venue)):
            paper.until(lambda: bool(_ended(drill)), "the containment ended")
            paper.settle(LOOKED_AGAIN_SECONDS)
            told = [(one["is_flat"], one["left"]["positions"]) for one in _ended(drill)]
            judge(drill, "SK-15", {"told": told}, {"told": [(False, {"BTC": "-0.09001000"})]})


def _ended(drill: Drill) -> list[Any]:
    return [event for event in drill.history.run.journal if event["event"] == "containment_ended"]
