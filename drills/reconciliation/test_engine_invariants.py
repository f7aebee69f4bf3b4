"""The four invariants that the engine's documentation states of its reconciliation (NT-INV-*)."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.engine_rows import HISTORY, RUNBOOK, defect, hours_ago, judge, positions, trade

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue
    from opslab.runs.by_hand_renewed import PaperRenewed
    from opslab.venue.faults.driving import VenueFault

    type Start = Callable[..., PaperRenewed]

AT = Decimal(50000)
"""The price at which what is not realised is compared."""

PNL_TOLERANCE = Decimal("0.0001")
"""Of the position's worth, as the page's own tolerance of the mean price."""


def _held(venue: DrillVenue) -> None:
    """Hold 0.022, bought at several prices, the first of them long ago."""
    hours_ago(venue, 3.0, "BUY", "0.013")
    venue.step_tape(40)
    trade(venue, "BUY", "0.009")


def _harm(paper: PaperRenewed, *, is_enlarged: bool) -> None:
    """Let the position at the venue become another one, untold: larger, or of the same size for another price."""
    venue = paper.venue
    with contextlib.ExitStack() as broken:
        lost = venue.faults.drop_user_stream()
        lost.begin()
        broken.callback(lost.heal)
        if not is_enlarged:
            trade(venue, "SELL", "0.009")
        trade(venue, "BUY", "0.004" if is_enlarged else "0.009", "30000", name="lower")
        venue.fill("lower")
        paper.settle(0.1)


def _net(paper: PaperRenewed) -> str:
    """Return whether engine and venue hold the same, and anything."""
    held = positions(paper)
    mine, theirs = (sum((Decimal(each) for each in held[name]), Decimal(0)) for name in ("engine", "venue"))
    return "same" if mine == theirs != 0 else f"{mine} for {theirs}"


def _unrealized(paper: PaperRenewed) -> str:
    """Return whether engine and venue come to the same profit that is not realised."""
    cache = paper.strategy.cache
    price = next(iter(cache.instruments())).make_price(AT)
    mine = sum((each.unrealized_pnl(price).as_decimal() for each in cache.positions_open()), Decimal(0))
    rows = [row for row in paper.run.venue_view()["positions"] if Decimal(row["signed_quantity"])]
    amounts = [(Decimal(row["signed_quantity"]), Decimal(row["average_open_price"])) for row in rows]
    theirs = sum(((AT - entry) * amount for amount, entry in amounts), Decimal(0))
    worth = sum((entry * abs(amount) for amount, entry in amounts), Decimal(0))
    return "same" if abs(mine - theirs) <= worth * PNL_TOLERANCE else f"{mine} for {theirs}"


WITHOUT = {"nothing": None, "orders": "GET */allOrders", "fills": "GET */userTrades", "all": HISTORY}
"""What the venue keeps back of its history."""


@pytest.mark.drill("engine-invariants", rehearses=["RS-08"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("bought-untold")
@pytest.mark.mutant("bought-again-untold")
@pytest.mark.parametrize("hidden", WITHOUT)
def test_quantity_price_and_profit_are_the_venues(drill: Drill, paper_with: Start, hidden: str) -> None:
    """NT-INV-1, -2, -3: after a start without a cache the position is the venue's, whatever of its history is told."""
    kept_back: list[VenueFault] = []

    def before(venue: DrillVenue) -> None:
        _held(venue)
        if route := WITHOUT[hidden]:
            kept_back.append(venue.faults.empty_queries(route=route))
            kept_back[0].begin()

    paper = paper_with(before=before)
    drill.steady("engine.trading")
    if drill.mutant:
        _harm(paper, is_enlarged=drill.mutant == "bought-untold")
    seen = {"quantity": _net(paper), "entry": positions(paper)["entry"], "profit": _unrealized(paper)}
    seen["kept_back"] = all(fault.fired for fault in kept_back)
    promised = {"quantity": "same", "entry": "same", "profit": "same", "kept_back": True}
    judge(drill, "NT-INV-1+2+3", seen, promised)


def _names(paper: PaperRenewed) -> list[list[str]]:
    """Return the venue order id and the trade ids of every order in the cache, sorted."""
    orders = paper.strategy.cache.orders()
    return sorted([order.venue_order_id.value, *(trade.value for trade in order.trade_ids)] for order in orders)


def _made_up(names: list[list[str]]) -> int:
    """Return how many ids are none of the venue's, which are numbers."""
    return sum(not name.isdigit() for each in names for name in each)


def _twice(
    drill: Drill, start: Start, row: str, hidden: str, made_up: int, known: dict[str, Any] | None = None, **engine: Any
) -> None:
    """Start two nodes without a cache, one after the other, on the same state of the venue; compare what they name."""
    kept_back: list[VenueFault] = []

    def before(venue: DrillVenue) -> None:
        _held(venue)
        if hidden:
            kept_back.append(venue.faults.empty_queries(route=hidden))
            kept_back[0].begin()

    paper = start(before=before, **engine)
    drill.steady("engine.trading")
    first = _names(paper)
    lied = all(fault.fired for fault in kept_back)
    with drill.inject(paper.ended()):
        if drill.mutant and kept_back:
            kept_back[0].heal()
        elif drill.mutant:
            trade(paper.venue, "BUY", "0.004")
    paper.renew(is_kept=False)
    second = _names(paper)
    seen = {
        "names": "same" if second == first else "others",
        "made_up": [_made_up(first), _made_up(second)],
        "quantity": _net(paper),
        "kept_back": lied,
    }
    promised = {"names": "same", "made_up": [made_up, made_up], "quantity": "same", "kept_back": True}
    judge(drill, row, seen, promised, known)


MADE_UP = {"NT-INV-4-REAL": 0, "NT-INV-4-OPENING": 2, "NT-INV-4-INFERRED": 2}
"""By row: ids that the engine makes up."""


@pytest.mark.drill("engine-invariant-names", rehearses=["RS-04"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("told-otherwise")
@pytest.mark.parametrize("row", MADE_UP)
def test_names_are_the_same_in_the_next_start(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-INV-4: real fills, a made-up opening and inferred fills have the same ids whenever they are reconciled."""
    hidden = "GET */userTrades" if row.endswith("INFERRED") else ""
    engine: dict[str, Any] = {"reconciliation_lookback_mins": 60} if row.endswith("OPENING") else {}
    _twice(drill, paper_with, row, hidden, MADE_UP[row], **engine)


@pytest.mark.drill("engine-invariant-names-aligned", rehearses=["RS-04"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("told-otherwise")
@defect("docs/engine-defects/alignment-renamed.md")
def test_names_of_alignments_are_the_same_in_the_next_start(drill: Drill, paper_with: Start) -> None:
    """NT-INV-4-ALIGNED: an order that aligns a position has the same ids whenever it is made up."""
    _twice(drill, paper_with, "NT-INV-4-ALIGNED", HISTORY, 2, {"names": "others"})
