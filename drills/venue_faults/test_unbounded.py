"""What the engine waits for without a bound, and what it asks for only once."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from opslab import Drill
    from opslab.drill.faults import Fault
    from opslab.runs.by_hand import DrillVenue, Paper

DEFECTS = "docs/engine-defects"
TOLD = ("orders.told_truly", "orders.no_duplicates")
PRICES = ("30000.0", "30100.0", "30200.0")

known_defect = partial(pytest.mark.known_defect, versions=">=1.231,<1.232")
stranger = pytest.mark.mutant("stranger")


@pytest.mark.drill(
    "answer-never-comes",
    rehearses=["CN-02"],
    severity="critical",
    contain_within="2s",
    runbook="docs/runbooks/user-stream.md",
)
@known_defect("OPS-FILL-UNTOLD", reference=f"{DEFECTS}/stream-paused.md")
@stranger
def test_an_answer_that_never_comes_does_not_silence_the_stream(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """While the adapter waits for a reconciliation it keeps back what the new stream tells: it must not for ever."""
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    drill.steady("engine.trading", "views.agree", "orders.told_fully", *TOLD)
    hanging = venue.faults.hang_requests(route="GET */openOrders")
    with contextlib.ExitStack() as silence:
        silence.enter_context(drill.inject(hanging))
        with drill.inject(venue.faults.expire_listen_key()):
            paper.until(lambda: hanging.fired, "the reconciliation")
        venue.fill(order)
        _stranger_trades(drill, venue)
        drill.contains("orders.told_fully")
        drill.holds("engine.trading", *TOLD)


@pytest.mark.drill(
    "submit-hangs",
    rehearses=["OL-03"],
    severity="critical",
    contain_within="4s",
    runbook="docs/runbooks/orders-misreported.md",
)
@known_defect("OPS-ORDER-IN-FLIGHT", reference=f"{DEFECTS}/no-deadline.md")
@stranger
def test_an_order_that_hangs_is_resolved_in_time(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """A request that is never answered and never carried out is given up, and its order told once it is proven."""
    drill.steady("engine.trading", *TOLD)
    with drill.inject(venue.faults.hang_requests(route="POST */order", times=1)) as fault:
        paper.buy_limit("0.010", at="30000.0")
        _answered(paper, fault)
        _stranger_trades(drill, venue)
        drill.contains("orders.resolved", *TOLD)


@pytest.mark.drill(
    "market-exit-refused-once",
    rehearses=["OL-11"],
    severity="critical",
    recover_within="2s",
    runbook="docs/runbooks/guards.md",
)
@known_defect("OPS-ORDER-LEFT", reference=f"{DEFECTS}/market-exit-forgets.md")
@stranger
def test_market_exit_does_not_forget_its_cancels(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The one request that should cancel everything is refused: the orders are cancelled all the same."""
    for price in PRICES:
        paper.until_status(paper.buy_limit("0.010", at=price), "ACCEPTED")
    drill.steady("engine.trading", "views.agree", *TOLD)
    fault = venue.faults.reject_requests(route="DELETE */allOpenOrders", status=503, code=-1001, times=1)
    with drill.inject(fault):
        paper.strategy.market_exit()
        _answered(paper, fault)
    _stranger_trades(drill, venue)
    drill.recovers("guard.nothing_rests", *TOLD)


def _answered(paper: Paper, fault: Fault) -> None:
    """Let the node work until the fault took effect and nothing more came of it."""
    paper.until(lambda: fault.fired, f"{fault.name} takes effect")
    paper.settle()


def _stranger_trades(drill: Drill, venue: DrillVenue) -> None:
    """Place an order that the strategy knows nothing of, if that is the mutant."""
    if drill.mutant:
        words = {"account": venue.account, "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.010", "price": "29000.0"}
        with drill.inject(venue.faults.manual_order(**words)):
            pass
