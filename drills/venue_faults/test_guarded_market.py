"""Market data that stop, come late or miss a part, and clocks that differ: with the lab's guards nobody trades on it.

The drills with a fault of ``test_market_data`` are its twins: the same fault, the same checks, the guard on.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from opslab.errors import CheckFailed
from opslab.pytest_plugin.keys import REHEARSAL

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any

    from opslab import Drill
    from opslab.contract.spec_file import SpecFile
    from opslab.runs.by_hand import DrillVenue, Paper

RUNBOOK = "docs/runbooks/market-data.md"
CLOCKS = "docs/runbooks/trigger-fired.md"
FUTURES, SPOT = pytest.mark.spec("guarded_futures.yaml"), pytest.mark.spec("guarded_spot.yaml")
MARKETS = [pytest.param("futures", marks=FUTURES), pytest.param("spot", marks=SPOT)]
BOOKS = [
    pytest.param("futures", marks=pytest.mark.spec("guarded_book_futures.yaml")),
    pytest.param("spot", marks=pytest.mark.spec("guarded_book_spot.yaml")),
]
SEEN = ("market.fresh", "market.quote_true", "market.book_true")
GUARDS = "opslab.engine.guards."
A_WHILE = 60
"""Things that happen in the market in about two candles."""

SILENT_MS = 1_500
"""How far a feed falls behind before nobody may trade on it; the guards of the fast profile doubt after 400 ms."""

QUIET_SECONDS = 1.0
"""For how long the market is quiet: longer than the guards of the fast profile bear without asking."""


def _blind() -> AbstractContextManager[Any]:
    """Take the guard of feeds away."""
    return mock.patch(f"{GUARDS}stale_feed.StaleFeed._look")


def _unfollowed() -> AbstractContextManager[Any]:
    """Take the guard of books away."""
    return mock.patch(f"{GUARDS}depth_gap.DepthGap.on_data_client")


def _unasked() -> AbstractContextManager[Any]:
    """Never ask the venue whether a market is quiet."""

    async def nothing(*_args: Any) -> None:
        return None

    return mock.patch(f"{GUARDS}market_questions.MarketQuestions.ask", nothing)


def _untimed() -> AbstractContextManager[Any]:
    """Take every clock for right."""
    from opslab.safety.skew import Standing

    return mock.patch(f"{GUARDS}clock_skew.standing", return_value=Standing.FINE)


def _unpulled() -> AbstractContextManager[Any]:
    """Hold, and never pull the switch."""
    return mock.patch(f"{GUARDS}clock_skew.ClockSkew._pull")


def _by_arrival() -> AbstractContextManager[Any]:
    """Take for fresh what has just arrived."""
    return mock.patch(f"{GUARDS}stale_feed._stamp_ms", return_value=None)


def _steady(drill: Drill, paper: Paper, venue: DrillVenue, kind: str) -> None:
    """Prove that the strategy sees the market as it is, and hold the market still."""
    drill.record("market_kind", kind)
    paper.until_fresh("bars")
    venue.hold_tape()
    venue.step_tape(A_WHILE)
    before = paper.market.facts()
    drill.record("market", before)
    drill.record("market_before", before)
    drill.steady("engine.trading", *SEEN)


def _tried(drill: Drill, paper: Paper, mark: Any, seconds: float = 0.0, *, must_be_denied: bool = True) -> None:
    """Place an order, and record what became of it and what the strategy sees; to ask the venue may not be enough."""
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until(lambda: order.status_string() in {"ACCEPTED", "DENIED", "REJECTED"}, "an answer to the order")
    drill.record("market", paper.market.facts(seconds))
    signs = {"wire": [], "health": []} if must_be_denied else paper.market.signs(mark)
    drill.record("feed", {**signs, "order": order.status_string()})


def _trades_again(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """Let the market go on, until an order is accepted, and record what the strategy sees."""
    venue.resume_tape()
    _accepted(paper)
    venue.hold_tape()
    venue.step_tape(A_WHILE)
    drill.record("market", paper.market.facts())


def _accepted(paper: Paper) -> None:
    """Trade again: on a busy machine a guard may hold once more before an order leaves, so it is tried a few times."""
    for _ in range(5):
        paper.until(lambda: not paper.run.node.holds, "the guards let go")
        order = paper.buy_limit("0.010", at="30000.0")
        paper.until(lambda order=order: order.status_string() in {"ACCEPTED", "DENIED", "REJECTED"}, "an answer")
        if order.status_string() == "ACCEPTED":
            return
    raise CheckFailed("OPS-RISK-UNHELD: no order was accepted in five tries", ("OPS-RISK-UNHELD",))


@pytest.mark.drill("silent-feed-guarded", rehearses=["MD-01"], severity="blocker", recover_within="5s", runbook=RUNBOOK)
@pytest.mark.mutant("guard-removed", _blind)
@pytest.mark.parametrize("fault", ["mute_stream", "half_open", "one_stream"])
@pytest.mark.parametrize("market", MARKETS)
def test_nobody_trades_on_a_silent_feed(drill: Drill, paper: Paper, venue: DrillVenue, market: str, fault: str) -> None:
    """While a feed is silent and the venue goes on, new risk is held; when it speaks again the node trades again."""
    faults = {
        "mute_stream": lambda: venue.faults.mute_stream(kind="market"),
        "half_open": lambda: venue.faults.half_open(kind="market"),
        "one_stream": lambda: venue.faults.mute_stream(stream="*@bookTicker"),
    }
    _steady(drill, paper, venue, market)
    mark = paper.market.mark()
    with drill.inject(faults[fault]()):
        venue.resume_tape()
        paper.market.until_behind(SILENT_MS)
        venue.hold_tape()
        _tried(drill, paper, mark)
        drill.detects("feed.noticed")
    _trades_again(drill, paper, venue)
    drill.record("guard", {"name": "stale_feed", "actions": ["installed", "held", "released"]})
    drill.recovers("market.subscribed", "market.fresh", "market.quote_true")
    drill.holds("engine.trading", "views.agree", "guard.acted")


@pytest.mark.drill("late-feed-guarded", rehearses=["MD-11"], severity="blocker", recover_within="5s", runbook=RUNBOOK)
@pytest.mark.mutant("guard-removed", _blind)
@pytest.mark.mutant("judged-by-arrival", _by_arrival)
@FUTURES
def test_nobody_trades_on_old_news(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """A feed that goes on as fast as ever, and tells what was true some time ago, is held by the venue's time."""
    _steady(drill, paper, venue, "futures")
    mark = paper.market.mark()
    with drill.inject(venue.faults.delay_stream(kind="market", seconds=SILENT_MS / 1000)):
        venue.resume_tape()
        paper.market.until_behind(SILENT_MS - 300)
        paper.until_fresh("quotes", 10)
        _tried(drill, paper, mark)
        drill.detects("feed.noticed")
    _trades_again(drill, paper, venue)
    drill.recovers("market.fresh", "market.quote_true", "market.book_true")
    drill.holds("engine.trading", "views.agree")


