"""Spot market streams: what a change of the market looks like on a stream.

``stream_payload(name, published, exchange, now_ms)`` gives the payload of one published change on the stream of that
name, a list for ``...@arr``, or None when the stream says nothing of it. It is unwrapped (``/ws``); a combined stream
wraps it as ``{"stream": name, "data": payload}``. Call it while the change is handled: it reads the exchange as it
stands. ``spot_market`` and ``futures_market`` have the same function, so ``{Market.SPOT: spot_market.stream_payload,
...}`` picks one.

What moves a stream: trades (``trade``, ``aggTrade``, ``ticker``, ``miniTicker``, ``avgPrice``), a new best
(``bookTicker``), a change of the book (``depth``, ``depth5``...: each at once, whatever speed the name asks for), a
candle (``kline_...``).

Source: Binance, *WebSocket Streams for Binance* (spot).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.market import BookDelta, Kline, Quote
from opslab.venue.stream import market_shapes as shapes
from opslab.venue.stream.candles import current
from opslab.venue.stream.figures import figures_of
from opslab.venue.stream.names import stream_name
from opslab.venue.views import PublicTrade

if TYPE_CHECKING:
    from opslab.venue.exchange import Exchange
    from opslab.venue.stream.figures import Figures
    from opslab.venue.stream.names import StreamName
    from opslab.venue.views import Published, Ticker

KINDS = frozenset({"trade", "aggTrade", "bookTicker", "depth", "levels", "kline", "ticker", "miniTicker", "avgPrice"})
"""The streams that spot has."""


def trade(event: PublicTrade, figures: Figures, now_ms: int) -> dict[str, Any]:
    """Return a ``trade``."""
    return {
        "e": "trade",
        "E": now_ms,
        "s": event.symbol,
        "t": event.id,
        "p": figures.price(event.price),
        "q": figures.size(event.quantity),
        "T": event.time_ms,
        "m": event.is_buyer_maker,
        "M": True,
    }


def book_ticker(quote: Quote, update_id: int, figures: Figures) -> dict[str, Any]:
    """Return a ``bookTicker``; on spot it has no event type and no times."""
    return {
        "u": update_id,
        "s": quote.symbol,
        "b": figures.price(quote.bid),
        "B": figures.size(quote.bid_size),
        "a": figures.price(quote.ask),
        "A": figures.size(quote.ask_size),
    }


def depth_update(delta: BookDelta, published: Published, figures: Figures, now_ms: int) -> dict[str, Any]:
    """Return a ``depthUpdate``: the levels that changed, with update ids ``U`` to ``u``."""
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "s": delta.symbol,
        "U": published.first_id,
        "u": published.last_id,
        "b": shapes.levels(delta.bids, figures),
        "a": shapes.levels(delta.asks, figures),
    }


def partial_depth(symbol: str, limit: int, exchange: Exchange, figures: Figures) -> dict[str, Any]:
    """Return the best levels, in the shape of spot's partial depth streams."""
    book = exchange.depth(symbol, limit)
    return {
        "lastUpdateId": book.last_update_id,
        "bids": shapes.levels(book.bids, figures),
        "asks": shapes.levels(book.asks, figures),
    }


def ticker(day: Ticker, best: Quote | None, figures: Figures, now_ms: int) -> dict[str, Any]:
    """Return a ``24hrTicker`` of spot: with the best quote and the price before the window."""
    return shapes.ticker(day, figures, now_ms) | {
        "x": figures.price(day.previous_close),
        "b": figures.price(best.bid if best else None),
        "B": figures.size(best.bid_size if best else None),
        "a": figures.price(best.ask if best else None),
        "A": figures.size(best.ask_size if best else None),
    }


def avg_price(day: Ticker, event: PublicTrade, figures: Figures, now_ms: int) -> dict[str, Any]:
    """Return an ``avgPrice``; the mean is that of the window of 24 hours, which the tape may not fill."""
    return {
        "e": "avgPrice",
        "E": now_ms,
        "s": day.symbol,
        "i": "5m",
        "w": figures.mean(day.average),
        "T": event.time_ms,
    }


def stream_payload(
    name: str, published: Published, exchange: Exchange, now_ms: int
) -> dict[str, Any] | list[dict[str, Any]] | None:
    """Return what the stream called ``name`` says of a change, None when nothing."""
    wanted = stream_name(name)
    event = published.event
    if wanted is None or wanted.kind not in KINDS or (wanted.symbol is not None and wanted.symbol != event.symbol):
        return None
    figures = figures_of(exchange.listings[event.symbol].instrument)
    payload = _payload(wanted, published, exchange, figures, now_ms)
    return [payload] if wanted.is_array and payload is not None else payload


def _payload(
    wanted: StreamName, published: Published, exchange: Exchange, figures: Figures, now_ms: int
) -> dict[str, Any] | None:
    event = published.event
    if isinstance(event, PublicTrade):
        return _of_trade(wanted.kind, event, exchange, figures, now_ms)
    if isinstance(event, BookDelta):
        if wanted.kind == "depth":
            return depth_update(event, published, figures, now_ms)
        return partial_depth(event.symbol, wanted.levels, exchange, figures) if wanted.kind == "levels" else None
    if isinstance(event, Quote):
        return book_ticker(event, published.last_id, figures) if wanted.kind == "bookTicker" else None
    if isinstance(event, Kline) and wanted.kind == "kline":
        candle = event if event.interval == wanted.interval else current(exchange.klines(event.symbol), wanted.interval)
        return shapes.kline(candle, figures, now_ms) if candle else None
    return None


def _of_trade(
    kind: str, event: PublicTrade, exchange: Exchange, figures: Figures, now_ms: int
) -> dict[str, Any] | None:
    if kind == "trade":
        return trade(event, figures, now_ms)
    if kind == "aggTrade":
        return shapes.agg_trade(event, figures, now_ms) | {"M": True}
    if kind == "ticker":
        return ticker(exchange.ticker(event.symbol), exchange.best(event.symbol), figures, now_ms)
    if kind == "miniTicker":
        return shapes.mini_ticker(exchange.ticker(event.symbol), figures, now_ms)
    return avg_price(exchange.ticker(event.symbol), event, figures, now_ms) if kind == "avgPrice" else None
