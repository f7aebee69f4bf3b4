"""An account is emptied from outside, past its node: over plain HTTP, until the venue's own answers prove it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.containing import SmallLots, strangers
from fixtures.flattening import (
    Outside,
    believing,
    cancelling_only,
    closing_only,
    impatient,
    in_one_piece,
    not_asking,
    unjudged,
    unknown_as_empty,
)

from opslab.venue.orders import NewOrder, OrderType, PositionSide, Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.runs.by_hand_process import PaperProcess
    from opslab.safety.flatten.course import Flattened
    from opslab.safety.switches import KillSwitches

    type Flatten = Callable[..., Flattened]

RUNBOOK = "docs/runbooks/flatten-incomplete.md"
EMPTIED = ("flatten.done", "flatten.truthful", "flatten.closed_once", "containment.flat")
pytestmark = pytest.mark.spec("drills/safety/held_at_the_door.yaml")


def busy(paper: Paper | PaperProcess, quantity: str = "0.012") -> None:
    """Hold a position and let three orders rest."""
    paper.until_status(paper.buy_market(quantity), "FILLED")
    for order in [paper.buy_limit("0.010", at=price) for price in ("30000.0", "30100.0", "30200.0")]:
        paper.until_status(order, "ACCEPTED")


def placed(venue: DrillVenue, **words: Any) -> None:
    """Place an order on the account past the node, as a person or another program does."""
    words = {"symbol": "BTCUSDT", "type": OrderType.MARKET} | words
    venue.thread.call(lambda inner: inner.exchange.submit(venue.account, NewOrder(**words)))


@pytest.mark.drill(
    "flatten-frozen-node", rehearses=["SK-09", "SK-10"], severity="blocker", contain_within="2s", runbook=RUNBOOK
)
@pytest.mark.mutant("orders-kept", closing_only)
@pytest.mark.mutant("positions-kept", cancelling_only)
@pytest.mark.mutant("switch-open")
def test_a_frozen_node_is_emptied_past_it_and_cannot_trade_when_it_wakes(
    drill: Drill, paper_process: Callable[..., PaperProcess], flatten: Flatten, kill_switch: KillSwitches
) -> None:
    """The node's process gets SIGSTOP; its switch is pulled and the venue emptied; awake again, it is denied."""
    paper = paper_process()
    busy(paper)
    outside = Outside(drill, paper.venue, flatten)
    drill.steady("engine.trading", "views.agree")
    with drill.inject(paper.frozen()):
        if drill.mutant != "switch-open":
            kill_switch.activate(paper.run.life.run_id, "it hangs", "drill")
        outside()
        drill.contains(*EMPTIED)
    order = paper.buy_limit("0.010", at="30000.0")
    decided = ("DENIED", "REJECTED", "ACCEPTED", "FILLED")
    paper.until(lambda: order.status_string() in decided, "the order of the woken node is decided")
    drill.record("woken", {"status": order.status_string(), "books": outside.books()})
    drill.holds("flatten.stays_flat")


@pytest.mark.drill("flatten-killed-node", rehearses=["SK-09"], severity="blocker", contain_within="2s", runbook=RUNBOOK)
@pytest.mark.mutant("believing", believing)
def test_what_a_killed_node_left_is_emptied(
    drill: Drill, paper_process: Callable[..., PaperProcess], flatten: Flatten
) -> None:
    """The node's process is gone with SIGKILL; what it left at the venue is ended without it."""
    paper = paper_process()
    busy(paper)
    drill.steady("engine.trading")
    with drill.inject(paper.killed()):
        Outside(drill, paper.venue, flatten)()
        drill.contains(*EMPTIED)


@pytest.mark.drill(
    "flatten-deaf-node", rehearses=["SK-09", "US-01"], severity="blocker", contain_within="2s", runbook=RUNBOOK
)
@pytest.mark.mutant("positions-kept", cancelling_only)
def test_a_node_without_its_user_stream_is_emptied_past_it(
    drill: Drill, paper: Paper, venue: DrillVenue, flatten: Flatten
) -> None:
    """The node lost its user stream and an order filled unheard: what counts is what the venue has."""
    busy(paper)
    unheard = paper.buy_limit("0.010", at="30300.0")
    paper.until_status(unheard, "ACCEPTED")
    drill.steady("engine.trading")
    with drill.inject(venue.faults.drop_user_stream()):
        venue.fill(unheard)
        Outside(drill, venue, flatten)()
        drill.contains(*EMPTIED)


