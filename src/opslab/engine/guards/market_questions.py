"""What a venue answers over REST about the newest of a feed, and whether that is newer than what the feed brought."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from nautilus_trader.adapters.binance.common.enums import BinanceKlineInterval
from nautilus_trader.model.data import Bar, OrderBookDeltas, QuoteTick, TradeTick

from opslab.engine.guards.ticking import require_names

type Kind = Literal["quotes", "trades", "book", "bars"]
NAMES: dict[type[Any], Kind] = {QuoteTick: "quotes", TradeTick: "trades", OrderBookDeltas: "book", Bar: "bars"}
"""What the engine calls an item of each feed."""

SUBSCRIBED: dict[Kind, str] = {
    "quotes": "subscribed_quote_ticks",
    "trades": "subscribed_trade_ticks",
    "book": "subscribed_order_book_deltas",
    "bars": "subscribed_bars",
}
"""What tells of a data client which instruments, or bar types, it is subscribed to."""

_NS_PER_MS = 1_000_000
_STAMP_MS = 1.0  # what a stamp may be off that went through the adapter's floating point


class Feed(NamedTuple):
    """One feed of one instrument.

    Attributes:
        kind: which.
        subject: the instrument's id, or a bar type.
    """

    kind: Kind
    subject: Any

    @property
    def interval_ms(self) -> float:
        """How far apart its items lie by their nature."""
        return float(self.subject.spec.timedelta.total_seconds() * 1000) if self.kind == "bars" else 0.0

    @property
    def instrument_id(self) -> Any:
        """The instrument's id."""
        return self.subject.instrument_id if self.kind == "bars" else self.subject

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.kind} of {self.subject}"


def feeds_of(client: Any) -> set[Feed]:
    """Return what a data client is subscribed to, of the feeds that the venue can be asked about."""
    return {Feed(kind, subject) for kind, name in SUBSCRIBED.items() for subject in getattr(client, name)()}


class Newest(NamedTuple):
    """The newest that a venue has of a feed.

    Attributes:
        kind: which feed.
        what: prices and sizes of a quote; a trade's time, or a candle's close, in ms; a book's update id.
    """

    kind: Kind
    what: Any

    def is_newer_than(self, seen: Any) -> bool:
        """Return whether the feed has not brought it yet.

        Args:
            seen: the newest item that the feed brought; None: nothing.
        """
        if self.what is None:
            return False
        if seen is None:
            return True
        if self.kind == "quotes":
            return bool(self.what != _quote(seen.bid_price, seen.bid_size, seen.ask_price, seen.ask_size))
        if self.kind == "book":
            return bool(self.what > seen.sequence)
        return bool(self.what > seen.ts_event / _NS_PER_MS + _STAMP_MS)


class MarketQuestions:
    """Asks a venue through the adapter's own market API.

    Args:
        client: a data client of the adapter.
        guard: who asks, for messages.
        seconds: the longest to wait for an answer.

    Raises:
        EngineError: the adapter cannot be asked.
    """

    def __init__(self, client: Any, guard: str, seconds: float) -> None:
        require_names(client, ("_http_market", "_enum_parser", "_binance_account_type"), guard)
        self._market, self._parser, self._seconds = client._http_market, client._enum_parser, seconds  # noqa: SLF001
        self._is_futures = client._binance_account_type.is_futures  # noqa: SLF001
        queries = ("query_ticker_book", "query_trades", "query_agg_trades", "query_depth", "query_klines")
        require_names(self._market, queries, guard)

    async def ask(self, feed: Feed) -> Newest | None:
        """Return the newest of a feed that the venue has; None when it does not answer."""
        try:
            return await asyncio.wait_for(self._asked(feed), self._seconds)
        except Exception:  # noqa: BLE001 - whatever hinders the answer, there is none
            return None

    async def _asked(self, feed: Feed) -> Newest:
        symbol = feed.instrument_id.symbol.value
        if feed.kind == "quotes":
            (found,) = await self._market.query_ticker_book(symbol=symbol)
            prices = (found.bidPrice, found.bidQty, found.askPrice, found.askQty)
            return Newest("quotes", None if None in prices else _quote(*prices))
        if feed.kind == "trades":
            return Newest("trades", await self._traded_ms(symbol))
        if feed.kind == "book":
            return Newest("book", (await self._market.query_depth(symbol=symbol, limit=5)).lastUpdateId)
        return Newest("bars", await self._closed_ms(feed, symbol))

    async def _traded_ms(self, symbol: str) -> int | None:
        """Return when the last trade was; each market is asked in the way that costs it less weight."""
        if self._is_futures:
            return max((one.time for one in await self._market.query_trades(symbol=symbol, limit=1)), default=None)
        return max((one.T for one in await self._market.query_agg_trades(symbol=symbol, limit=1)), default=None)

    async def _closed_ms(self, feed: Feed, symbol: str) -> int | None:
        """Return when the last but one candle closed: the last one may be open yet."""
        spec = feed.subject.spec
        interval = BinanceKlineInterval(f"{spec.step}{self._parser.parse_nautilus_bar_aggregation(spec.aggregation)}")
        candles = await self._market.query_klines(symbol=symbol, interval=interval, limit=2)
        return candles[-2].close_time if len(candles) > 1 else None


def _quote(*values: object) -> tuple[Decimal, ...]:
    return tuple(Decimal(str(value)) for value in values)
