"""What a start comes to when the venue's answers fail, are cut short or odd, or the account is set otherwise."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from fixtures.engine_rows import RUNBOOK, SYMBOL, at_venue, defect, judge, others, positions, told, trade

from opslab.engine.node.profile import NODE
from opslab.errors import CheckFailed
from opslab.runs import paper as paper_runs
from opslab.runs.gate import asked_switches
from opslab.venue.orders import NewOrder, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.contract.events import SwitchFacts
    from opslab.runs.by_hand import DrillVenue
    from opslab.runs.by_hand_renewed import PaperRenewed
    from opslab.safety.switches import KillSwitches
    from opslab.venue.faults.driving import VenueFault
    from opslab.venue.venue import Venue

    type Start = Callable[..., PaperRenewed]

ORDERS, POSITIONS = "GET */allOrders", "GET */positionRisk"
ADOPTED = {"outcome": "all is known", "venue": ["order", "position"], "lied": True}
REFUSED = {"outcome": "not started", "venue": ["order", "position"], "lied": True}


def _lie(venue: DrillVenue, answer: str) -> VenueFault:
    """Return the fault that the venue answers the node's questions at the start so."""
    faults = venue.faults
    odd = {"type": "NEW_KIND", "timeInForce": "GTE_GTC", "status": "NEW_INSURANCE", "side": "NEITHER"}
    if answer in odd:
        return faults.edit_replies(route=ORDERS, set_={f"*.{answer}": odd[answer]})
    if answer == "empty":
        return faults.empty_body(route=ORDERS)
    if answer == "page":
        return faults.html_page(route=ORDERS, status=200)
    route = ORDERS if answer == "orders refused" else POSITIONS
    return faults.reject_requests(route=route, status=503, code=-1001)


def _impatient() -> Any:
    """Let a node that cannot connect give up early: it does so only when the time for it is over."""
    return mock.patch.dict(NODE["fast"], timeout_connection=2.0)


def _outcome(start: Start, answer: str, *, is_worse: bool) -> dict[str, Any]:
    """Return what a start comes to that gets such an answer, with an order and a position on the account."""
    lies: list[VenueFault] = []

    def before(venue: DrillVenue) -> None:
        trade(venue, "BUY", "0.010")
        if not is_worse:
            trade(venue, "BUY", "0.010", "30000", "resting")
        lies.append(_lie(venue, answer))
        lies[0].begin()

    try:
        with _impatient() if answer == "positions refused" else contextlib.nullcontext():
            paper = start(before=before)
    except CheckFailed:
        there = ["position"] if is_worse else ["order", "position"]
        return {"outcome": "not started", "venue": there, "lied": lies[0].fired}
    held = positions(paper)
    there = ["order"] if at_venue(paper.venue, "resting") == "NEW 0" else []
    there += ["position"] if held["venue"] == ["0.010"] else []
    known = ["order"] if any("LIMIT ACCEPTED" in each for each in others(paper)) else []
    known += ["position"] if held["engine"] == held["venue"] else []
    outcome = "all is known" if known == there else f"knows {'+'.join(known) or 'nothing'}"
    return {"outcome": outcome, "venue": there, "lied": lies[0].fired}


ANSWERS = {
    "timeInForce": ADOPTED,
    "status": ADOPTED,
    "type": REFUSED,
    "side": REFUSED,
    "empty": REFUSED,
    "positions refused": REFUSED,
}


