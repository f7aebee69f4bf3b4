"""What the engine's documentation promises of its reconciliation at the start, row by row (NT-START-*, NT-WINDOW-*).

A node that begins with a cache is one that another one handed its cache on to, as a cache database does.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.engine_rows import (
    HISTORY,
    RUNBOOK,
    defect,
    each_symbol_once,
    judge,
    others,
    positions,
    state,
    trade,
    withdraw,
)
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue
    from opslab.runs.by_hand_renewed import PaperRenewed

    type Start = Callable[..., PaperRenewed]

FOUND, ALIGNED = "EXTERNAL VENUE", "EXTERNAL RECONCILIATION"
DOUBLED = f"{FOUND} SELL MARKET FILLED"


def _resting(paper: PaperRenewed) -> Any:
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    return order


def _partly_filled(paper: PaperRenewed) -> Any:
    order = _resting(paper)
    paper.venue.fill(order, "0.004")
    paper.until_status(order, "PARTIALLY_FILLED")
    return order


def _bought(paper: PaperRenewed) -> Any:
    order = paper.buy_market("0.010")
    paper.until_status(order, "FILLED")
    return order


def _sold(paper: PaperRenewed) -> Any:
    order = paper.sell_market("0.010")
    paper.until_status(order, "FILLED")
    return order


def _filled(venue: DrillVenue, order: Any) -> None:
    venue.fill(order)


def _filled_twice(venue: DrillVenue, order: Any) -> None:
    venue.fill(order, "0.003")
    venue.fill(order, "0.003")


def _filled_and_withdrawn(venue: DrillVenue, order: Any) -> None:
    venue.fill(order, "0.003")
    withdraw(venue, order)


def _nothing(_venue: DrillVenue, _order: Any) -> None:
    """Let nothing happen."""


def _traded(side: str, quantity: str) -> Callable[[DrillVenue, Any], None]:
    return lambda venue, _order: trade(venue, side, quantity)


@dataclass(frozen=True)
class Restart:
    """A restart with a cache.

    Attributes:
        row: the row.
        before: returns the order that the first node placed.
        meanwhile: what happens at the venue while no node runs.
        promised: what is seen of the order, of other orders and of the engine's positions.
        stock: what else of it is seen on stock 1.231.
        hidden: routes whose history the venue does not tell any more.
        edited: fields of the venue's fills that it tells otherwise than before.
    """

    row: str
    before: Callable[[PaperRenewed], Any]
    meanwhile: Callable[[DrillVenue, Any], None]
    promised: Mapping[str, Any]
    stock: Mapping[str, Any] | None = None
    hidden: str = ""
    edited: Mapping[str, Any] = field(default_factory=dict)


def _seen(order: str, *engine: str, other: tuple[str, ...] = (), fills: int = 1) -> dict[str, Any]:
    return {"order": order, "fills": fills, "engine": list(engine), "others": list(other)}


BOUGHT = "FILLED 0.010"
PHANTOM = {"engine": ["-0.010", "0.010"], "others": [f"{DOUBLED} 0.010"], "entry": "differs"}
KEPT = (
    Restart("NT-START-1", _resting, withdraw, _seen("CANCELED 0.000", fills=0)),
    Restart(
        "NT-START-6", _bought, _nothing, _seen(BOUGHT, "0.010"), edited={"*.price": "12345.6", "*.commission": "9.9"}
    ),
)
"""Restarts after which the venue tells of no fill that was missed."""

REPLAYED = (
    Restart("NT-START-2", _resting, _filled, _seen(BOUGHT, "0.010"), PHANTOM),
    Restart("NT-START-3", _partly_filled, _filled_twice, _seen(BOUGHT, "0.010", fills=3), PHANTOM),
    Restart(
        "NT-START-5",
        _partly_filled,
        _filled_and_withdrawn,
        _seen("CANCELED 0.007", "0.007", fills=2),
        {"engine": ["-0.007", "0.007", "0.007"], "others": [f"{ALIGNED} BUY LIMIT FILLED 0.007", f"{DOUBLED} 0.007"]},
    ),
)
"""Restarts after which the venue tells of fills that were missed."""


def _mismatch(
    row: str,
    before: Callable[[PaperRenewed], Any],
    side: str,
    quantity: str,
    after: list[str],
    split: list[str],
    *aligned: str,
) -> Restart:
    orders = tuple(f"{ALIGNED} {side} LIMIT FILLED {each}" for each in aligned or (quantity,))
    promised = _seen(BOUGHT, *after, other=orders)
    return Restart(row, before, _traded(side, quantity), promised, {"engine": split}, hidden=HISTORY)


MISMATCHED = (
    _mismatch("NT-START-9", _bought, "BUY", "0.005", ["0.015"], ["0.005", "0.010"]),
    _mismatch("NT-START-10", _sold, "SELL", "0.005", ["-0.015"], ["-0.005", "-0.010"]),
    _mismatch("NT-START-11", _bought, "SELL", "0.004", ["0.006"], ["-0.004", "0.010"]),
    _mismatch("NT-START-11-FLAT", _bought, "SELL", "0.010", [], ["-0.010", "0.010"]),
    _mismatch("NT-START-12", _bought, "SELL", "0.015", ["-0.005"], ["-0.015", "0.010"], "0.005", "0.010"),
)
"""Restarts after which the venue tells of its position, and of no order or fill that made it."""

CASES = {case.row: case for case in (*KEPT, *REPLAYED, *MISMATCHED)}


def _restarted(drill: Drill, paper: PaperRenewed, case: Restart, *, is_stock: bool) -> None:
    """Let the first node end, the venue go on, and another node start; then judge the row."""
    order = case.before(paper)
    drill.steady("engine.trading", "views.agree")
    with drill.inject(paper.ended()):
        case.meanwhile(paper.venue, order)
        if drill.mutant:
            trade(paper.venue, "BUY", "0.003")
    faults = paper.venue.faults
    with contextlib.ExitStack() as lies:
        if case.hidden and not drill.mutant:  # what asks for nothing is told no lies
            lies.enter_context(drill.inject(faults.empty_queries(route=case.hidden)))
        if case.edited and not drill.mutant:
            lies.enter_context(drill.inject(faults.edit_replies(route="GET */userTrades", set_=dict(case.edited))))
        paper.renew(reconciliation=drill.mutant != "not-reconciled")
    fills = len(paper.strategy.cache.order(order.client_order_id).trade_ids)
    seen = {"order": state(paper, order), "fills": fills, "others": others(paper, order), **positions(paper)}
    promised = {**case.promised, "venue": case.promised["engine"], "entry": "same"}
    judge(drill, case.row, seen, promised, case.stock if is_stock else None)


@pytest.mark.drill("engine-restart-kept", rehearses=["RS-01"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("not-reconciled")
@pytest.mark.parametrize("row", [case.row for case in KEPT])
def test_a_restart_keeps_what_it_knows(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-START-1, -6: a cached order becomes what it is at the venue, and a cached fill stays what it was."""
    _restarted(drill, paper_with(), CASES[row], is_stock=False)


