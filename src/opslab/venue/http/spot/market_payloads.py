"""Spot market data as the HTTP API answers it. Source: Binance, *Market Data endpoints* of the spot REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.stream.figures import amount, percent
from opslab.venue.stream.market_shapes import levels

if TYPE_CHECKING:
    from opslab.venue.market import Quote
    from opslab.venue.stream.figures import Figures
    from opslab.venue.views import Depth, PublicTrade, Ticker


def depth(book: Depth, figures: Figures) -> dict[str, Any]:
    """Return an order book."""
    return {
        "lastUpdateId": book.last_update_id,
        "bids": levels(book.bids, figures),
        "asks": levels(book.asks, figures),
    }


def trade(found: PublicTrade, figures: Figures) -> dict[str, Any]:
    """Return a public trade."""
    return {
        "id": found.id,
        "price": figures.price(found.price),
        "qty": figures.size(found.quantity),
        "quoteQty": amount(found.price * found.quantity),
        "time": found.time_ms,
        "isBuyerMaker": found.is_buyer_maker,
        "isBestMatch": True,
    }


def agg_trade(found: PublicTrade, figures: Figures) -> dict[str, Any]:
    """Return an aggregate trade; every trade is an aggregate of its own."""
    return {
        "a": found.id,
        "p": figures.price(found.price),
        "q": figures.size(found.quantity),
        "f": found.id,
        "l": found.id,
        "T": found.time_ms,
        "m": found.is_buyer_maker,
        "M": True,
    }


def mini_ticker(day: Ticker, figures: Figures) -> dict[str, Any]:
    """Return figures of 24 hours, type ``MINI``."""
    return {
        "symbol": day.symbol,
        "openPrice": figures.price(day.open),
        "highPrice": figures.price(day.high),
        "lowPrice": figures.price(day.low),
        "lastPrice": figures.price(day.last),
        "volume": figures.size(day.volume),
        "quoteVolume": amount(day.quote_volume),
        "openTime": day.open_ms,
        "closeTime": day.close_ms,
        "firstId": day.first_id,
        "lastId": day.last_id,
        "count": day.count,
    }


def ticker(day: Ticker, best: Quote | None, figures: Figures) -> dict[str, Any]:
    """Return figures of 24 hours, type ``FULL``."""
    return mini_ticker(day, figures) | {
        "priceChange": figures.price(day.change),
        "priceChangePercent": percent(day.change_percent),
        "weightedAvgPrice": figures.mean(day.average),
        "prevClosePrice": figures.price(day.previous_close),
        "lastQty": figures.size(day.last_quantity),
        **_best(best, figures),
    }


def book_ticker(symbol: str, best: Quote | None, figures: Figures) -> dict[str, Any]:
    """Return the best quote; zeros where there is none."""
    return {"symbol": symbol, **_best(best, figures)}


def _best(best: Quote | None, figures: Figures) -> dict[str, str]:
    return {
        "bidPrice": figures.price(best.bid if best else None),
        "bidQty": figures.size(best.bid_size if best else None),
        "askPrice": figures.price(best.ask if best else None),
        "askQty": figures.size(best.ask_size if best else None),
    }