@pytest.mark.drill("engine-start-odd-answer", rehearses=["RC-13"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("order-gone")
@pytest.mark.parametrize("answer", ANSWERS)
def test_an_odd_answer_is_understood_or_stops_the_start(drill: Drill, paper_with: Start, answer: str) -> None:
    """NT-START-14-ODD: what the engine cannot read it does not pass over: it knows the order, or it does not start."""
    judge(drill, "NT-START-14-ODD", _outcome(paper_with, answer, is_worse=bool(drill.mutant)), ANSWERS[answer])


UNANSWERED = {"page": "knows position", "orders refused": "knows position"}


@pytest.mark.drill("engine-start-unanswered", rehearses=["RS-13", "RC-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("order-gone")
@defect("docs/engine-defects/refused-query-is-flat.md")
@pytest.mark.parametrize("answer", UNANSWERED)
def test_a_start_without_answers_is_none(drill: Drill, paper_with: Start, answer: str) -> None:
    """NT-START-14: a question that is refused at the start fails the reconciliation, and the node does not start."""
    seen = _outcome(paper_with, answer, is_worse=bool(drill.mutant))
    judge(drill, "NT-START-14", seen, REFUSED, {"outcome": UNANSWERED[answer]})


LIMIT = 1000
"""Orders in one answer of ``allOrders``, at most: the adapter asks for one."""


def _orders(venue: DrillVenue, count: int) -> None:
    """Place and cancel so many orders."""
    order = NewOrder(
        symbol=SYMBOL,
        side=Side.BUY,
        type=OrderType.LIMIT,
        quantity=Decimal("0.010"),
        price=Decimal(20000),
        time_in_force=TimeInForce.GTC,
    )

    def act(it: Venue) -> None:
        for _ in range(count):
            placed = it.exchange.submit(venue.account, order)
            it.exchange.cancel(venue.account, SYMBOL, order_id=placed.order_id)

    venue.thread.call(act)


@pytest.mark.drill("engine-start-order-limit", rehearses=["RC-10", "RS-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("sold-instead")
@defect("docs/engine-defects/open-order-beyond-limit.md")
def test_an_order_behind_many_others_is_found(drill: Drill, paper_with: Start) -> None:
    """NT-START-4-MANY: an open order is adopted, however many orders were placed and cancelled after it."""

    def before(venue: DrillVenue) -> None:
        trade(venue, *(("SELL", "0.010", "60000") if drill.mutant else ("BUY", "0.010", "30000")), name="resting")
        _orders(venue, 5 if drill.mutant else LIMIT)

    paper = paper_with(before=before)
    drill.steady("engine.trading")
    seen = {"open": [each for each in others(paper) if "ACCEPTED" in each], "venue": at_venue(paper.venue, "resting")}
    promised = {"open": ["EXTERNAL VENUE BUY LIMIT ACCEPTED 0.000"], "venue": "NEW 0"}
    judge(drill, "NT-START-4-MANY", seen, promised, {"open": []})


@pytest.mark.drill("engine-start-unloaded", rehearses=["RC-09"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.spec("two_symbols.yaml")
@pytest.mark.mutant("traded-otherwise")
@defect("docs/engine-defects/unloaded-instrument.md")
def test_a_position_in_an_unloaded_instrument_is_not_passed_over(drill: Drill, paper_with: Start) -> None:
    """RC-09: a position in an instrument that was not loaded is loaded, or the node does not start."""

    def before(venue: DrillVenue) -> None:
        quantity = "0.700" if drill.mutant else "0.500"
        venue.faults.manual_order(account=venue.account, symbol="ETHUSDT", side="BUY", quantity=quantity).begin()

    outcome: dict[str, Any] = {"engine": "not started", "venue": ["0.500"]}
    with contextlib.suppress(CheckFailed):
        held = positions(paper_with(before=before, instruments=1))
        outcome = {"engine": "knows it" if held["engine"] == held["venue"] else "runs without", "venue": held["venue"]}
    judge(drill, "RC-09", outcome, {"engine": "not started", "venue": ["0.500"]}, {"engine": "runs without"})


@pytest.mark.drill("engine-start-hedge-mode", rehearses=["AC-03"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("one-way")
def test_a_one_way_node_does_not_start_in_hedge_mode(drill: Drill, paper_with: Start) -> None:
    """AC-03: an account in hedge mode and a node set for one-way: the node does not start."""

    def before(venue: DrillVenue) -> None:
        if not drill.mutant:
            venue.faults.set_position_mode(account=venue.account, mode="hedge").begin()

    outcome = "started"
    try:
        with _impatient():
            paper_with(before=before)
    except CheckFailed:
        outcome = "not started"
    judge(drill, "AC-03-START", {"outcome": outcome}, {"outcome": "not started"})


@pytest.mark.drill("engine-hedge-mode-later", rehearses=["AC-03"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("one-way")
def test_orders_in_the_wrong_mode_are_rejected_once(drill: Drill, paper_with: Start) -> None:
    """AC-03: the account is put into hedge mode while a one-way node runs: its order is rejected, once, and is none."""
    paper = paper_with()
    venue = paper.venue
    drill.steady("engine.trading")
    with contextlib.ExitStack() as lasting:
        if not drill.mutant:
            lasting.enter_context(drill.inject(venue.faults.set_position_mode(account=venue.account, mode="hedge")))
        order = paper.buy_market("0.010")
        paper.until(lambda: order.is_closed, "an end of the order")
        paper.settle()
    seen = {"told": told(paper, order)[1:], "books": at_venue(venue, order), **positions(paper)}
    promised = {
        "told": ["OrderSubmitted", "OrderRejected"],
        "books": "none",
        "engine": [],
        "venue": [],
        "entry": "same",
    }
    judge(drill, "AC-03-LATER", seen, promised)


def _gate_unasked() -> Any:
    """Let the gate answer as if nothing were pulled."""
    answer = {"state": "cleared", "reasons": ()}

    def unasked(*words: Any) -> SwitchFacts:
        return asked_switches(*words).model_copy(update=answer)

    return mock.patch.object(paper_runs, "asked_switches", unasked)


@pytest.mark.drill("engine-start-tripped", rehearses=["SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("gate-not-asked", _gate_unasked)
def test_a_start_under_a_pulled_switch_is_blocked(drill: Drill, paper_with: Start, kill_switch: KillSwitches) -> None:
    """A node is to start while a switch is pulled: the gate blocks it, and no venue is asked anything."""
    kill_switch.activate("_global", "the last run lost too much", "drill")
    met: list[DrillVenue] = []
    outcome = "started"
    try:
        paper_with(before=met.append)
    except CheckFailed:
        outcome = "blocked"
    judge(drill, "SK-10-START", {"outcome": outcome, "venues": len(met)}, {"outcome": "blocked", "venues": 0})


@pytest.mark.drill("engine-restart-tripped", rehearses=["SK-10", "RS-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("switch-cleared")
def test_a_node_restarted_under_a_pulled_switch_opens_nothing(
    drill: Drill, paper_with: Start, kill_switch: KillSwitches
) -> None:
    """The switch is pulled while no node runs: the next one knows its order, may cancel it, and opens nothing."""
    paper = paper_with()
    drill.steady("engine.trading", "views.agree")
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    with drill.inject(paper.ended()):
        if not drill.mutant:
            kill_switch.activate("_global", "the last run lost too much", "drill")
    paper.renew()
    more = paper.buy_limit("0.010", at="30100.0")
    paper.until(lambda: more.is_closed or more.is_open, "an answer")
    paper.cancel(paper.strategy.cache.order(order.client_order_id))
    paper.until(lambda: at_venue(paper.venue, order) != "NEW 0", "the cancellation")
    seen = {
        "new": told(paper, more)[-1],
        "new at the venue": at_venue(paper.venue, more),
        "old": at_venue(paper.venue, order),
    }
    judge(drill, "SK-10-RESTART", seen, {"new": "OrderDenied", "new at the venue": "none", "old": "CANCELED 0"})