@pytest.mark.drill(
    "flatten-unknown-close", rehearses=["SK-06", "OL-01"], severity="blocker", contain_within="4s", runbook=RUNBOOK
)
@pytest.mark.mutant("not-asking", not_asking)
@pytest.mark.parametrize("lost", ["unknown_outcome", "reset_requests", "empty_body"])
def test_a_close_whose_answer_is_lost_is_asked_about(
    drill: Drill, paper: Paper, venue: DrillVenue, flatten: Flatten, lost: str
) -> None:
    """The close is done and its answer lost, while positions are told late: no second one is sent on top of it."""
    busy(paper)
    drill.steady("engine.trading")
    once = {"route": "POST */order", "when": "after", "times": 1}
    with (
        drill.inject(getattr(venue.faults, lost)(**once)),
        drill.inject(venue.faults.stale_replies(route="GET */positionRisk", times=1)),
    ):
        Outside(drill, venue, flatten)()
        drill.contains(*EMPTIED)


@pytest.mark.drill(
    "flatten-rate-limited", rehearses=["SK-07", "CN-01", "CN-02"], severity="blocker", contain_within="4s",
    runbook=RUNBOOK,
)  # fmt: skip
@pytest.mark.mutant("impatient", impatient)
@pytest.mark.parametrize("fault", ["throttle", "ban"])
def test_limits_and_bans_are_waited_for(
    drill: Drill, paper: Paper, venue: DrillVenue, flatten: Flatten, fault: str
) -> None:
    """429 and 418 with Retry-After: nothing leaves before the venue allows it, then it is emptied."""
    busy(paper)
    drill.steady("engine.trading")
    settings = {"seconds": 0.9} if fault == "ban" else {"allowed": 3, "window": 1.0, "times": 1}
    with drill.inject(getattr(venue.faults, fault)(**settings)):
        Outside(drill, venue, flatten)()
        drill.contains(*EMPTIED, "flatten.patient")


