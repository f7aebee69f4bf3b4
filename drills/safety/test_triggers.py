"""Limits that pull the run's kill switch: each fires beyond its limit, once, and nothing leaves afterwards."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from fixtures import trigger_mutants as mutants
from fixtures.doors import held, last_seq, requests_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.runs.by_hand_process import PaperProcess

RUNBOOK = "docs/runbooks/trigger-fired.md"
CONTAINED = ("trigger.fired_once", "kill_switch.active", "door.no_new_risk")
WITHIN_SECONDS = 3.0
FAR = "30000.0"
"""A price at which an order rests."""


def _fired(paper: Paper) -> list[str]:
    from opslab.store.reader import Bundle

    journal = Bundle(paper.run.writer.path).journal
    return [event["trigger"] for event in journal if event["event"] == "trigger_fired"]


def _is_answered(order: Any) -> bool:
    return order.status_string() not in {"INITIALIZED", "SUBMITTED"}


def _settled(paper: Paper, orders: list[Any]) -> list[Any]:
    """Wait until each order was answered."""
    for order in orders:
        paper.until(partial(_is_answered, order), "an answer")
    return orders


def _placed(paper: Paper, count: int) -> list[Any]:
    """Place orders that rest, one after the other, each with market data after it."""
    found = []
    for _ in range(count):
        found += _settled(paper, [paper.buy_limit("0.010", at=FAR)])
        paper.until_fresh("quotes")
    return found


def _burst(paper: Paper, count: int) -> list[Any]:
    """Place orders without a pause: the node does not work in between."""
    return _settled(paper, [paper.buy_limit("0.010", at=FAR) for _ in range(count)])


def _rejected(paper: Paper, count: int) -> list[Any]:
    """Place orders that the venue rejects: nothing is held that they could reduce."""
    found = []
    for _ in range(count):
        found += _settled(paper, [paper.sell_limit("0.010", at="90000.0", reduce_only=True)])
    return found


KINDS = [
    pytest.param(_placed, 5, "max_orders_per_minute", marks=pytest.mark.spec("trigger_orders.yaml"), id="orders"),
    pytest.param(_rejected, 3, "max_rejects_per_minute", marks=pytest.mark.spec("trigger_rejects.yaml"), id="rejects"),
    pytest.param(_burst, 4, "max_orders_between_data", marks=pytest.mark.spec("trigger_runaway.yaml"), id="runaway"),
]
LOSSES = [
    pytest.param("futures", marks=pytest.mark.spec("trigger_loss.yaml")),
    pytest.param("spot", marks=pytest.mark.spec("trigger_spot-loss.yaml")),
]


def _mark(drill: Drill, paper: Paper, venue: DrillVenue) -> int:
    """Record what is held now, and return how far the wire log has come."""
    market = "futures" if paper.run.node.order.is_futures else "spot"
    drill.record("pull", {"market": market, "held": held(paper)})
    return last_seq(venue)


def _contained(drill: Drill, paper: Paper, venue: DrillVenue, seq: int, *expected: str) -> None:
    """Try to trade on, and hold that what was expected fired once, and that nothing left since."""
    paper.run.node.pump_until(lambda: set(expected) <= set(_fired(paper)), WITHIN_SECONDS)
    venue.hold_tape()
    _settled(paper, [paper.buy_limit("0.010", at=FAR), paper.buy_market("0.010")])
    paper.settle()
    drill.record("expected", expected)
    drill.record("requests", requests_after(venue, seq))
    drill.record("after", {"held": held(paper)})
    said = paper.run.switches.gate(paper.run.life.run_id)
    drill.record("switch", {"state": said.state, "reasons": list(said.reasons)})
    drill.holds(*CONTAINED)


@pytest.mark.drill("trigger-of-orders", rehearses=["SK-11"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("never-fires", mutants.never)
@pytest.mark.mutant("switch-left-alone", mutants.told_only)
@pytest.mark.mutant("not-latched", mutants.unlatched)
@pytest.mark.parametrize(("trade", "limit", "trigger"), KINDS)
def test_orders_beyond_a_limit_pull_the_switch(
    drill: Drill, paper: Paper, venue: DrillVenue, trade: Callable[..., Any], limit: int, trigger: str
) -> None:
    """The order that passes a limit does not leave any more, nor does any after it; it is told once."""
    drill.steady("engine.trading")
    paper.until_fresh("quotes")
    trade(paper, limit)
    drill.holds("trigger.none_fired")
    paper.until_fresh("quotes")
    before = _mark(drill, paper, venue)
    # A burst goes twice beyond its limit, before any market data can come and begin the count anew.
    trade(paper, {_burst: limit + 2}.get(trade, 1))
    # Of a burst the first ones are within the limit; a rejection is known only when the order has been there.
    seq = before if trade is _placed else _mark(drill, paper, venue)
    _contained(drill, paper, venue, seq, trigger)


@pytest.mark.drill("trigger-at-its-limit", rehearses=["SK-17", "SK-18"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("fires-at-the-limit", mutants.eager)
@pytest.mark.parametrize(("trade", "limit", "trigger"), KINDS[:2])
def test_what_is_within_a_limit_fires_nothing(
    drill: Drill, paper: Paper, trade: Callable[..., Any], limit: int, trigger: str
) -> None:
    """As many orders or rejections as a limit allows are trading; a single benign rejection is no emergency."""
    drill.steady("engine.trading")
    drill.record("within", {trigger: limit})
    trade(paper, limit)
    drill.holds("trigger.none_fired", "engine.trading")


@pytest.mark.drill("trigger-of-loss", rehearses=["SK-14"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("never-fires", mutants.never)
@pytest.mark.parametrize("market", LOSSES)
def test_a_loss_from_the_peak_pulls_the_switch(drill: Drill, paper: Paper, venue: DrillVenue, market: str) -> None:
    """Equity that is less than its peak by more than the limit, by the venue's own answers, ends the trading."""
    _known(paper)
    drill.record("market_kind", market)
    drill.steady("engine.trading")
    with drill.inject(venue.faults.credit(account=venue.account, asset="USDT", amount="-900")):
        paper.run.node.pump_until(lambda: False, 0.6)
        drill.holds("trigger.none_fired")
    with drill.inject(venue.faults.credit(account=venue.account, asset="USDT", amount="-200")):
        paper.run.node.pump_until(lambda: bool(_fired(paper)), WITHIN_SECONDS)
        _contained(drill, paper, venue, _mark(drill, paper, venue), "max_loss_from_peak")


