"""What the engine's documentation promises of its checks while it runs, row by row (NT-RUN-*).

NT-RUN-2 and -3 are rehearsed by ``submit-answer-lost`` and ``submit-reset-before-placing``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fixtures.engine_rows import (
    CHECKS,
    ORDER_QUERIES,
    RUNBOOK,
    VERSIONS,
    asked,
    at_venue,
    defect,
    judge,
    others,
    positions,
    state,
    told,
    trade,
)
from nautilus_trader.live.config import LiveExecEngineConfig
from nautilus_trader.model.identifiers import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand_renewed import PaperRenewed

    type Start = Callable[..., PaperRenewed]

INFLIGHT = {"inflight_check_interval_ms": 100, "inflight_check_threshold_ms": 100}
POSITIONS = {
    "position_check_interval_secs": 0.1,
    "position_check_threshold_ms": 50,
    "inflight_check_interval_ms": 0,
}
LOOKS = 5
"""How often the engine asks before a row counts as left alone; its three attempts at a position are among them."""


def _resting(paper: PaperRenewed) -> Any:
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    return order


def _looked(paper: PaperRenewed, path: str, looks: int = LOOKS) -> None:
    """Let the engine ask so many times."""
    wanted = asked(paper.venue, path) + looks
    paper.until(lambda: asked(paper.venue, path) >= wanted, f"{looks} looks at {path}")


@pytest.mark.drill("engine-submit-refused", severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("refused-after-placing")
def test_a_refused_order_is_rejected(drill: Drill, paper_with: Start) -> None:
    """NT-RUN-1: an order that the venue refuses is told as rejected, and is not at the venue."""
    paper = paper_with()
    venue, faults = paper.venue, paper.venue.faults
    drill.steady("engine.trading")
    when = "after" if drill.mutant else "before"
    with drill.inject(faults.reject_requests(code=-2019, status=400, when=when)) as fault:
        order = paper.buy_limit("0.010", at="30000.0")
        paper.until(lambda: fault.fired, "the refusal")
        paper.settle()
    seen = {"told": told(paper, order)[1:], "venue": at_venue(venue, order)}
    judge(drill, "NT-RUN-1", seen, {"told": ["OrderSubmitted", "OrderRejected"], "venue": "none"})


@pytest.mark.drill("engine-inflight-query-refused", rehearses=["OL-01", "RC-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("never-placed")
@defect("docs/engine-defects/refused-query-rejects.md")
def test_a_refused_query_says_nothing_of_the_order(drill: Drill, paper_with: Start) -> None:
    """NT-RUN-2-QUERY: an order in flight lives; a query for it that is refused leaves it in flight."""
    paper = paper_with(**INFLIGHT, inflight_check_retries=1_000)
    venue, faults = paper.venue, paper.venue.faults
    drill.steady("engine.trading")
    when = "before" if drill.mutant else "after"
    with (
        drill.inject(faults.hold_messages(execution="NEW")),
        drill.inject(faults.reject_requests(route=ORDER_QUERIES, code=-1001, status=503)) as refused,
        drill.inject(faults.reset_requests(route="POST */order", when=when)),
    ):
        order = paper.buy_limit("0.010", at="30000.0")
        paper.until(lambda: refused.fired, "a refused query")
        paper.settle()
        seen = {"told": told(paper, order)[1:], "venue": at_venue(venue, order)}
    promised = {"told": ["OrderSubmitted"], "venue": "NEW 0"}
    judge(drill, "NT-RUN-2-QUERY", seen, promised, {"told": ["OrderSubmitted", "OrderRejected"]})


@pytest.mark.drill("engine-inflight-unanswered", rehearses=["OL-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("cut-after")
@pytest.mark.known_defect(
    "OPS-ORDER-LIVE", versions=VERSIONS, reference="docs/engine-defects/pending-called-cancelled.md"
)
@pytest.mark.parametrize("row", ["NT-RUN-4-CANCEL", "NT-RUN-4-UPDATE"])
def test_an_unanswered_request_leaves_the_order_unresolved(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-RUN-4: a cancel or a change breaks, no query is answered: told as cancelled, as promised, though it lives."""
    paper = paper_with(**INFLIGHT, inflight_check_retries=2)
    venue, faults = paper.venue, paper.venue.faults
    drill.steady("engine.trading")
    order, is_cancel = _resting(paper), row.endswith("CANCEL")
    pending = "PENDING_CANCEL 0.000" if is_cancel else "PENDING_UPDATE 0.000"
    route, when = "DELETE */order" if is_cancel else "PUT */order", "after" if drill.mutant else "before"
    with (
        drill.inject(faults.hang_requests(route=ORDER_QUERIES)),
        drill.inject(faults.reset_requests(route=route, when=when)) as cut,
    ):
        if is_cancel:
            paper.cancel(order)
        else:
            paper.modify(order, quantity="0.012", price="30100.0")
        paper.until(lambda: cut.fired, "the request is cut")
        queries = asked(venue, "order") + LOOKS
        paper.until(lambda: state(paper, order) != pending or asked(venue, "order") >= queries, "the engine's answer")
        seen = {"engine": state(paper, order), "venue": at_venue(venue, order), "price": _price(paper, order)}
        judge(drill, row, seen, {"engine": "CANCELED 0.000", "venue": "NEW 0", "price": "30000.0"})
        drill.holds("orders.told_truly")


