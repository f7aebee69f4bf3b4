"""Orders whose answer is lost, false or a refusal: what the strategy is told, and what lies at the venue."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.doors import last_seq
from fixtures.refusals import refused

if TYPE_CHECKING:
    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper

RUNBOOK = "docs/runbooks/orders-misreported.md"
SPOT = pytest.mark.spec("src/opslab/samples/scenarios/btcusdt_spot_by_hand.yaml")
MARKETS = pytest.mark.parametrize("market", ["futures", pytest.param("spot", marks=SPOT)])
TOLD = ("orders.told_truly", "orders.no_duplicates")
LIVE = "docs/engine-defects/live-order-rejected.md"
IGNORED = "docs/engine-defects/ban-ignored.md"
QUERIES = "GET */order|GET */algoOrder"
BAN_SECONDS = 120
LIMIT_SECONDS = 60


@pytest.mark.drill(
    "submit-answer-lost", rehearses=["OL-01", "OL-02"], severity="blocker", recover_within="1s", runbook=RUNBOOK
)
@pytest.mark.mutant("another-order-appears")
@pytest.mark.known_defect("OPS-ORDER-LIVE", versions=">=1.231,<1.232", reference=LIVE)
@pytest.mark.known_defect("OPS-VIEWS-DIFFER", versions=">=1.231,<1.232", reference=LIVE)
@MARKETS
def test_an_order_is_not_called_rejected_while_it_is_live(
    drill: Drill, paper: Paper, venue: DrillVenue, market: str
) -> None:
    """503 with -1007 says that nobody knows: until the user stream tells, no strategy may be told that it is void."""
    del market
    drill.steady("engine.trading", *TOLD)
    with drill.inject(venue.faults.hold_messages(execution="NEW")):
        with drill.inject(venue.faults.unknown_outcome(times=1)) as fault:
            paper.buy_limit("0.010", at="30000.0")
            _answered(paper, fault)
        if drill.mutant:
            words = {"account": venue.account, "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.010"}
            with drill.inject(venue.faults.manual_order(**words, price="30000")):
                paper.settle()
        drill.holds(*TOLD)
    drill.recovers("views.agree", "orders.no_duplicates")


@pytest.mark.drill(
    "submit-reset-after-placing", rehearses=["OL-01"], severity="critical", contain_within="2s", runbook=RUNBOOK
)
@pytest.mark.mutant("nobody-tells")
@MARKETS
def test_an_order_whose_connection_broke_is_found_live(
    drill: Drill, paper: Paper, venue: DrillVenue, market: str
) -> None:
    """The connection is reset after the order was placed: the user stream tells, and nothing is placed twice."""
    del market
    drill.steady("engine.trading", *TOLD)
    with contextlib.ExitStack() as broken:
        if drill.mutant:
            broken.enter_context(drill.inject(venue.faults.drop_user_stream()))
            broken.enter_context(drill.inject(venue.faults.reject_requests(route=QUERIES, code=-2013)))
        with drill.inject(venue.faults.reset_requests(route="POST */order", when="after", times=1)) as fault:
            paper.buy_limit("0.010", at="30000.0")
            _answered(paper, fault)
            drill.contains("orders.resolved", *TOLD)
    drill.recovers("orders.resolved", "views.agree", *TOLD)


@pytest.mark.drill(
    "submit-reset-before-placing", rehearses=["OL-03"], severity="critical", contain_within="10s", runbook=RUNBOOK
)
@pytest.mark.mutant("placed-and-denied")
def test_an_order_that_never_arrived_is_given_up(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The connection is reset before the order was placed: the strategy is told within bounds that there is none."""
    drill.steady("engine.trading", *TOLD)
    when = "before"
    with contextlib.ExitStack() as others:
        if drill.mutant:
            when = "after"
            others.enter_context(drill.inject(venue.faults.drop_user_stream()))
            others.enter_context(drill.inject(venue.faults.reject_requests(route=QUERIES, code=-2013)))
        with drill.inject(venue.faults.reset_requests(route="POST */order", when=when, times=1)) as fault:
            paper.buy_limit("0.010", at="30000.0")
            _answered(paper, fault)
            drill.contains("orders.resolved", *TOLD)
    drill.recovers("views.agree", *TOLD)


@pytest.mark.drill("ban-on-submit", rehearses=["CN-01"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("banned-after-placing")
@pytest.mark.known_defect("OPS-BAN-IGNORED", versions=">=1.231,<1.232", reference=IGNORED)
def test_a_banned_client_stays_away(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """After a 418 nothing is sent until the ban is over: who goes on asking is banned for longer."""
    drill.steady("engine.trading", *TOLD)
    if drill.mutant:
        fault = venue.faults.reject_requests(status=418, code=-1003, when="after")
    else:
        fault = venue.faults.ban(seconds=BAN_SECONDS)
    with _late_news(drill, venue):
        _refused(drill, paper, venue, fault, 418, BAN_SECONDS)
        drill.holds("requests.respect_ban", *TOLD)


@pytest.mark.drill("limit-on-submit", rehearses=["CN-01"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("limited-after-placing")
@pytest.mark.known_defect("OPS-RETRY-AFTER-IGNORED", versions=">=1.231,<1.232", reference=IGNORED)
def test_retry_after_is_waited_for(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """After a 429 nothing is sent until Retry-After is over: who goes on asking is banned."""
    drill.steady("engine.trading", *TOLD)
    header = {"Retry-After": str(LIMIT_SECONDS)}
    when = "after" if drill.mutant else "before"
    fault = venue.faults.reject_requests(status=429, code=-1003, headers=header, when=when)
    with _late_news(drill, venue):
        _refused(drill, paper, venue, fault, 429, LIMIT_SECONDS)
        drill.holds("requests.respect_retry_after", *TOLD)


def _late_news(drill: Drill, venue: DrillVenue) -> contextlib.AbstractContextManager[Any]:
    """Under a mutant, which places what it refuses, keep the acceptance back: else it may come before the refusal."""
    return drill.inject(venue.faults.hold_messages(execution="NEW")) if drill.mutant else contextlib.nullcontext()


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