@pytest.mark.drill("bad-balance", rehearses=["AC-01", "SK-08"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("newest-reading-believed", mutants.believing)
@pytest.mark.parametrize("market", LOSSES)
def test_a_bad_reading_is_no_loss(drill: Drill, paper: Paper, venue: DrillVenue, market: str) -> None:
    """Two readings of a fraction of the balance move nothing, neither do two of a multiple."""
    _known(paper)
    drill.steady("engine.trading")
    fields = ("totalMarginBalance",) if market == "futures" else ("balances.0.free", "balances.1.free")
    for factor in ("0.5", "2"):
        scale = dict.fromkeys(fields, factor)
        with drill.inject(venue.faults.edit_replies(route="GET */account", scale=scale, times=2)):
            paper.run.node.pump_until(lambda: False, 0.8)
        drill.holds("trigger.none_fired", "engine.trading")
    _settled(paper, [order := paper.buy_limit("0.010", at=FAR)])
    paper.until_status(order, "ACCEPTED")


@pytest.mark.drill("zero-balance", rehearses=["AC-01", "SK-08"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("zero-believed", mutants.credulous)
@pytest.mark.parametrize("market", LOSSES)
def test_balances_of_zero_hold_and_pull_nothing(drill: Drill, paper: Paper, venue: DrillVenue, market: str) -> None:
    """A venue that answers zero for a while cannot tell: new risk is held meanwhile, and goes on afterwards."""
    _known(paper)
    drill.record("market_kind", market)
    drill.steady("engine.trading")
    with drill.inject(venue.faults.zero_balances()):
        paper.run.node.pump_until(lambda: False, 1.0)
        order = paper.buy_limit("0.010", at=FAR)
        _settled(paper, [order])
        drill.record("order", order.status_string())
    drill.holds("trigger.none_fired")
    paper.until(lambda: not paper.run.node.holds, "the hold is gone")
    paper.until_status(paper.buy_limit("0.010", at=FAR), "ACCEPTED")
    paper.until_status(order, "DENIED")


@pytest.mark.drill("trigger-of-age", rehearses=["MD-01", "MD-11"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("never-fires", mutants.never)
@pytest.mark.spec("trigger_feed-age.yaml")
@pytest.mark.parametrize("fault", ["mute_stream", "delay_stream"])
def test_old_market_data_pull_the_switch(drill: Drill, paper: Paper, venue: DrillVenue, fault: str) -> None:
    """Market data that are older than the limit by the venue's time end the trading, also when they come steadily."""
    faults = {
        "mute_stream": lambda: venue.faults.mute_stream(kind="market"),
        "delay_stream": lambda: venue.faults.delay_stream(kind="market", seconds=0.2, growing=0.2),
    }
    paper.until_fresh("quotes", 3)
    drill.steady("engine.trading", "trigger.none_fired")
    with drill.inject(faults[fault]()):
        paper.run.node.pump_until(lambda: bool(_fired(paper)), WITHIN_SECONDS)
        _contained(drill, paper, venue, _mark(drill, paper, venue), "max_feed_age_seconds")


@pytest.mark.drill("two-triggers", rehearses=["SK-12"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("not-latched", mutants.unlatched)
@pytest.mark.spec("trigger_two.yaml")
def test_two_triggers_at_once_are_told_once_each(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """One order passes two limits: both are told, once each, and the switch is pulled once."""
    drill.steady("engine.trading")
    paper.until_fresh("quotes")
    _burst(paper, 4)
    drill.holds("trigger.none_fired")
    paper.venue.hold_tape()
    seq = _mark(drill, paper, venue)
    _burst(paper, 6)
    _contained(drill, paper, venue, seq, "max_orders_per_minute", "max_orders_between_data")


@pytest.mark.drill("trigger-on-a-full-disk", rehearses=["SK-02"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("never-fires", mutants.never)
@pytest.mark.spec("trigger_orders.yaml")
def test_a_switch_that_cannot_be_pulled_is_pulled_again(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """While the switch cannot be written new risk is held all the same; it is pulled as soon as that works."""
    from opslab.errors import StoreError
    from opslab.safety.switches import KillSwitches

    drill.steady("engine.trading")
    _placed(paper, 5)
    seq = _mark(drill, paper, venue)
    full = StoreError("no space left on device", where="runtime", fix="make room")
    with mock.patch.object(KillSwitches, "activate", side_effect=full):
        _placed(paper, 2)
        drill.record("requests", requests_after(venue, seq))
        drill.record("after", {"held": held(paper)})
        drill.holds("door.no_new_risk")
    _contained(drill, paper, venue, seq, "max_orders_per_minute")


@pytest.mark.drill("trigger-in-a-process", rehearses=["SK-11"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("told-to-nobody", mutants.alone)
@pytest.mark.spec("trigger_orders.yaml")
def test_a_node_in_a_process_of_its_own_pulls_the_switch(
    drill: Drill, paper_process: Callable[..., PaperProcess]
) -> None:
    """What fires in the node's process is told by the run's journal, and the run's switch is pulled."""
    paper = paper_process()
    drill.steady("engine.trading")
    orders = []
    for _ in range(6):
        orders.append(paper.buy_limit("0.010", at=FAR))
        paper.until(lambda: orders[-1].status_string() in {"ACCEPTED", "DENIED", "REJECTED"}, "an answer")
    drill.record("expected", ["max_orders_per_minute"])
    said = paper.run.switches.gate(paper.run.life.run_id)
    drill.record("switch", {"state": said.state, "reasons": list(said.reasons)})
    drill.holds("trigger.fired_once", "kill_switch.active")
    paper.until(lambda: orders[-1].status_string() in {"DENIED", "REJECTED"}, "the last order is stopped")


def _known(paper: Paper) -> None:
    """Let the run read its equity until it believes it."""
    paper.run.node.pump_until(lambda: False, 1.0)
