"""Checks on market data: is what a strategy sees what the venue shows.

They read the fact ``market``, and for comparisons over time ``market_before`` and ``feed``; see ``runs.market_watch``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from opslab.drill.checks.registry import Judgement, check, failed, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

STAMP_MS = 1
"""By how much stamps may differ that passed through the engine's nanoseconds and a venue's milliseconds."""

_MOST = 20


class MarketDifference(NamedTuple):
    """Something of the market that a strategy sees otherwise than the venue shows it.

    Attributes:
        kind: ``stale``, ``quote`` or ``book``.
        instrument: the engine's id.
        what: a feed, or a side.
        venue: what the venue shows.
        strategy: what the strategy sees.
    """

    kind: Literal["stale", "quote", "book"]
    instrument: str
    what: str
    venue: Any
    strategy: Any

    def __str__(self) -> str:
        """Return it on one line."""
        seen = "nothing" if self.strategy is None else self.strategy
        return f"{self.instrument} {self.kind} {self.what}: the venue has {self.venue}, the strategy {seen}"


def differences(market: Mapping[str, Any]) -> list[MarketDifference]:
    """Return what a strategy sees otherwise than the venue, of the feeds that it takes; empty when all is the same.

    Args:
        market: the fact ``market``, as ``MarketWatch.facts`` makes it.
    """
    feeds = set(market["feeds"])
    return [item for name, sides in market["instruments"].items() for item in _of(name, sides, feeds)]


def behind_ms(market: Mapping[str, Any], feed: str) -> int:
    """Return how far a feed lies behind the venue, in milliseconds of venue time; 0 where it brought nothing yet."""
    ages = [
        item.venue - item.strategy
        for item in differences(market)
        if item.kind == "stale" and item.what == feed and item.strategy is not None
    ]
    return max(ages, default=0)


@check("market.fresh")
def market_fresh(history: History, _spec: RunSpec | None) -> Judgement:
    """Of every feed that the strategy takes, it has the newest item that the venue published."""
    market = _taken(history)
    found = [item for item in differences(market) if item.kind == "stale"]
    if found:
        return failed("OPS-MARKET-STALE", str(found[0]), observed=_told(found))
    return passed(f"feeds {', '.join(market['feeds'])}")


@check("market.quote_true")
def quote_true(history: History, _spec: RunSpec | None) -> Judgement:
    """The newest quote that the strategy has is the venue's best bid and ask."""
    market = _taken(history, "quotes")
    if found := [item for item in differences(market) if item.kind == "quote"]:
        return failed("OPS-MARKET-QUOTE", str(found[0]), observed=_told(found))
    return passed(f"{len(market['instruments'])} instruments")


@check("market.book_true")
def book_true(history: History, _spec: RunSpec | None) -> Judgement:
    """Each level of the engine's order book is the venue's, price and size, and none is missing."""
    market = _taken(history, "book")
    if found := [item for item in differences(market) if item.kind == "book"]:
        return failed("OPS-MARKET-BOOK", f"{found[0]} ({len(found)} levels differ)", observed=_told(found))
    levels = sum(len(rows) for sides in market["instruments"].values() for rows in sides["venue"]["book"].values())
    return passed(f"{levels} levels")


@check("market.subscribed")
def market_subscribed(history: History, _spec: RunSpec | None) -> Judgement:
    """Every stream that was subscribed before is subscribed again, on sockets that are open."""
    before, after = history.fact("market_before")["streams"], history.fact("market")["streams"]
    if not before:
        return unknown("OPS-MARKET-NOTHING", "nothing was subscribed before")
    if missing := sorted(set(before) - set(after)):
        what = f"{missing[0]} is not subscribed any more"
        return failed("OPS-MARKET-UNSUBSCRIBED", what, expected=before, observed=after)
    return passed(f"{len(before)} streams")


@check("feed.noticed")
def feed_noticed(history: History, _spec: RunSpec | None) -> Judgement:
    """A feed that fell silent is noticed: by a new socket, a subscription, a state, or an order that is denied."""
    found = [item for item in differences(_taken(history)) if item.kind == "stale"]
    if not found:
        return unknown("OPS-FEED-LIVE", "no feed was silent while the venue published")
    return _noticed(history, "OPS-FEED-UNNOTICED", f"{found[0]}", found)


@check("book.gap_noticed")
def gap_noticed(history: History, _spec: RunSpec | None) -> Judgement:
    """A book that misses a difference is not traded on: it is asked for again, or an order is denied."""
    found = [item for item in differences(_taken(history, "book")) if item.kind == "book"]
    if not found:
        return passed("the book is the venue's again")
    return _noticed(history, "OPS-GAP-UNNOTICED", f"{found[0]} ({len(found)} levels differ)", found)


def _noticed(history: History, code: str, told: str, found: list[MarketDifference]) -> Judgement:
    feed = history.fact("feed")
    if signs := [*feed["wire"], *feed["health"]]:
        return passed(f"noticed: {signs[0]}")
    if feed["order"] in ("DENIED", "REJECTED"):  # as a command, or as a request on its way to the wire
        return passed("an order was denied")
    what = f"{told}; nothing noticed it, and an order on it was {feed['order']}"
    return failed(code, what, observed={"differences": _told(found), **feed})


def _of(name: str, sides: Mapping[str, Any], feeds: set[str]) -> Iterator[MarketDifference]:
    venue, strategy = sides["venue"], sides["strategy"]
    for feed, newest in venue["newest_ms"].items():
        seen = strategy["newest_ms"].get(feed)
        if feed in feeds and (seen is None or newest - seen > STAMP_MS):
            yield MarketDifference("stale", name, feed, newest, seen)
    if "quotes" in feeds:
        yield from _quote(name, venue["quote"], strategy["quote"])
    if "book" in feeds:
        for side in ("bids", "asks"):
            yield from _side(name, side, venue["book"][side], (strategy["book"] or {}).get(side, []))


def _quote(
    name: str, venue: Mapping[str, str] | None, strategy: Mapping[str, str] | None
) -> Iterator[MarketDifference]:
    if venue is None:
        return
    for side, price in venue.items():
        seen = None if strategy is None else strategy[side]
        if seen is None or Decimal(seen) != Decimal(price):
            yield MarketDifference("quote", name, side, price, seen)


def _side(name: str, side: str, venue: list[list[str]], strategy: list[list[str]]) -> Iterator[MarketDifference]:
    true, seen = _levels(venue), _levels(strategy)
    for price in sorted(true.keys() | seen.keys()):
        if true.get(price) != seen.get(price):
            yield MarketDifference("book", name, f"{side} at {price:f}", _size(true, price), _size(seen, price))


def _levels(rows: list[list[str]]) -> dict[Decimal, Decimal]:
    return {Decimal(price): Decimal(size) for price, size in rows}


def _size(levels: Mapping[Decimal, Decimal], price: Decimal) -> str:
    return f"{levels.get(price, Decimal(0)):f}"


def _taken(history: History, feed: str | None = None) -> Mapping[str, Any]:
    """Return the fact ``market``; a feed that is not taken cannot be judged."""
    market: Mapping[str, Any] = history.fact("market")
    if not market["feeds"] or (feed is not None and feed not in market["feeds"]):
        return history.fact(f"market with the feed {feed or 'of anything'}")  # type: ignore[no-any-return]
    return market


def _told(found: list[MarketDifference]) -> list[str]:
    return [str(item) for item in found[:_MOST]]
