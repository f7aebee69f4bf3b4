"""USD-M futures market streams: what a change of the market looks like on a stream.

``stream_payload(name, published, exchange, now_ms)`` as in ``spot_market``, which describes it. Futures also have
``markPrice``, moved by a mark price of the tape; their partial depth has the shape of a ``depthUpdate``.

Source: Binance, *USDS-Margined Futures, Websocket Market Streams*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.market import BookDelta, Kline, MarkPrice, Quote
from opslab.venue.stream import market_shapes as shapes
from opslab.venue.stream.candles import current
from opslab.venue.stream.figures import amount, figures_of
from opslab.venue.stream.names import stream_name
from opslab.venue.views import PublicTrade

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.venue.exchange import Exchange
    from opslab.venue.market import Level
    from opslab.venue.stream.figures import Figures
    from opslab.venue.stream.names import StreamName
    from opslab.venue.views import Published

KINDS = frozenset({"trade", "aggTrade", "bookTicker", "depth", "levels", "kline", "ticker", "miniTicker", "markPrice"})
"""The streams that futures have."""


def trade(event: PublicTrade, figures: Figures, now_ms: int) -> dict[str, Any]:
    """Return a ``trade``."""
    return {
        "e": "trade",
        "E": now_ms,
        "T": event.time_ms,
        "s": event.symbol,
        "t": event.id,
        "p": figures.price(event.price),
        "q": figures.size(event.quantity),
        "X": "MARKET",
        "m": event.is_buyer_maker,
    }


def book_ticker(quote: Quote, update_id: int, figures: Figures, now_ms: int) -> dict[str, Any]:
    """Return a ``bookTicker``."""
    return {
        "e": "bookTicker",
        "u": update_id,
        "s": quote.symbol,
        "b": figures.price(quote.bid),
        "B": figures.size(quote.bid_size),
        "a": figures.price(quote.ask),
        "A": figures.size(quote.ask_size),
        "T": quote.time_ms,
        "E": now_ms,
    }


def depth_update(
    published: Published, bids: Iterable[Level], asks: Iterable[Level], figures: Figures, now_ms: int
) -> dict[str, Any]:
    """Return a ``depthUpdate`` of these levels, with update ids ``U`` to ``u`` after ``pu``."""
    event = published.event
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "T": event.close_ms if isinstance(event, Kline) else event.time_ms,
        "s": event.symbol,
        "U": published.first_id,
        "u": published.last_id,
        "pu": published.previous_id,
        "b": shapes.levels(bids, figures),
        "a": shapes.levels(asks, figures),
    }


def mark_price(event: MarkPrice, now_ms: int) -> dict[str, Any]:
    """Return a ``markPriceUpdate``; the estimated settlement price is the mark price."""
    return {
        "e": "markPriceUpdate",
        "E": now_ms,
        "s": event.symbol,
        "p": amount(event.mark),
        "i": amount(event.index),
        "P": amount(event.mark),
        "r": amount(event.funding_rate),
        "T": event.next_funding_ms,
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
    event, kind = published.event, wanted.kind
    if isinstance(event, PublicTrade):
        return _of_trade(kind, event, exchange, figures, now_ms)
    if isinstance(event, BookDelta):
        return _of_book(wanted, event, published, exchange, figures, now_ms)
    if isinstance(event, Quote):
        return book_ticker(event, published.last_id, figures, now_ms) if kind == "bookTicker" else None
    if isinstance(event, MarkPrice):
        return mark_price(event, now_ms) if kind == "markPrice" else None
    if kind != "kline":
        return None
    candle = event if event.interval == wanted.interval else current(exchange.klines(event.symbol), wanted.interval)
    return shapes.kline(candle, figures, now_ms) if candle else None


def _of_book(
    wanted: StreamName, event: BookDelta, published: Published, exchange: Exchange, figures: Figures, now_ms: int
) -> dict[str, Any] | None:
    if wanted.kind == "depth":
        return depth_update(published, event.bids, event.asks, figures, now_ms)
    if wanted.kind != "levels":
        return None
    book = exchange.depth(event.symbol, wanted.levels)
    return depth_update(published, book.bids, book.asks, figures, now_ms)


def _of_trade(
    kind: str, event: PublicTrade, exchange: Exchange, figures: Figures, now_ms: int
) -> dict[str, Any] | None:
    if kind == "trade":
        return trade(event, figures, now_ms)
    if kind == "aggTrade":
        return shapes.agg_trade(event, figures, now_ms)
    if kind == "ticker":
        return shapes.ticker(exchange.ticker(event.symbol), figures, now_ms)
    return shapes.mini_ticker(exchange.ticker(event.symbol), figures, now_ms) if kind == "miniTicker" else None