def _price(paper: PaperRenewed, order: Any) -> str:
    return f"{paper.venue.order(order).price:.1f}"


FILLS: dict[str, tuple[dict[str, float], dict[str, Any]]] = {
    "NT-RUN-5": (
        CHECKS,
        {"engine": "PARTIALLY_FILLED 0.004", "told": "OrderFilled", "venue": "PARTIALLY_FILLED 0.004", "asked": True},
    ),
    "NT-RUN-5-DEFAULT": (
        {},
        {"engine": "ACCEPTED 0.000", "told": "OrderAccepted", "venue": "PARTIALLY_FILLED 0.004", "asked": False},
    ),
}
OTHERWISE: dict[str, dict[str, float]] = {"NT-RUN-5": {}, "NT-RUN-5-DEFAULT": {"open_check_interval_secs": 1.0}}
"""By row: settings under which it comes out otherwise."""

TURNING = {"inflight_check_interval_ms": 200, "inflight_check_threshold_ms": 300}
"""The check of orders in flight, by which is seen that the engine's loop of checks turns."""

TURNS = 3
"""How many orders in flight that check has to find, one after the other, before a row counts as left alone."""


@pytest.mark.drill("engine-lost-fill", rehearses=["RC-14"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("filled-whole")
@pytest.mark.mutant("set-otherwise")
@pytest.mark.parametrize("row", FILLS)
def test_a_check_finds_a_lost_fill(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-RUN-5: a fill that the stream lost is found by the check of open orders, and never without it: the default."""
    settings, promised = FILLS[row]
    paper = paper_with(**(OTHERWISE[row] if drill.mutant == "set-otherwise" else settings) | TURNING)
    drill.steady("engine.trading")
    order = _resting(paper)
    before = asked(paper.venue, "openOrders")
    with drill.inject(paper.venue.faults.drop_user_stream()):
        paper.venue.fill(order, "0.010" if drill.mutant == "filled-whole" else "0.004")
        for _ in range(TURNS):
            _resting(paper)  # untold by the stream, it is the engine's loop of checks that finds it
        seen = {
            "engine": state(paper, order),
            "told": told(paper, order)[-1],
            "venue": at_venue(paper.venue, order),
            "asked": asked(paper.venue, "openOrders") > before,
            "default": LiveExecEngineConfig().open_check_interval_secs,
        }
    judge(drill, row, seen, {**promised, "default": None})


@pytest.mark.drill("engine-found-order", rehearses=["AC-12", "RC-08"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("sold-instead")
def test_a_check_finds_an_order_of_others(drill: Drill, paper_with: Start) -> None:
    """NT-RUN-5-EXTERNAL: an open order that somebody else placed, and of which the stream said nothing, is found."""
    paper = paper_with(**CHECKS)
    drill.steady("engine.trading")
    with drill.inject(paper.venue.faults.drop_user_stream()):
        trade(paper.venue, *(("SELL", "0.010", "60000") if drill.mutant else ("BUY", "0.010", "30000")))
        _looked(paper, "openOrders", 3)
    judge(
        drill, "NT-RUN-5-EXTERNAL", {"others": others(paper)}, {"others": ["EXTERNAL VENUE BUY LIMIT ACCEPTED 0.000"]}
    )


@pytest.mark.drill("engine-position-unseen", rehearses=["AC-12", "RC-15"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("traded-otherwise")
@defect("docs/engine-defects/position-of-others-unseen.md")
def test_a_check_finds_a_position_of_others(drill: Drill, paper_with: Start) -> None:
    """NT-RUN-6: a position that somebody else opened, and of which the stream said nothing, is found."""
    paper = paper_with(**POSITIONS)
    drill.steady("engine.trading")
    with drill.inject(paper.venue.faults.drop_user_stream()):
        trade(paper.venue, "BUY", "0.012" if drill.mutant else "0.010")
        _looked(paper, "positionRisk", 3 * LOOKS)
    promised = {"engine": ["0.010"], "venue": ["0.010"], "entry": "same"}
    judge(drill, "NT-RUN-6", positions(paper), promised, {"engine": [], "entry": "differs"})


REDUCED = {
    "NT-RUN-6-LESS": ("0.004", ["0.006"], ["-0.004", "0.010"]),
    "NT-RUN-6-GONE": ("0.010", [], ["-0.010", "0.010"]),
}


@pytest.mark.drill("engine-position-reduced", rehearses=["RC-07", "AC-12"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("traded-otherwise")
@defect("docs/engine-defects/alignment-splits-position.md")
@pytest.mark.parametrize("row", REDUCED)
def test_a_check_makes_a_position_the_venues(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-RUN-6-LESS, -GONE: a position that somebody else made smaller, untold, is made smaller or closed."""
    sold, left, split = REDUCED[row]
    paper = paper_with(**POSITIONS)
    drill.steady("engine.trading")
    paper.until_status(paper.buy_market("0.010"), "FILLED")
    with drill.inject(paper.venue.faults.drop_user_stream()):
        trade(paper.venue, "SELL", "0.007" if drill.mutant else sold)
        paper.until(lambda: bool(others(paper)) and len(paper.strategy.cache.orders()) > 1, "an alignment")
        paper.settle(0.1)
    judge(drill, row, positions(paper), {"engine": left, "venue": left, "entry": "same"}, {"engine": split})


@pytest.mark.drill("engine-position-query-refused", rehearses=["RC-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("sold-meanwhile")
@defect("docs/engine-defects/refused-query-is-flat.md")
def test_a_refused_query_is_not_a_flat_account(drill: Drill, paper_with: Start) -> None:
    """NT-RUN-8: a query for positions that is refused says nothing: the position stays what it is."""
    paper = paper_with(**POSITIONS)
    drill.steady("engine.trading")
    order = paper.buy_market("0.010")
    paper.until_status(order, "FILLED")
    with drill.inject(paper.venue.faults.reject_requests(route="GET */positionRisk", code=-1001, status=503)):
        if drill.mutant:
            trade(paper.venue, "SELL", "0.003")
        _looked(paper, "positionRisk", 2 * LOOKS)
        paper.settle(0.1)
        seen = {"others": others(paper, order), **positions(paper)}
    promised = {"others": [], "engine": ["0.010"], "venue": ["0.010"], "entry": "same"}
    made_up = ["EXTERNAL RECONCILIATION SELL LIMIT FILLED 0.010"]
    known = {"others": made_up, "engine": ["-0.010", "0.010"], "entry": "differs"}
    judge(drill, "NT-RUN-8", seen, promised, known)


@pytest.mark.drill("engine-own-book", runbook=RUNBOOK)
@pytest.mark.mutant("cancelled-both")
@pytest.mark.mutant("not-audited")
def test_the_own_book_is_what_rests(drill: Drill, paper_with: Start) -> None:
    """NT-RUN-7: an order that is over came back into the book of own orders: the audit takes it out, and no other."""
    audit = {} if drill.mutant == "not-audited" else {"own_books_audit_interval_secs": 0.05}
    paper = paper_with(manage_own_order_books=True, **audit, **CHECKS)
    drill.steady("engine.trading")
    gone, rests = _resting(paper), _resting(paper)
    for order in (gone, rests) if drill.mutant == "cancelled-both" else (gone,):
        paper.cancel(order)
        paper.until_status(order, "CANCELED")
    book = paper.strategy.cache.own_order_book(InstrumentId.from_str("BTCUSDT-PERP.BINANCE"))
    clean = _held(book)
    book.add(gone.to_own_book_order())
    wrong = _held(book)
    _looked(paper, "openOrders", 3)
    names = {gone.client_order_id.value: "gone", rests.client_order_id.value: "rests"}
    seen: dict[str, Any] = {
        name: sorted(names[each] for each in held)
        for name, held in (("clean", clean), ("wrong", wrong), ("audited", _held(book)))
    }
    seen["venue"] = [at_venue(paper.venue, order) for order in (gone, rests)]
    promised = {"clean": ["rests"], "wrong": ["gone", "rests"], "audited": ["rests"], "venue": ["CANCELED 0", "NEW 0"]}
    judge(drill, "NT-RUN-7", seen, promised)


def _held(book: Any) -> list[str]:
    """Return the client ids of the orders to buy in a book of own orders."""
    return [name.value for name in book.bid_client_order_ids()]