@pytest.mark.drill("engine-restart-rows", rehearses=["RS-02"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("not-reconciled")
@pytest.mark.parametrize("row", [case.row for case in REPLAYED])
def test_a_restart_learns_what_it_missed(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-START-2, -3, -5, with each symbol asked for once: fills that were missed are known by their own data."""
    with each_symbol_once():
        _restarted(drill, paper_with(), CASES[row], is_stock=False)


@pytest.mark.drill("engine-restart-rows-stock", rehearses=["RS-02", "RS-03"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("not-reconciled")
@defect("docs/engine-defects/redis-phantom.md")
@pytest.mark.parametrize("row", [case.row for case in REPLAYED])
def test_a_stock_restart_learns_what_it_missed(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-START-2, -3, -5, as the adapter is: it asks for each symbol twice, and takes the double for a position."""
    _restarted(drill, paper_with(), CASES[row], is_stock=True)


@pytest.mark.drill("engine-restart-mismatch", rehearses=["RC-07", "RC-16"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("not-reconciled")
@defect("docs/engine-defects/alignment-splits-position.md")
@pytest.mark.parametrize("row", [case.row for case in MISMATCHED])
def test_a_position_that_changed_meanwhile_is_aligned(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-START-9 to -13: a cached position that is not the venue's any more becomes the venue's."""
    _restarted(drill, paper_with(), CASES[row], is_stock=True)


def _two_orders(venue: DrillVenue) -> None:
    trade(venue, "BUY", "0.005", "30000", "first")
    trade(venue, "BUY", "0.006", "30100", "second")


LIMITS = [f"{FOUND} BUY LIMIT ACCEPTED 0.000"]
COLD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "NT-START-4": ({}, LIMITS * 2),
    "NT-START-4-FILTERED": ({"filter_unclaimed_external_orders": True}, []),
    "NT-START-7-ORDER": ({"filtered_client_order_ids": [ClientOrderId("first")]}, LIMITS),
    "NT-START-7-INSTRUMENT": ({"reconciliation_instrument_ids": [InstrumentId.from_str("ETHUSDT-PERP.BINANCE")]}, []),
}


@pytest.mark.drill("engine-start-external", rehearses=["RC-08", "AC-12"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("set-otherwise")
@pytest.mark.mutant("order-withdrawn")
@pytest.mark.parametrize("row", COLD)
def test_orders_of_others_are_found_or_filtered(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-START-4, -7: open orders that no cache knows are adopted, except what the settings leave out."""
    settings, promised = COLD[row]
    if drill.mutant == "set-otherwise":
        settings = {"reconciliation": False} if promised else {}

    def before(venue: DrillVenue) -> None:
        _two_orders(venue)
        if drill.mutant == "order-withdrawn":
            withdraw(venue, "first")

    paper = paper_with(before=before, **settings)
    drill.steady("engine.trading")
    venue = [f"{row['side']} {row['status']} {row['filled_quantity']}" for row in paper.run.venue_view()["orders"]]
    seen = {"others": others(paper), "venue": venue}
    judge(drill, row, seen, {"others": promised, "venue": ["BUY NEW 0", "BUY NEW 0"]})


@pytest.mark.drill("engine-start-duplicates", severity="normal", runbook=RUNBOOK)
@pytest.mark.mutant("no-duplicates")
def test_two_reports_of_one_name_are_one_order(drill: Drill, paper_with: Start) -> None:
    """NT-START-8: two orders that the venue reports under one client id become one order, not two and not none."""
    paper = paper_with(before=_two_orders)
    drill.steady("engine.trading")
    same = {"*.clientOrderId": "same"} if not drill.mutant else {"*.price": "30000"}
    with drill.inject(paper.ended()), drill.inject(paper.venue.faults.edit_replies(route="GET */allOrders", set_=same)):
        paper.renew(is_kept=False)
    judge(drill, "NT-START-8", {"others": others(paper)}, {"others": LIMITS})
