"""The kill switch where it hurts: a broken step, a lost answer, no line to the venue, a flood, two strategies."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from fixtures.containing import give_up_at_once, recorded, removed, resting, told_once, with_position
from fixtures.doors import PulledSwitch, held, last_seq, requests_after
from fixtures.kill_rows import (
    STEPS,
    BrokenStep,
    Cut,
    acknowledged,
    alerts,
    answered,
    any_inputs,
    closing_blindly,
    deposited,
    idle,
    one_strategy_only,
    owned,
    owner_unsaid,
    quick,
    said_shortly,
    sells_everything,
    spent,
)
from fixtures.trigger_mutants import never

from opslab.engine.registry import standard_registry
from opslab.errors import DrillError, SpecError
from opslab.runs.paper import begin_paper
from opslab.runs.paper_run import PaperRun
from opslab.runs.spec_edit import edited

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from opslab import Drill
    from opslab.contract.spec_file import SpecFile
    from opslab.root import Lab
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/containment.md"
TRIGGERS = "docs/runbooks/trigger-fired.md"
FLAT = ("containment.flat", "containment.told", "containment.timed")
COPIES = 100
FIRST_CANCEL_MS = 1000


@pytest.fixture
def own_node(request: pytest.FixtureRequest) -> Any:
    """The lab's own node, unless a drill is parametrized with another one."""
    return getattr(request, "param", None)


@pytest.mark.drill(
    "kill-with-a-broken-step", rehearses=["SK-02"], severity="blocker", contain_within="3s", runbook=RUNBOOK
)
@pytest.mark.mutant("idle", idle)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_raises_keeps_no_other_from_being_done(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, step: str
) -> None:
    """The journal, the question to the venue, the engine's belief, or the switch's own record raises: it ends flat."""
    with_position(paper)
    resting(paper, 2)
    drill.steady("engine.trading")
    with drill.inject(BrokenStep(step)) as broken, drill.inject(PulledSwitch(kill_switch, paper, venue)):
        drill.contains("containment.flat")
        paper.until(lambda: broken.fired, "the step was come to")
        drill.holds("containment.flat")


