"""A pulled switch empties the venue of a node that trades, whatever its strategies, strangers and its engine do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fixtures.containing import (
    Broken,
    PulledEverywhere,
    deaf_outside,
    engine_only,
    orders_only,
    recorded,
    removed,
    resting,
    strangers,
    told_once,
    unguarded,
    with_position,
)
from fixtures.doors import PulledSwitch, submitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.runs.by_hand_process import PaperProcess
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/containment.md"
FLAT = ("containment.flat", "containment.told", "containment.timed")
SPOT = pytest.mark.spec("src/opslab/samples/scenarios/btcusdt_spot_by_hand.yaml")


@pytest.mark.drill(
    "contained-fifty-orders",
    rehearses=["SK-01", "SK-15"],
    severity="blocker",
    detect_within="500ms",
    contain_within="1s",
    runbook=RUNBOOK,
)
@pytest.mark.mutant("not-followed", removed)
@pytest.mark.mutant("positions-kept", orders_only)
def test_a_pull_empties_the_venue(drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches) -> None:
    """Fifty resting orders and a position are gone within the budget, and the strategy knows it."""
    with_position(paper)
    resting(paper, 50)
    drill.steady("engine.trading", "views.agree")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        drill.detects("containment.began")
        drill.contains(*FLAT)
        drill.holds("views.agree")


@pytest.mark.drill("contained-spot", rehearses=["SK-01"], severity="blocker", contain_within="2s", runbook=RUNBOOK)
@pytest.mark.mutant("positions-kept", orders_only)
@SPOT
def test_a_pull_empties_a_spot_account(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """On spot, orders are cancelled and what was bought is sold."""
    with_position(paper)
    resting(paper, 3)
    drill.steady("engine.trading")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        drill.contains(*FLAT, "containment.sold")


@pytest.mark.drill("contained-globally", rehearses=["SK-15"], severity="blocker", contain_within="1s", runbook=RUNBOOK)
@pytest.mark.mutant("not-followed", removed)
def test_the_global_switch_contains_too(drill: Drill, paper: Paper, kill_switch: KillSwitches) -> None:
    """The switch of every run empties the venue of each."""
    with_position(paper)
    resting(paper, 2)
    drill.steady("engine.trading")
    with drill.inject(PulledEverywhere(kill_switch)):
        drill.contains(*FLAT)


@pytest.mark.drill(
    "contained-stubborn", rehearses=["SK-05", "SK-06"], severity="blocker", contain_within="2s", runbook=RUNBOOK
)
@pytest.mark.mutant("door-removed", unguarded)
@pytest.mark.parametrize(
    "strategy",
    [
        pytest.param("keeps_sending", marks=pytest.mark.spec("keeps_sending.yaml")),
        pytest.param("reverses", marks=pytest.mark.spec("reverses.yaml")),
    ],
)
def test_a_strategy_that_will_not_let_go_ends_flat(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, strategy: str
) -> None:
    """One buys at every quote, one reverses as soon as it is closed: nothing of it leaves, and the venue stays flat."""
    with_position(paper)
    resting(paper, 2)
    drill.steady("engine.trading")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)) as pulled:
        drill.contains(*FLAT)
        if strategy == "keeps_sending":
            paper.until_fresh("quotes", 3)
        paper.settle()
        recorded(drill, paper, venue, pulled)
        drill.holds("door.no_new_risk", "containment.flat")


@pytest.mark.drill(
    "contained-strangers", rehearses=["SK-15", "SK-04"], severity="blocker", contain_within="2s", runbook=RUNBOOK
)
@pytest.mark.mutant("engine-only", engine_only)
def test_what_somebody_else_placed_is_ended_too(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """Orders and a position by hand on the same account, of which no strategy knows, are gone too."""
    with_position(paper)
    drill.steady("engine.trading")
    with (
        drill.inject(venue.faults.manual_order(**strangers(venue, price="30000"))),
        drill.inject(venue.faults.manual_order(**strangers(venue, price=None))),
        drill.inject(PulledSwitch(kill_switch, paper, venue)),
    ):
        drill.contains(*FLAT)


@pytest.mark.drill("contained-algos", rehearses=["SK-03"], severity="blocker", contain_within="1s", runbook=RUNBOOK)
@pytest.mark.mutant("not-followed", removed)
def test_conditional_orders_are_ended_too(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """Stop orders at the venue and an order in the engine's emulator are cancelled with the rest."""
    from nautilus_trader.model.enums import TriggerType

    with_position(paper)
    price = paper.strategy.cache.instruments()[0].make_price
    stop = submitted(paper, lambda make, of: make.stop_market(**of, trigger_price=price(20000)), "SELL", "0.010")
    waiting = submitted(
        paper,
        lambda make, of: make.limit(**of, price=price(20000), emulation_trigger=TriggerType.BID_ASK),
        "BUY",
        "0.010",
    )
    paper.until_status(stop, "ACCEPTED")
    paper.until_status(waiting, "EMULATED")
    drill.steady("engine.trading")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        drill.contains(*FLAT)
        paper.until(lambda: not paper.strategy.cache.orders_emulated(), "the emulated order is cancelled")
        drill.holds("containment.flat")


@pytest.mark.drill(
    "contained-by-hand-of-a-broken-engine",
    rehearses=["SK-02"],
    severity="blocker",
    contain_within="2s",
    runbook=RUNBOOK,
)
@pytest.mark.mutant("engine-only", deaf_outside)
@pytest.mark.parametrize("how", ["raises", "deaf"])
def test_an_engine_that_fails_is_gone_around(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, how: str
) -> None:
    """The engine raises at each step, or swallows what it is told: the venue is emptied past it."""
    with_position(paper)
    resting(paper, 2)
    drill.steady("engine.trading")
    with drill.inject(Broken(how)), drill.inject(PulledSwitch(kill_switch, paper, venue)):
        drill.contains(*FLAT)


@pytest.mark.drill(
    "contained-then-refilled", rehearses=["SK-03"], severity="blocker", contain_within="4s", runbook=RUNBOOK
)
@pytest.mark.mutant("flat-for-ever", told_once)
def test_what_appears_after_flat_is_ended_again(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """Flat, and then somebody buys on the account: while the switch is active the venue is emptied again."""
    with_position(paper)
    drill.steady("engine.trading")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        drill.contains(*FLAT)
        with drill.inject(venue.faults.manual_order(**strangers(venue, price=None))):
            drill.contains(*FLAT)


@pytest.mark.drill(
    "contained-after-restart", rehearses=["SK-10"], severity="blocker", contain_within="30s", runbook=RUNBOOK
)
@pytest.mark.mutant("switch-cleared")
def test_a_restarted_node_stays_killed(
    drill: Drill, paper_process: Callable[..., PaperProcess], kill_switch: KillSwitches
) -> None:
    """A node is killed, its switch is pulled while it is down: the next one empties the venue and sends nothing new."""
    paper = paper_process()
    with_position(paper)
    resting(paper, 2)
    drill.steady("engine.trading", "views.agree")
    with drill.inject(paper.killed()):
        kill_switch.activate(paper.run.life.run_id, "a rehearsal", "drill")
    if drill.mutant:
        kill_switch.clear(paper.run.life.run_id, "somebody is in a hurry", "drill")
    paper.restart()
    entry = paper.buy_limit("0.010", at="30000.0")
    if drill.mutant:
        paper.until_status(entry, "ACCEPTED")
    else:
        paper.until_status(entry, "DENIED")
        paper.until(lambda: "containment_ended" in drill.history.run.event_names, "the containment ended")
    drill.holds("containment.flat", "containment.told")
