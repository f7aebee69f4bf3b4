"""A healthy paper run, so that every other drill here means something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper

RUNBOOK = "docs/runbooks/views-differ.md"
AGREE = ("views.agree", "positions.no_phantoms", "orders.no_duplicates", "orders.told_truly")


MARKETS = [
    pytest.param("futures", marks=pytest.mark.spec("src/opslab/samples/scenarios/btcusdt_by_hand.yaml")),
    pytest.param("spot", marks=pytest.mark.spec("src/opslab/samples/scenarios/btcusdt_spot_by_hand.yaml")),
]


@pytest.mark.drill("paper-life-cycle", severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("order-by-somebody-else")
@pytest.mark.parametrize("market", MARKETS)
def test_a_node_trades_and_all_three_agree(drill: Drill, paper: Paper, venue: DrillVenue, market: str) -> None:
    """Orders rest, fill in part, are changed and cancelled, a position opens and closes: all three views agree."""
    drill.steady("engine.trading", *AGREE)
    order = paper.buy_limit("0.020", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    drill.holds(*AGREE)
    venue.fill(order, "0.010")
    paper.until_status(order, "PARTIALLY_FILLED")
    paper.settle()
    drill.holds(*AGREE)
    paper.cancel(order)
    paper.until_status(order, "CANCELED")
    # On spot the fee was taken from what was bought.
    close = paper.sell_market("0.010", reduce_only=True) if market == "futures" else paper.sell_market("0.00999")
    paper.until_status(close, "FILLED")
    paper.settle()  # the account's balances are told after the fill
    if drill.mutant:
        words = {"account": venue.account, "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.010", "price": "30000.0"}
        venue.faults.manual_order(**words).begin()
    drill.holds("engine.trading", *AGREE)