@pytest.mark.drill(
    "kill-close-unanswered", rehearses=["SK-06"], severity="blocker", contain_within="3s", runbook=RUNBOOK
)
@pytest.mark.mutant("closes-blindly", closing_blindly)
def test_a_close_whose_answer_is_lost_is_not_followed_by_one_that_opens(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """The first close is done, its answer lost and the fill unheard: whatever follows cannot turn the position."""
    with_position(paper)
    resting(paper, 1)
    drill.steady("engine.trading", "views.agree")
    pulled = PulledSwitch(kill_switch, paper, venue)
    with (
        drill.inject(venue.faults.drop_user_stream()),
        drill.inject(venue.faults.unknown_outcome(route="POST */order", when="after", times=1)),
        drill.inject(pulled),
    ):
        drill.contains("containment.flat")
        paper.settle()
        recorded(drill, paper, venue, pulled)
        drill.holds("door.no_new_risk", "containment.flat")


@pytest.mark.drill("kill-while-cut-off", rehearses=["SK-09"], severity="blocker", contain_within="5s", runbook=RUNBOOK)
@pytest.mark.mutant("gives-up", give_up_at_once)
@pytest.mark.mutant("told-once", told_once)
def test_a_kill_without_a_line_to_the_venue_is_done_when_it_is_back(
    drill: Drill, paper_with: Callable[..., Paper], kill_switch: KillSwitches
) -> None:
    """No request is answered and no stream speaks when the switch is pulled: nothing is called flat, until it is."""
    with quick():
        paper = paper_with()
    venue = paper.venue
    with_position(paper)
    resting(paper, 2)
    drill.steady("engine.trading", "views.agree")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        with drill.inject(Cut(venue)):
            paper.until(lambda: "containment_ended" in drill.history.run.event_names, "an attempt was given up", 4.0)
            drill.holds("containment.not_called_flat")
        drill.contains(*FLAT)


@pytest.mark.drill("kill-alert", rehearses=["SK-12"], severity="critical", runbook=TRIGGERS)
@pytest.mark.mutant("said-shortly", said_shortly)
@pytest.mark.mutant("owner-unsaid", owner_unsaid)
@pytest.mark.mutant("not-cleared")
@pytest.mark.spec("trigger_orders.yaml")
def test_an_alert_says_how_grave_it_is_what_was_done_and_what_to_do(
    drill: Drill, paper_with: Callable[..., Paper], kill_switch: KillSwitches
) -> None:
    """A limit pulls the switch: people are told once, in a line that names who is called and a page of what to do.

    The pull stands unacknowledged until somebody clears the switch, by name and with a reason.
    """
    lines: list[str] = []
    with alerts(lines):
        paper = paper_with()
    drill.steady("engine.trading")
    orders = [paper.buy_limit("0.010", at="30000.0") for _ in range(8)]
    paper.until(lambda: orders[-1].status_string() == "DENIED", "the last order is denied")
    drill.record("expected", ["max_orders_per_minute"])
    drill.record("alerts", lines)
    said = paper.run.switches.gate(paper.run.life.run_id)
    drill.record("switch", {"state": said.state, "reasons": list(said.reasons)})
    drill.holds("alert.complete", "trigger.fired_once", "kill_switch.active")
    drill.record("pulls", acknowledged(kill_switch, paper.run.life.run_id, clears=drill.mutant != "not-cleared"))
    drill.holds("alert.acknowledged")


@pytest.mark.drill(
    "kill-other-config", rehearses=["SK-13"], severity="critical", runbook="docs/runbooks/other-inputs.md"
)
@pytest.mark.mutant("any-inputs", any_inputs)
@pytest.mark.spec("../../src/opslab/samples/scenarios/btcusdt_by_hand.yaml")
@pytest.mark.parametrize("change", [{"strategy.params": {"bars": False}}, {"seed": 8}], ids=["params", "seed"])
def test_a_second_node_with_another_config_does_not_start(
    drill: Drill, paper: Paper, lab: Lab, kill_switch: KillSwitches, run_spec: SpecFile, change: dict[str, Any]
) -> None:
    """One node trades; the next one is told to be like it and is not: it does not start, and says what differs."""
    drill.steady("engine.trading")
    expected, run_id, refused = paper.run.plan.inputs_sha256, f"{paper.run.life.run_id}-b", None
    registry, other = standard_registry(), edited(run_spec, change)
    try:
        begun = begin_paper(lab, other, registry, run_id=run_id, switches=kill_switch, expect_inputs=expected)
    except SpecError as error:
        refused = str(error)
    else:
        if isinstance(begun, PaperRun):
            begun.fail(DrillError("it was only to be refused"))
    is_there = (lab.runs / run_id).exists()
    drill.record("second", {"expected": expected, "refused": refused, "is_there": is_there})
    drill.holds("run.other_inputs_refused", "engine.trading")


@pytest.mark.drill("kill-on-a-loss", rehearses=["SK-14"], severity="blocker", contain_within="3s", runbook=TRIGGERS)
@pytest.mark.mutant("never-fires", never)
@pytest.mark.parametrize(
    ("policy", "left"),
    [
        pytest.param("flatten", FLAT, marks=pytest.mark.spec("kill_rows_loss.yaml")),
        pytest.param("deny", ("stop.left_something",), marks=pytest.mark.spec("trigger_loss.yaml")),
    ],
)
def test_a_loss_with_an_open_book_ends_as_the_spec_says(
    drill: Drill, paper: Paper, venue: DrillVenue, policy: str, left: tuple[str, ...]
) -> None:
    """The limit is passed while a position and an order are open: the book is emptied, or kept, as `on_kill` says."""
    with_position(paper)
    resting(paper, 1)
    paper.run.node.pump_until(lambda: False, 1.0)  # equity is believed after five readings
    drill.steady("engine.trading")
    before = held(paper)
    with drill.inject(venue.faults.credit(account=venue.account, asset="USDT", amount="-1500")):
        drill.contains("trigger.fired", *left)
        said = paper.run.switches.gate(paper.run.life.run_id)
        drill.record("switch", {"state": said.state, "reasons": list(said.reasons)})
        drill.record("book", {"policy": policy, "before": before, "after": held(paper)})
        drill.holds("kill_switch.active", "trigger.book_as_told")


@pytest.mark.drill("kill-two-strategies", rehearses=["SK-15"], severity="blocker", contain_within="2s", runbook=RUNBOOK)
@pytest.mark.mutant("one-strategy-only", one_strategy_only)
@pytest.mark.parametrize("own_node", ["fixtures.beside:config"], indirect=True)
def test_orders_and_positions_of_every_strategy_are_ended(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """Two strategies trade on one node: what each of them has is gone after the pull."""
    paper.until(lambda: paper.strategy.cache.orders_open_count() >= 1, "the other strategy trades")
    with_position(paper)
    resting(paper, 2)
    drill.steady("engine.trading")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        drill.contains(*FLAT)


@pytest.mark.drill("kill-again-after-a-clear", rehearses=["SK-11"], severity="blocker", runbook=TRIGGERS)
@pytest.mark.mutant("spent", spent)
@pytest.mark.spec("trigger_orders.yaml")
def test_a_limit_that_is_passed_anew_after_a_clear_pulls_again(drill: Drill, paper: Paper) -> None:
    """A person cleared the switch while the run goes on: as many orders as the limit pass, the next one pulls again."""
    switches, run_id = paper.run.switches, paper.run.life.run_id
    drill.steady("engine.trading")
    for _ in range(2):
        if switches.gate(run_id).blocked:
            switches.clear(run_id, "the cause is gone", "drill")
        orders = [paper.buy_limit("0.010", at="30000.0") for _ in range(6)]
        for order in orders:
            paper.until(partial(answered, order), "an answer")
    said = switches.gate(run_id)
    drill.record("switch", {"state": said.state, "reasons": list(said.reasons)})
    drill.holds("kill_switch.active", "trigger.fired")


@pytest.mark.drill(
    "kill-keeps-what-was-there", rehearses=["SK-15"], severity="critical", contain_within="3s", runbook=RUNBOOK
)
@pytest.mark.mutant("sells-everything", sells_everything)
@pytest.mark.parametrize(
    "way",
    [
        pytest.param("node", marks=pytest.mark.spec("../../src/opslab/samples/scenarios/btcusdt_spot_by_hand.yaml")),
        pytest.param("outside", marks=pytest.mark.spec("held_at_the_spot_door.yaml")),
    ],
)
def test_what_a_spot_account_held_before_the_run_is_not_sold(
    drill: Drill, paper_with: Callable[..., Paper], kill_switch: KillSwitches, flatten: Callable[..., Any], way: str
) -> None:
    """The account had bitcoin before the run, which buys some more: what it bought is sold, and no more than that."""
    paper = paper_with(before=lambda venue: deposited(venue, "0.5"))
    venue = paper.venue
    with_position(paper)
    resting(paper, 1)
    drill.steady("engine.trading")
    fact = {"asset": "BTC", "before": "0.5", "bought": owned(venue, "BTC")}
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        if way == "node":
            drill.contains("containment.flat", "containment.told")
        else:
            flatten(seconds=5.0)
        drill.record("kept", {**fact, "after": owned(venue, "BTC")})
        drill.holds("containment.kept", "containment.no_orders")


@pytest.mark.drill("kill-in-a-flood", rehearses=["SK-16"], severity="blocker", contain_within="3s", runbook=RUNBOOK)
@pytest.mark.mutant("not-followed", removed)
def test_a_flood_of_market_data_does_not_hold_a_kill_up(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """Each message of the market comes many times over when the switch is pulled: the first cancel leaves in time."""
    with_position(paper)
    resting(paper, 10)
    drill.steady("engine.trading")
    with drill.inject(venue.faults.duplicate_messages(kind="market", copies=COPIES)):
        paper.until_fresh("quotes", 5 * COPIES)
        seq, pulled_ms = last_seq(venue), venue.thread.call(lambda inner: inner.clock.now_ms())
        with drill.inject(PulledSwitch(kill_switch, paper, venue)):
            drill.contains(*FLAT)
        drill.record("requests", requests_after(venue, seq))
        drill.record("cancel", {"pulled_ms": pulled_ms, "within_ms": FIRST_CANCEL_MS})
        drill.holds("containment.first_cancel")
