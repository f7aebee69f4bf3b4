"""What a venue and a strategy say of the market at one moment, side by side, as facts for the checks ``market.*``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from opslab.drill.checks.market import behind_ms, differences
from opslab.venue.market import BookDelta, Kline, Quote
from opslab.venue.views import PublicTrade

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from opslab.engine.strategies.ops_by_hand import OpsByHand
    from opslab.runs.paper_run import PaperRun
    from opslab.venue.thread import VenueThread
    from opslab.venue.venue import Venue
    from opslab.venue.views import Published
    from opslab.venue.wire import WireRecord

LEVELS = 20
"""Levels of the book on each side that are compared; in a diff stream every level counts."""

SETTLE_SECONDS = 2.0
_FEEDS = {Quote: "quotes", PublicTrade: "trades", BookDelta: "book", Kline: "bars"}
_HEALTH_TOPICS = ("events.system.*", "events.risk*")
"""Where NautilusTrader tells of a component's or the trading state's change."""

CLIENT_ENDED = "the client ended it"
"""How the venue's wire log names the reason of a close that came from the client."""

OPENED, ASKED = "a market socket opened", "a book was asked for"

_NS_PER_MS = 1_000_000


class Mark(NamedTuple):
    """A moment: ``seq`` of the wire log's newest record, and how many whole ``books`` the node had taken in."""

    seq: int
    books: int


