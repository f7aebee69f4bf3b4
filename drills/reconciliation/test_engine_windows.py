"""What the engine's documentation promises of a history that shows a part only, row by row (NT-WINDOW-*)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fixtures.engine_rows import RUNBOOK, defect, hours_ago, judge, others, positions

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue
    from opslab.runs.by_hand_renewed import PaperRenewed

    type Start = Callable[..., PaperRenewed]
    type Trades = list[tuple[float, str, str]]

LOOKBACK_MINUTES = 60
ALIGNED = ["EXTERNAL RECONCILIATION BUY LIMIT FILLED 0.010"]


def _bought(*quantities: str) -> list[str]:
    return [f"EXTERNAL VENUE BUY MARKET FILLED {quantity}" for quantity in quantities]


WINDOWS: dict[str, tuple[Trades, str | None, list[str]]] = {
    "NT-WINDOW-1": ([(0.05, "BUY", "0.010")], "0.010", _bought("0.010")),
    "NT-WINDOW-3": (
        [(0.3, "BUY", "0.010"), (0.2, "SELL", "0.010"), (0.1, "BUY", "0.008")],
        "0.008",
        _bought("0.008"),
    ),
    "NT-WINDOW-4": (
        [(3.0, "BUY", "0.020"), (0.3, "BUY", "0.010"), (0.2, "SELL", "0.010"), (0.1, "BUY", "0.005")],
        "0.025",
        _bought("0.025"),
    ),
    "NT-WINDOW-5": ([(0.2, "BUY", "0.010"), (0.1, "SELL", "0.010")], None, []),
    "NT-WINDOW-6": ([(3.0, "BUY", "0.010")], "0.010", ALIGNED),
}
"""By row: trades (hours ago, side, quantity), the position that they come to, and the orders that the engine makes."""


def _looked_back(
    drill: Drill, start: Start, row: str, trades: Trades, held: str | None, orders: list[str], split: list[str] | None
) -> None:
    """Trade on the account, start a node that looks back an hour, and judge what it makes of that."""

    def before(venue: DrillVenue) -> None:
        for hours, side, quantity in trades:
            hours_ago(venue, hours, side, quantity)
        if drill.mutant:
            hours_ago(venue, 0.01, "BUY", "0.003")

    paper = start(before=before, reconciliation_lookback_mins=LOOKBACK_MINUTES)
    drill.steady("engine.trading")
    wanted = [held] if held else []
    promised = {"others": orders, "engine": wanted, "venue": wanted, "entry": "same"}
    judge(drill, row, {"others": others(paper), **positions(paper)}, promised, {"engine": split} if split else None)


@pytest.mark.drill("engine-start-window", rehearses=["RS-08"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("traded-more")
@pytest.mark.parametrize("row", WINDOWS)
def test_a_window_shows_part_of_the_history(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-WINDOW-1, -3 to -6: with an hour of history the position is the venue's, in quantity and mean price."""
    _looked_back(drill, paper_with, row, *WINDOWS[row], None)


@pytest.mark.drill("engine-start-window-opening", rehearses=["RS-08"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("traded-more")
@defect("docs/engine-defects/alignment-splits-position.md")
def test_an_opening_before_the_window_is_made_up(drill: Drill, paper_with: Start) -> None:
    """NT-WINDOW-2: a position opened before the window and enlarged in it is one position of the right size."""
    trades = [(3.0, "BUY", "0.010"), (0.05, "BUY", "0.005")]
    _looked_back(drill, paper_with, "NT-WINDOW-2", trades, "0.015", _bought("0.005", "0.010"), ["0.005", "0.010"])
