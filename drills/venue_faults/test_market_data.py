"""Market data that stops, comes back, or misses a part: what a strategy sees is compared with the venue's books."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest

from opslab.venue.faults.driving import VenueFault

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper

RUNBOOK = "docs/runbooks/market-data.md"
SPECS = "src/opslab/samples/scenarios"
FUTURES = pytest.mark.spec(f"{SPECS}/btcusdt_market_data.yaml")
SPOT = pytest.mark.spec(f"{SPECS}/btcusdt_spot_market_data.yaml")
MARKETS = [pytest.param("futures", marks=FUTURES), pytest.param("spot", marks=SPOT)]
SEEN = ("market.fresh", "market.quote_true", "market.book_true")
A_WHILE = 60
"""Things that happen in the market in about two candles."""

SILENT_MS = 1_000
"""How far a feed falls behind before somebody has to notice: at the specs' pace a minute of the market."""


def _unhealed() -> AbstractContextManager[Any]:
    """Leave every fault of the venue in force."""
    return mock.patch.object(VenueFault, "heal")


def _steady(drill: Drill, paper: Paper, venue: DrillVenue, kind: str) -> dict[str, Any]:
    """Prove that the strategy sees the market as it is, hold the market still, and return what both say."""
    drill.record("market_kind", kind)
    watch = paper.market
    paper.until_fresh("bars")
    venue.hold_tape()
    venue.step_tape(A_WHILE)
    before = watch.facts()
    drill.record("market", before)
    drill.record("market_before", before)
    drill.steady("engine.trading", *SEEN)
    return before


@pytest.mark.drill(
    "market-data-drop", rehearses=["MD-03", "MD-09"], severity="critical", recover_within="5s", runbook=RUNBOOK
)
@pytest.mark.mutant("never-reconnected")
@pytest.mark.mutant("silent-afterwards")
@pytest.mark.mutant("other-prices-afterwards")
@pytest.mark.mutant("gap-afterwards")
@pytest.mark.parametrize(
    ("market", "code"),
    [
        pytest.param("futures", 1000, marks=FUTURES),
        pytest.param("futures", 1006, marks=FUTURES),
        pytest.param("spot", 1006, marks=SPOT),
    ],
)
def test_market_data_comes_back_whole(drill: Drill, paper: Paper, venue: DrillVenue, market: str, code: int) -> None:
    """After the market sockets dropped, every feed is subscribed again, and quotes and book are the venue's."""
    faults = {
        "never-reconnected": lambda: venue.faults.refuse_sockets(kind="market"),
        "silent-afterwards": lambda: venue.faults.mute_stream(stream="*@bookTicker"),
        "other-prices-afterwards": lambda: venue.faults.edit_messages(stream="*@bookTicker", scale={"b": "0.5"}),
        "gap-afterwards": venue.faults.depth_gap,
    }
    before = _steady(drill, paper, venue, market)
    if drill.mutant:
        faults[drill.mutant]().begin()
    mark = paper.market.mark()
    with drill.inject(venue.faults.close_sockets(kind="market", code=code)):
        venue.step_tape(A_WHILE)
    paper.market.until_back(before["streams"], mark)
    venue.step_tape(A_WHILE)
    drill.record("market", paper.market.facts())
    drill.recovers("market.subscribed", *SEEN)
    drill.holds("engine.trading", "views.agree")


@pytest.mark.drill("silent-feed", rehearses=["MD-01"], severity="blocker", recover_within="5s", runbook=RUNBOOK)
@pytest.mark.known_defect(
    "OPS-FEED-UNNOTICED", versions=">=1.231,<1.232", reference="docs/engine-defects/silent-feed.md"
)
@pytest.mark.mutant("silent-for-ever", _unhealed)
@pytest.mark.mutant("other-prices-afterwards")
@FUTURES
@pytest.mark.parametrize("fault", ["mute_stream", "half_open"])
def test_a_silent_feed_is_noticed(drill: Drill, paper: Paper, venue: DrillVenue, fault: str) -> None:
    """While a feed is silent nobody trades on it; when it speaks again, the strategy sees the market as it is."""
    faults = {
        "mute_stream": lambda: venue.faults.mute_stream(kind="market"),
        "half_open": lambda: venue.faults.half_open(kind="market"),
    }
    before, mark = _steady(drill, paper, venue, "futures"), paper.market.mark()
    with drill.inject(faults[fault]()):
        venue.resume_tape()
        paper.market.until_behind(SILENT_MS)
        venue.hold_tape()
        order = paper.buy_limit("0.010", at="30000.0")
        paper.until(lambda: order.status_string() in {"ACCEPTED", "DENIED", "REJECTED"}, "an answer to the order")
        drill.record("market", paper.market.facts(0.0))
        drill.record("feed", {**paper.market.signs(mark), "order": order.status_string()})
        drill.detects("feed.noticed")
    if drill.mutant == "other-prices-afterwards":
        venue.faults.edit_messages(stream="*@bookTicker", scale={"b": "0.5"}).begin()
    paper.market.until_back(before["streams"], mark)
    venue.step_tape(A_WHILE)
    drill.record("market", paper.market.facts())
    drill.recovers("market.subscribed", "market.fresh", "market.quote_true")
    drill.holds("engine.trading", "views.agree")