class MarketWatch:
    """Follows what a venue publishes, and reads what a strategy made of it through the engine's public API.

    Args:
        thread: the venue, which runs.
        run: the paper run on it.
        strategy: what takes the market data in.
    """

    def __init__(self, thread: VenueThread, run: PaperRun, strategy: OpsByHand) -> None:
        self._thread, self._run, self._strategy = thread, run, strategy
        self._newest: dict[str, dict[str, int]] = {}
        self._health: list[str] = []
        self._snapshots = 0
        thread.call(lambda venue: venue.exchange.on_market(self._published))
        for topic in _HEALTH_TOPICS:
            strategy.msgbus.subscribe(topic=topic, handler=self._told)
        strategy.msgbus.subscribe(topic="data.*", handler=self._came)

    def facts(self, seconds: float = SETTLE_SECONDS) -> dict[str, Any]:
        """Return what both say, once the node took in what the venue sent, or after ``seconds``.

        Hold the tape before: two sides of a moving market are not of one moment.

        Returns:
            ``instruments``: by the engine's id, ``venue`` and ``strategy``, each with ``quote``, ``book`` and
            ``newest_ms`` by feed (Unix milliseconds of the venue); ``feeds``: what the strategy asked for;
            ``streams``: what open market sockets are subscribed to.
        """
        found: dict[str, Any] = {}

        def is_caught_up() -> bool:
            found.update(self._look())
            return not differences(found)

        self._run.node.pump_until(is_caught_up, seconds)
        return found

    def mark(self) -> Mark:
        """Return where the wire log and the node's books stand, to wait or look from there on."""
        records = self._thread.wire.records()
        return Mark(records[-1].seq if records else 0, self._snapshots)

    def until_back(self, streams: Sequence[str], mark: Mark, seconds: float = SETTLE_SECONDS) -> bool:
        """Let the node work until its market sockets are back and every book that it asked for again was taken in.

        Args:
            streams: what open sockets must be subscribed to.
            mark: from before the sockets went.
            seconds: the longest to wait.

        Returns:
            Whether it came to that.
        """
        wanted = set(streams)
        is_deep = any("@depth" in stream for stream in streams)

        def is_back() -> bool:
            told = Counter(map(_sign, self._thread.wire.records(mark.seq)))
            is_whole = not is_deep or self._snapshots - mark.books >= told[ASKED] >= told[OPENED]
            return is_whole and wanted <= set(self._thread.call(_streams))

        return self._run.node.pump_until(is_back, seconds)

    def until_books(self, count: int, mark: Mark, seconds: float = SETTLE_SECONDS) -> bool:
        """Let the node work until it took in so many whole books since ``mark``, at most so long; say whether."""
        return self._run.node.pump_until(lambda: self._snapshots - mark.books >= count, seconds)

    def until_behind(self, ms: int, feed: str = "quotes", seconds: float = 5.0) -> bool:
        """Let the node work until what the strategy has of ``feed`` is ``ms`` older than the venue's newest item of it.

        Returns:
            Whether it came to that within ``seconds``.
        """
        return self._run.node.pump_until(lambda: behind_ms(self._look(), feed) >= ms, seconds)

    def signs(self, mark: Mark) -> dict[str, Any]:
        """Return what the node did since ``mark`` that shows that it noticed something.

        Returns:
            ``wire``: sockets that it opened or gave up, subscriptions, and books that it asked for again; ``health``:
            changes of a component's or the trading state that the strategy could have heard of.
        """
        wire = [told for record in self._thread.wire.records(mark.seq) if (told := _sign(record))]
        return {"wire": wire, "health": list(self._health)}

    def _came(self, data: object) -> None:
        self._snapshots += bool(getattr(data, "is_snapshot", False))
        self._run.node.notify()

    def _published(self, published: Published) -> None:
        event = published.event
        feed = _FEEDS.get(type(event))
        if feed is None or (isinstance(event, Kline) and not event.is_closed):
            return
        at = event.close_ms if isinstance(event, Kline) else event.time_ms
        self._newest.setdefault(event.symbol, {})[feed] = at

    def _told(self, event: object) -> None:
        self._health.append(type(event).__name__)

    def _look(self) -> dict[str, Any]:
        truth = self._thread.call(self._truth)
        last = self._strategy.last
        instruments = {name: {"venue": rows, "strategy": self._seen(name)} for name, rows in truth["rows"].items()}
        return {
            "at_ms": truth["at_ms"],
            "instruments": instruments,
            "feeds": sorted({key.partition(" ")[0] for key in last}),
            "streams": truth["streams"],
        }

    def _truth(self, venue: Venue) -> dict[str, Any]:
        """Read the venue's side; runs on its loop."""
        exchange = venue.exchange
        rows = {}
        for symbol in exchange.listings:
            best, depth = exchange.best(symbol), exchange.depth(symbol, LEVELS)
            rows[self._run.node.name_of(symbol)] = {
                "quote": {"bid": f"{best.bid:f}", "ask": f"{best.ask:f}"} if best else None,
                "book": {side: [_level(*level) for level in getattr(depth, side)] for side in ("bids", "asks")},
                "newest_ms": dict(self._newest.get(symbol, {})),
            }
        return {"at_ms": venue.clock.now_ms(), "rows": rows, "streams": _streams(venue)}

    def _seen(self, name: str) -> dict[str, Any]:
        last = {key.partition(" ")[0]: item for key, item in self._strategy.last.items() if key.endswith(f" {name}")}
        quote = last.get("quotes")
        return {
            "quote": {"bid": quote["bid"], "ask": quote["ask"]} if quote else None,
            "book": self._book(name) if "book" in last else None,
            "newest_ms": {feed: round(item["ts_event"] / _NS_PER_MS) for feed, item in last.items()},
        }

    def _book(self, name: str) -> dict[str, list[list[str]]] | None:
        cache = self._strategy.cache
        names = [instrument.id for instrument in cache.instruments() if instrument.id.value == name]
        book = cache.order_book(names[0]) if names else None
        if book is None:
            return None
        return {side: [_seen_level(level) for level in getattr(book, side)()] for side in ("bids", "asks")}


def _streams(venue: Venue) -> list[str]:
    """Return what open market sockets are subscribed to; runs on the venue's loop."""
    return sorted(
        stream
        for connection in venue.hub.connections.values()
        if connection.socket.kind == "market" and connection.is_open
        for stream in connection.subscriptions.streams
    )


def _seen_level(level: Any) -> list[str]:
    return _level(level.price.as_decimal(), sum(order.size.as_decimal() for order in level.orders()))


def _level(price: Decimal, size: Decimal) -> list[str]:
    return [f"{price:f}", f"{size:f}"]


def _sign(record: WireRecord) -> str | None:
    """Return what a record of the wire log shows of a client that looks after its feeds, if anything."""
    facts = record.facts
    if record.kind == "open" and facts.get("socket_kind") == "market":
        return OPENED
    if record.kind == "close" and facts.get("reason") == CLIENT_ENDED:
        return "a socket ended by the client"
    if record.kind == "in" and "SUBSCRIBE" in str(facts):
        return "SUBSCRIBE"
    if record.kind == "request" and str(facts.get("path", "")).endswith("/depth"):
        return ASKED
    return None