@pytest.mark.drill("quiet-market-guarded", rehearses=["MD-01", "SK-18"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("never-asked", _unasked)
@pytest.mark.parametrize("market", MARKETS)
def test_a_quiet_market_is_traded_on(drill: Drill, paper: Paper, venue: DrillVenue, market: str) -> None:
    """A market in which nothing happens is no dead feed: the venue is asked, and the node trades on."""
    _steady(drill, paper, venue, market)
    paper.run.node.pump_until(lambda: False, QUIET_SECONDS)
    drill.record("guard", {"name": "stale_feed", "actions": ["installed"]})
    drill.holds("guard.left_alone", *SEEN)
    _accepted(paper)


@pytest.mark.drill("depth-gap-guarded", rehearses=["MD-07"], severity="critical", recover_within="5s", runbook=RUNBOOK)
@pytest.mark.mutant("guard-removed", _unfollowed)
@pytest.mark.parametrize("market", BOOKS)
def test_a_gap_in_the_book_is_closed(drill: Drill, paper: Paper, venue: DrillVenue, market: str) -> None:
    """A book that misses a difference is asked for again, without a socket lost, and is the venue's."""
    _steady(drill, paper, venue, market)
    mark = paper.market.mark()
    with drill.inject(venue.faults.depth_gap(times=5)):
        venue.step_tape(A_WHILE)
        _tried(drill, paper, mark, 0.5, must_be_denied=False)
        drill.detects("book.gap_noticed")
    _trades_again(drill, paper, venue)
    drill.recovers(*SEEN)
    drill.holds("engine.trading", "views.agree")


@pytest.mark.drill("depth-gap-held", rehearses=["MD-07", "MD-08"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("guard-removed", _unfollowed)
@pytest.mark.parametrize("market", BOOKS)
def test_nobody_trades_on_a_book_with_a_gap(drill: Drill, paper: Paper, venue: DrillVenue, market: str) -> None:
    """As long as no snapshot closes the gap, new risk is held, and what follows on the gap is not applied."""
    _steady(drill, paper, venue, market)
    mark = paper.market.mark()
    with drill.inject(venue.faults.stale_snapshot()):
        with drill.inject(venue.faults.depth_gap(times=5)):
            venue.step_tape(A_WHILE)
            paper.market.facts(0.3)
            _tried(drill, paper, mark)
        drill.holds("book.gap_noticed")
    drill.record("guard", {"name": "depth_gap", "actions": ["installed", "held", "released"]})
    _trades_again(drill, paper, venue)
    drill.holds("engine.trading", "guard.acted", *SEEN)


@pytest.mark.drill("book-rebuilt-guarded", rehearses=["MD-08", "MD-09"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("guard-removed", _unfollowed)
@pytest.mark.parametrize("market", BOOKS)
def test_a_late_snapshot_changes_nothing(drill: Drill, paper: Paper, venue: DrillVenue, market: str) -> None:
    """Two sockets come back, and a snapshot comes late: it is older than the book by then, and is left alone."""
    _steady(drill, paper, venue, market)
    mark = paper.market.mark()
    second = {"request": "GET */depth", "count": 2}
    late = venue.faults.delay_requests(route="GET */depth", seconds=30, when="after", after=second, times=1)
    with drill.inject(late):
        with drill.inject(venue.faults.close_sockets(kind="market")):
            paper.market.until_books(1, mark)
        venue.step_tape(A_WHILE)
        drill.record("market", paper.market.facts())
        drill.holds("market.subscribed", *SEEN)
    drill.record("market", paper.market.facts(0.5))
    paper.market.until_books(2, mark, 0.5)
    drill.record("market", paper.market.facts(0.5))
    drill.holds("market.subscribed", *SEEN)


@pytest.mark.drill("clock-before-start", rehearses=["TM-01"], severity="blocker", runbook=CLOCKS)
@pytest.mark.mutant("guard-removed", _untimed)
@FUTURES
@pytest.mark.parametrize("offset_ms", [10_000, -1_500])
def test_a_node_with_a_wrong_clock_does_not_start(
    drill: Drill, request: pytest.FixtureRequest, run_spec: SpecFile, offset_ms: int
) -> None:
    """The venue's clock is elsewhere before the node starts: it is refused with the reason, and nothing is sent."""
    from opslab.runs.paper_run import live_node

    def elsewhere(run: Any, *args: Any, **words: Any) -> Any:
        run.host.venue.call(lambda venue: setattr(venue.clock, "offset_ms", offset_ms))
        return live_node(run, *args, **words)

    drill.record("guard", {"name": "clock_skew", "actions": ["installed", "refused"]})
    with contextlib.suppress(CheckFailed):
        request.node.stash[REHEARSAL].begin(run_spec, node_of=elsewhere)
    drill.holds("guard.acted")


@pytest.mark.drill("clock-while-running", rehearses=["TM-01", "TM-03"], severity="blocker", runbook=CLOCKS)
@pytest.mark.mutant("guard-removed", _untimed)
@FUTURES
@pytest.mark.parametrize("offset_ms", [3_500, -700])
def test_a_clock_that_drifts_is_held(drill: Drill, paper: Paper, venue: DrillVenue, offset_ms: int) -> None:
    """Near what the venue bears new risk is held; when the clocks agree again the node trades again."""
    drill.steady("engine.trading")
    drill.record("guard", {"name": "clock_skew", "actions": ["installed", "held", "released"]})
    node = paper.run.node
    with drill.inject(venue.faults.clock_offset(offset_ms=offset_ms)):
        node.pump_until(lambda: "clock_skew" in node.holds, 2.0)
        order = paper.buy_limit("0.010", at="30000.0")
        paper.until(lambda: order.status_string() in {"ACCEPTED", "DENIED", "REJECTED"}, "an answer to the order")
    node.pump_until(lambda: not node.holds, 2.0)
    drill.holds("guard.acted", "engine.trading")
    again = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(again, "ACCEPTED")


@pytest.mark.drill("clock-beyond", rehearses=["TM-01"], severity="blocker", contain_within="3s", runbook=CLOCKS)
@pytest.mark.mutant("never-pulled", _unpulled)
@FUTURES
def test_a_clock_beyond_what_the_venue_bears_pulls_the_switch(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """Once the venue would refuse every request, cancels too, the switch is pulled: a human has to look."""
    paper.until_fresh("quotes")
    drill.steady("engine.trading")
    drill.record("guard", {"name": "clock_skew", "actions": ["installed", "pulled"]})
    with drill.inject(venue.faults.clock_offset(offset_ms=10_000)):
        drill.contains("guard.acted")
