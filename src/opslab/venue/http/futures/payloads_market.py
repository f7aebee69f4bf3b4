"""Market data as the REST API answers it. Source: USD-M futures, "Market Data Endpoints"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.stream.figures import amount, percent

if TYPE_CHECKING:
    from opslab.venue.market import MarkPrice, Quote
    from opslab.venue.stream.figures import Figures
    from opslab.venue.views import Depth, PublicTrade, Ticker

INTEREST_RATE = "0.00010000"
"""The interest part of a funding rate over eight hours, as Binance sets it for most symbols."""


def depth(book: Depth, now_ms: int, figures: Figures) -> dict[str, Any]:
    """Return the book, best levels first."""
    return {
        "lastUpdateId": book.last_update_id,
        "E": now_ms,
        "T": now_ms,
        "bids": [[figures.price(price), figures.size(size)] for price, size in book.bids],
        "asks": [[figures.price(price), figures.size(size)] for price, size in book.asks],
    }


def trade(row: PublicTrade, figures: Figures) -> dict[str, Any]:
    """Return a public trade."""
    return {
        "id": row.id,
        "price": figures.price(row.price),
        "qty": figures.size(row.quantity),
        "quoteQty": amount(row.price * row.quantity),
        "time": row.time_ms,
        "isBuyerMaker": row.is_buyer_maker,
        "isRPITrade": False,
    }


def aggregate(row: PublicTrade, figures: Figures) -> dict[str, Any]:
    """Return a trade as an aggregate: each is one of its own, as in the stream of this venue."""
    return {
        "a": row.id,
        "p": figures.price(row.price),
        "q": figures.size(row.quantity),
        "f": row.id,
        "l": row.id,
        "T": row.time_ms,
        "m": row.is_buyer_maker,
    }


def premium(mark: MarkPrice) -> dict[str, Any]:
    """Return mark price, index price and funding rate."""
    return {
        "symbol": mark.symbol,
        "markPrice": amount(mark.mark),
        "indexPrice": amount(mark.index),
        "estimatedSettlePrice": amount(mark.mark),
        "lastFundingRate": amount(mark.funding_rate),
        "interestRate": INTEREST_RATE,
        "nextFundingTime": mark.next_funding_ms,
        "time": mark.time_ms,
    }


def funding(mark: MarkPrice, interval_ms: int) -> dict[str, Any]:
    """Return the last funding before a mark price, with the rate that stood in it.

    Args:
        mark: the mark price.
        interval_ms: milliseconds from one funding to the next.
    """
    return {
        "symbol": mark.symbol,
        "fundingTime": max(mark.next_funding_ms - interval_ms, 0),
        "fundingRate": amount(mark.funding_rate),
        "markPrice": amount(mark.mark),
    }


def day(row: Ticker, figures: Figures) -> dict[str, Any]:
    """Return the figures of the last 24 hours."""
    return {
        "symbol": row.symbol,
        "priceChange": figures.price(row.change),
        "priceChangePercent": percent(row.change_percent),
        "weightedAvgPrice": figures.mean(row.average),
        "lastPrice": figures.price(row.last),
        "lastQty": figures.size(row.last_quantity),
        "openPrice": figures.price(row.open),
        "highPrice": figures.price(row.high),
        "lowPrice": figures.price(row.low),
        "volume": figures.size(row.volume),
        "quoteVolume": amount(row.quote_volume),
        "openTime": row.open_ms,
        "closeTime": row.close_ms,
        "firstId": row.first_id,
        "lastId": row.last_id,
        "count": row.count,
    }


def last_price(row: Ticker, figures: Figures) -> dict[str, Any]:
    """Return the last price with its time."""
    return {"symbol": row.symbol, "price": figures.price(row.last), "time": row.close_ms}


def best(symbol: str, quote: Quote | None, now_ms: int, figures: Figures) -> dict[str, Any]:
    """Return the best bid and ask, zeros where the book is empty."""
    return {
        "symbol": symbol,
        "bidPrice": figures.price(quote.bid if quote else None),
        "bidQty": figures.size(quote.bid_size if quote else None),
        "askPrice": figures.price(quote.ask if quote else None),
        "askQty": figures.size(quote.ask_size if quote else None),
        "time": quote.time_ms if quote else now_ms,
    }