@pytest.mark.drill("flatten-halted", rehearses=["SK-07", "SK-04"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("believing", believing)
def test_what_a_halted_symbol_keeps_is_named(drill: Drill, paper: Paper, venue: DrillVenue, flatten: Flatten) -> None:
    """The symbol is halted: its orders go, its position is named as left; once it trades again, that goes too."""
    busy(paper)
    outside = Outside(drill, venue, flatten)
    drill.steady("engine.trading")
    with drill.inject(venue.faults.set_status(symbol="BTCUSDT", status="HALT")):
        outside(seconds=0.8)
        drill.holds("flatten.not_flat", "flatten.truthful", "containment.no_orders")
    outside()
    drill.holds(*EMPTIED)


@pytest.mark.drill("flatten-half", rehearses=["SK-15", "SK-04"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("believing", believing)
@pytest.mark.spec("drills/safety/outside_two_symbols.yaml")
def test_one_symbol_that_rejects_keeps_no_other_from_being_emptied(
    drill: Drill, paper: Paper, venue: DrillVenue, flatten: Flatten
) -> None:
    """One of two symbols rejects every cancel: the other one is emptied, and what is left is named."""
    busy(paper)
    rests = {"type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC}
    placed(venue, symbol="ETHUSDT", side=Side.BUY, quantity=Decimal(1), price=Decimal(1000), **rests)
    outside = Outside(drill, venue, flatten)
    drill.steady("engine.trading")
    with drill.inject(venue.faults.reject_requests(route="DELETE *", symbol="ETHUSDT", code=-4108)):
        outside(seconds=0.8)
        drill.holds("flatten.not_flat", "flatten.truthful")
    outside()
    drill.holds("flatten.done", "containment.flat")


@pytest.mark.drill("flatten-hedged", rehearses=["AC-03", "AC-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("positions-kept", cancelling_only)
def test_both_sides_of_a_hedged_account_are_closed(drill: Drill, venue: DrillVenue, flatten: Flatten) -> None:
    """Somebody set hedge mode and holds both sides: each is closed on its own side."""
    drill.steady("engine.trading")
    venue.thread.call(lambda inner: inner.exchange.set_hedge_mode(venue.account, True))
    placed(venue, side=Side.BUY, quantity=Decimal("0.020"), position_side=PositionSide.LONG)
    placed(venue, side=Side.SELL, quantity=Decimal("0.010"), position_side=PositionSide.SHORT)
    Outside(drill, venue, flatten)(seconds=1.0)
    drill.holds(*EMPTIED)


@pytest.mark.drill(
    "flatten-small-lots", rehearses=["SK-07", "AC-07"], severity="blocker", contain_within="2s", runbook=RUNBOOK
)
@pytest.mark.mutant("in-one-piece", in_one_piece)
def test_a_position_above_the_largest_lot_is_closed_in_parts(
    drill: Drill, paper: Paper, venue: DrillVenue, flatten: Flatten
) -> None:
    """The venue takes market orders of at most 0.005: a position of 0.012 is closed in three."""
    busy(paper)
    drill.steady("engine.trading")
    drill.record("most", "0.005")
    with drill.inject(SmallLots(venue, Decimal("0.005"))):
        Outside(drill, venue, flatten)()
        drill.contains(*EMPTIED, "flatten.in_parts")


@pytest.mark.drill(
    "flatten-strangers", rehearses=["SK-15", "AC-12"], severity="blocker", contain_within="2s", runbook=RUNBOOK
)
@pytest.mark.mutant("orders-kept", closing_only)
def test_orders_and_positions_of_others_are_ended_too(
    drill: Drill, paper: Paper, venue: DrillVenue, flatten: Flatten
) -> None:
    """What a person placed by hand on the same account is ended with everything else, the conditional ones too."""
    busy(paper)
    drill.steady("engine.trading")
    with drill.inject(venue.faults.manual_order(**strangers(venue, price="30500.0"))):
        placed(venue, side=Side.SELL, quantity=Decimal("0.020"))
        stop = NewOrder(
            symbol="BTCUSDT", side=Side.SELL, type=OrderType.STOP_MARKET, quantity=Decimal("0.004"),
            stop_price=Decimal("30000.0"), time_in_force=TimeInForce.GTC,
        )  # fmt: skip
        venue.thread.call(lambda inner: inner.exchange.submit_algo(venue.account, stop))
        Outside(drill, venue, flatten)()
        drill.contains(*EMPTIED)


@pytest.mark.drill("flatten-lied-to", rehearses=["AC-01", "RC-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("unknown-as-empty", unknown_as_empty)
@pytest.mark.parametrize(
    "lie",
    [
        ("html_page", {"route": "GET *"}),
        ("empty_body", {"route": "GET */open*|GET */positionRisk|GET */account"}),
        ("empty_queries", {"route": "GET */open*|GET */positionRisk"}),
        ("hang_requests", {"route": "GET *"}),
        ("reset_requests", {"route": "*"}),
        ("reject_requests", {"route": "GET *", "code": -1001, "status": 500}),
    ],
    ids=["html", "no-body", "empty-lists", "hangs", "gone", "errors"],
)
def test_a_venue_that_does_not_tell_is_not_called_flat(
    drill: Drill, paper: Paper, venue: DrillVenue, flatten: Flatten, lie: tuple[str, dict[str, Any]]
) -> None:
    """Pages, empty bodies, empty lists, silence, cut connections and errors in place of answers: never flat."""
    busy(paper)
    outside = Outside(drill, venue, flatten)
    drill.steady("engine.trading")
    name, settings = lie
    with drill.inject(getattr(venue.faults, name)(**settings)):
        outside(seconds=0.7)
        drill.holds("flatten.not_flat", "flatten.truthful")
    outside()
    drill.holds("flatten.done", "containment.flat")


@pytest.mark.drill("flatten-wrong-keys", rehearses=["AC-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("unjudged", unjudged)
def test_keys_that_the_venue_refuses_end_it_at_once(
    drill: Drill, paper: Paper, venue: DrillVenue, flatten: Flatten
) -> None:
    """The venue refuses the keys: it stops, says so, and calls nothing flat."""
    busy(paper)
    outside = Outside(drill, venue, flatten)
    drill.steady("engine.trading")
    with drill.inject(venue.faults.reject_requests(route="*", code=-2015, status=401)):
        outside()
        drill.holds("flatten.not_flat", "flatten.truthful")
