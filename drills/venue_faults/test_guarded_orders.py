"""Orders whose answer is lost, false, late or a refusal, on a node with a guard: the twins of ``test_orders.py``.

The mutant is always the same: the guard is not there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.doors import last_seq
from fixtures.guarding import guards_removed, with_guard
from fixtures.refusals import refused

if TYPE_CHECKING:
    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper

RUNBOOK = "docs/runbooks/guards.md"
TOLD = ("orders.told_truly", "orders.no_duplicates")
AGREE = ("views.agree", "positions.no_phantoms", *TOLD)
QUERIES = "GET */order|GET */algoOrder"
BAN_SECONDS = 120
LIMIT_SECONDS = 60

guarded = partial(pytest.mark.drill, runbook=RUNBOOK)
removed = pytest.mark.mutant("guard-removed", guards_removed)


@guarded("guarded-submit-answer-lost", rehearses=["OL-01", "OL-02"], severity="blocker", recover_within="1s")
@removed
@with_guard("ambiguous_submit", "ambiguous_submit_spot")
def test_an_order_is_not_called_rejected_while_it_is_live(
    drill: Drill, paper: Paper, venue: DrillVenue, spec: str
) -> None:
    """503 with -1007 says that nobody knows: the venue is asked, and the strategy is told what it has."""
    del spec
    drill.steady("engine.trading", *TOLD)
    with drill.inject(venue.faults.hold_messages(execution="NEW")):
        with drill.inject(venue.faults.unknown_outcome(times=1)) as fault:
            order = paper.buy_limit("0.010", at="30000.0")
            _answered(paper, fault)
        drill.holds(*TOLD)
        if not drill.mutant:
            paper.until_status(order, "ACCEPTED")
    drill.recovers("views.agree", "orders.no_duplicates")


@guarded("guarded-filled-behind-a-lost-answer", rehearses=["OL-01", "OL-06"], severity="blocker", recover_within="2s")
@removed
@pytest.mark.spec("guarded/ambiguous_submit.yaml")
def test_what_was_filled_is_told_with_its_fills(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The answer is lost, the user stream tells nothing, and the order is filled: the strategy hears of the fill."""
    drill.steady("engine.trading", *TOLD)
    with (
        drill.inject(venue.faults.drop_user_stream(stream="ORDER_TRADE_UPDATE")),
        drill.inject(venue.faults.unknown_outcome(times=1)) as fault,
    ):
        paper.buy_market("0.010")
        _answered(paper, fault)
    drill.recovers("orders.told_fully", "positions.no_phantoms", *TOLD)