@pytest.mark.drill("depth-gap", rehearses=["MD-07"], severity="critical", recover_within="5s", runbook=RUNBOOK)
@pytest.mark.known_defect("OPS-GAP-UNNOTICED", versions=">=1.231,<1.232", reference="docs/engine-defects/depth-gap.md")
@pytest.mark.mutant("gap-again")
@pytest.mark.mutant("never-reconnected")
@pytest.mark.parametrize("market", MARKETS)
def test_a_gap_in_the_book_is_noticed(drill: Drill, paper: Paper, venue: DrillVenue, market: str) -> None:
    """A book that misses a difference is not traded on; a new snapshot makes it the venue's again."""
    before = _steady(drill, paper, venue, market)
    mark = paper.market.mark()
    with drill.inject(venue.faults.depth_gap(times=5)):
        venue.step_tape(A_WHILE)
        order = paper.buy_limit("0.010", at="30000.0")
        paper.until(lambda: order.status_string() in {"ACCEPTED", "DENIED", "REJECTED"}, "an answer to the order")
        drill.record("market", paper.market.facts(0.5))
        drill.record("feed", {**paper.market.signs(mark), "order": order.status_string()})
        drill.detects("book.gap_noticed")
    faults = {
        "gap-again": lambda: venue.faults.depth_gap(times=5),
        "never-reconnected": lambda: venue.faults.refuse_sockets(kind="market"),
    }
    if drill.mutant:
        faults[drill.mutant]().begin()
    mark = paper.market.mark()
    with drill.inject(venue.faults.close_sockets(kind="market")):
        paper.market.until_back(before["streams"], mark)
    venue.step_tape(A_WHILE)
    drill.record("market", paper.market.facts())
    drill.recovers(*SEEN)
    drill.holds("engine.trading", "views.agree")


@pytest.mark.drill("book-rebuilt-twice", rehearses=["MD-08", "MD-09"], severity="critical", runbook=RUNBOOK)
@pytest.mark.known_defect("OPS-MARKET-BOOK", versions=">=1.231,<1.232", reference="docs/engine-defects/book-rebuilt.md")
@pytest.mark.mutant("other-prices-afterwards")
@pytest.mark.mutant("unsubscribed-afterwards")
@pytest.mark.parametrize("market", MARKETS)
def test_a_late_snapshot_does_not_take_the_book_back(
    drill: Drill, paper: Paper, venue: DrillVenue, market: str
) -> None:
    """Two sockets come back, each rebuilds the book: the second snapshot, which is older, must not undo the first."""
    _steady(drill, paper, venue, market)
    mark = paper.market.mark()
    second = {"request": "GET */depth", "count": 2}
    with drill.inject(
        venue.faults.delay_requests(route="GET */depth", seconds=30, when="after", after=second, times=1)
    ):
        with drill.inject(venue.faults.close_sockets(kind="market")):
            paper.market.until_books(1, mark)
        if drill.mutant == "other-prices-afterwards":
            venue.faults.edit_messages(stream="*@bookTicker", scale={"b": "0.5"}).begin()
        venue.step_tape(A_WHILE)
        drill.record("market", paper.market.facts())
        drill.holds("market.subscribed", *SEEN)
        mark = paper.market.mark()
    paper.market.until_books(1, mark)
    if drill.mutant == "unsubscribed-afterwards":
        venue.faults.refuse_sockets(kind="market").begin()
        venue.faults.close_sockets(kind="market").begin()
    drill.record("market", paper.market.facts(0.5))
    drill.recovers("market.subscribed", "market.quote_true", "market.book_true")