@guarded("guarded-nobody-tells-for-a-while", rehearses=["OL-01", "OL-04"], severity="blocker", recover_within="3s")
@removed
@pytest.mark.spec("guarded/ambiguous_submit.yaml")
def test_new_risk_waits_until_the_venue_tells(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The connection breaks, the user stream is silent and queries fail: the order stays in flight, no other leaves."""
    drill.steady("engine.trading", *TOLD)
    with (
        drill.inject(venue.faults.drop_user_stream()),
        drill.inject(venue.faults.reject_requests(route=QUERIES, status=500, code=-1001)),
    ):
        with drill.inject(venue.faults.reset_requests(route="POST */order", when="after", times=1)) as fault:
            order = paper.buy_limit("0.010", at="30000.0")
            _answered(paper, fault)
        second = paper.buy_limit("0.010", at="30100.0")
        paper.settle()
        drill.record("second", second.status_string())
        drill.holds("guard.risk_held", *TOLD)
        assert order.status_string() == "SUBMITTED"
    drill.recovers("orders.resolved", "views.agree", *TOLD)
    third = paper.buy_limit("0.010", at="30200.0")
    paper.until_status(third, "ACCEPTED")


@guarded("guarded-submit-hangs", rehearses=["OL-03"], severity="critical", contain_within="4s")
@removed
@pytest.mark.spec("guarded/late_answers.yaml")
def test_an_order_that_hangs_is_resolved_in_time(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """A request that is never answered and never carried out: given up at the deadline, and told once it is proven."""
    drill.steady("engine.trading", *TOLD)
    with drill.inject(venue.faults.hang_requests(route="POST */order", times=1)) as fault:
        paper.buy_limit("0.010", at="30000.0")
        _answered(paper, fault)
        drill.contains("orders.resolved", *TOLD)
    drill.holds(*AGREE)


@guarded("guarded-cancel-answer-lost", rehearses=["OL-10"], severity="critical", recover_within="2s")
@removed
@pytest.mark.spec("guarded/ambiguous_submit.yaml")
def test_a_cancel_of_unknown_fate_is_asked_for(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The cancel was carried out, its answer and the report are lost: the order is told as cancelled."""
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    drill.steady("engine.trading", *AGREE)
    lost = venue.faults.reject_requests(route="DELETE */order", status=503, code=-1007, when="after", times=1)
    with drill.inject(venue.faults.drop_user_stream()), drill.inject(lost):
        paper.cancel(order)
        _answered(paper, lost)
    drill.recovers("views.agree", "orders.stay_over", *TOLD)


@guarded("guarded-modify-answer-lost", severity="critical", recover_within="2s")
@removed
@pytest.mark.spec("guarded/ambiguous_submit.yaml")
def test_a_change_of_unknown_fate_is_asked_for(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The change was carried out, its answer and the report are lost: the order is told as it is now."""
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    drill.steady("engine.trading", *AGREE)
    lost = venue.faults.reject_requests(route="PUT */order", status=503, code=-1007, when="after", times=1)
    with drill.inject(venue.faults.drop_user_stream()), drill.inject(lost):
        paper.modify(order, quantity="0.020", price="30100.0")
        _answered(paper, lost)
    drill.recovers("views.agree", *TOLD)
    assert str(order.price) == "30100.0"
    assert str(order.price) == "30100.0"


@guarded("guarded-ban-on-submit", rehearses=["CN-01"], severity="critical")
@removed
@pytest.mark.spec("guarded/rate_limit.yaml")
def test_a_banned_client_stays_away(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """After a 418 nothing is sent until the ban is over: who goes on asking is banned for longer."""
    drill.steady("engine.trading", *TOLD)
    _refused(drill, paper, venue, venue.faults.ban(seconds=BAN_SECONDS), 418, BAN_SECONDS)
    drill.holds("requests.respect_ban", *TOLD)


@guarded("guarded-limit-on-submit", rehearses=["CN-01"], severity="critical")
@removed
@pytest.mark.spec("guarded/rate_limit.yaml")
def test_retry_after_is_waited_for(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """After a 429 nothing is sent until Retry-After is over: who goes on asking is banned."""
    drill.steady("engine.trading", *TOLD)
    header = {"Retry-After": str(LIMIT_SECONDS)}
    fault = venue.faults.reject_requests(status=429, code=-1003, headers=header)
    _refused(drill, paper, venue, fault, 429, LIMIT_SECONDS)
    drill.holds("requests.respect_retry_after", *TOLD)


@guarded("guarded-after-the-limit", rehearses=["CN-01"], severity="normal", recover_within="3s")
@pytest.mark.mutant("guard-removed", guards_removed)
@pytest.mark.spec("guarded/rate_limit.yaml")
def test_orders_leave_again_when_the_limit_is_over(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """When Retry-After is over one question finds out that the venue answers, and orders leave again."""
    drill.steady("engine.trading", *TOLD)
    header = {"Retry-After": "1"}
    since = last_seq(venue)
    with drill.inject(venue.faults.reject_requests(status=429, code=-1003, headers=header, times=1)) as fault:
        paper.buy_limit("0.010", at="30000.0")
        _answered(paper, fault)
        paper.buy_limit("0.010", at="30100.0")
        paper.settle(0.05)
        drill.record("refused", refused(venue, since, 429, 1))
    drill.holds("requests.respect_retry_after")
    paper.until(lambda: _is_asked(venue, "GET /fapi/v1/time", since), "the question whether the limit is over")
    paper.settle(0.05)
    order = paper.buy_limit("0.010", at="30200.0")
    paper.until_status(order, "ACCEPTED")
    drill.recovers(*AGREE)


@guarded("guarded-market-exit", rehearses=["OL-11"], severity="critical", recover_within="3s")
@removed
@pytest.mark.spec("guarded/market_exit.yaml")
def test_market_exit_does_not_forget_its_cancels(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The one request that should cancel everything is refused: the orders are cancelled all the same."""
    for price in ("30000.0", "30100.0", "30200.0"):
        paper.until_status(paper.buy_limit("0.010", at=price), "ACCEPTED")
    drill.steady("engine.trading", *AGREE)
    fault = venue.faults.reject_requests(route="DELETE */allOpenOrders", status=503, code=-1001, times=1)
    with drill.inject(fault):
        paper.strategy.market_exit()
        _answered(paper, fault)
    drill.recovers("guard.nothing_rests", "views.agree", *TOLD)


def _refused(drill: Drill, paper: Paper, venue: DrillVenue, fault: Any, status: int, seconds: int) -> None:
    """Place two orders one after the other while the venue refuses them, and record what was sent after the first."""
    since = last_seq(venue)
    with drill.inject(fault):
        paper.buy_limit("0.010", at="30000.0")
        _answered(paper, fault)
        paper.buy_limit("0.010", at="30100.0")
        paper.settle()
        drill.record("refused", refused(venue, since, status, seconds))


def _answered(paper: Paper, fault: Any) -> None:
    """Let the node work until the fault took effect and nothing more came of it."""
    paper.until(lambda: fault.fired, f"{fault.name} takes effect")
    paper.settle()


def _is_asked(venue: DrillVenue, route: str, since: int) -> bool:
    records = venue.thread.wire.records(since)
    return any(one.kind == "request" and f"{one.facts['method']} {one.facts['path']}" == route for one in records)
