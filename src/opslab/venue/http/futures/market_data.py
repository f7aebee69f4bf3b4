"""Public market data over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.http.futures import payloads_market as payloads
from opslab.venue.http.futures.lookup import read_listing
from opslab.venue.http.futures.payloads_info import exchange_info
from opslab.venue.http.futures.spans import HOUR_MS, read_span
from opslab.venue.refusal import Refusal
from opslab.venue.stream.candles import INTERVALS, series
from opslab.venue.stream.figures import figures_of
from opslab.venue.stream.market_shapes import kline_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.http.params import Params
    from opslab.venue.http.routing import Context
    from opslab.venue.listing import Listing
    from opslab.venue.views import PublicTrade

_DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
_INTERVALS = INTERVALS.keys() - {"1s"}
"""Futures have no candles of a second."""
_ALL_TRADES = 1_000_000
"""More trades than a venue keeps."""


def ping(_context: Context, _params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/ping``."""
    return {}


def time(context: Context, _params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/time``."""
    return {"serverTime": context.now_ms}


def info(context: Context, _params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/exchangeInfo``."""
    return exchange_info(context.exchange.listings.values(), context.limiter.rate_limits(), context.now_ms)


def read_depth_limit(params: Params) -> int:
    """Return how many levels are asked for.

    Raises:
        Refusal: -4021, not one of Binance's steps.
    """
    limit = params.integer("limit", 500)
    if limit not in _DEPTH_LIMITS:
        raise Refusal(-4021, f"{limit} is not valid depth limit.")
    return limit


def depth(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/depth``."""
    listing, limit = read_listing(context, params), read_depth_limit(params)
    book = context.exchange.depth(listing.symbol, limit)
    return payloads.depth(book, context.now_ms, figures_of(listing.instrument))


def trades(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/trades``: the newest."""
    listing, limit = read_listing(context, params), params.integer("limit", 500, low=1, high=1000)
    figures = figures_of(listing.instrument)
    return [payloads.trade(row, figures) for row in context.exchange.last_trades(listing.symbol, limit)]


def historical_trades(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/historicalTrades``: with ``fromId`` the oldest from there on."""
    listing, limit = read_listing(context, params), params.integer("limit", 500, low=1, high=500)
    figures, since = figures_of(listing.instrument), params.integer("fromId", None)
    rows = _since(context, listing, since, limit)
    return [payloads.trade(row, figures) for row in rows]


def aggregate_trades(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/aggTrades``."""
    listing, span = read_listing(context, params), read_span(params, longest_ms=HOUR_MS)
    figures, since = figures_of(listing.instrument), params.integer("fromId", None)
    if since is not None:
        if "startTime" in params or "endTime" in params:
            raise Refusal(-1128, "Combination of optional parameters invalid.")
        rows = _since(context, listing, since, span.limit)
    else:
        rows = span.pick(context.exchange.last_trades(listing.symbol, _ALL_TRADES), lambda row: row.time_ms)
    return [payloads.aggregate(row, figures) for row in rows]


def _since(context: Context, listing: Listing, since: int | None, limit: int) -> list[PublicTrade]:
    if since is None:
        return context.exchange.last_trades(listing.symbol, limit)
    rows = context.exchange.last_trades(listing.symbol, _ALL_TRADES)
    return [row for row in rows if row.id >= since][:limit]


def klines(context: Context, params: Params) -> list[list[Any]]:
    """Answer ``GET /fapi/v1/klines``: candles that open at ``startTime`` or later, which is never rounded down."""
    listing = read_listing(context, params)
    interval = params.choice("interval", _INTERVALS)
    span = read_span(params, high=1500)
    figures = figures_of(listing.instrument)
    rows = span.pick(series(context.exchange.klines(listing.symbol), interval), lambda row: row.open_ms)
    return [kline_row(row, figures) for row in rows]


def premium_index(context: Context, params: Params) -> Any:
    """Answer ``GET /fapi/v1/premiumIndex``; a symbol that has no mark price yet is left out of the list of all."""
    if "symbol" in params:
        mark = context.exchange.mark(read_listing(context, params).symbol)
        if mark is None:
            raise Refusal(-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading.")
        return payloads.premium(mark)
    marks = (context.exchange.mark(symbol) for symbol in context.exchange.listings)
    return [payloads.premium(mark) for mark in marks if mark is not None]


def funding_rates(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/fundingRate``: each symbol's last funding; no longer history of rates is kept."""
    span = read_span(params, default=100)
    symbols = [read_listing(context, params).symbol] if "symbol" in params else list(context.exchange.listings)
    rows = []
    for symbol in symbols:
        mark = context.exchange.mark(symbol)
        if mark is not None:
            rows.append(payloads.funding(mark, context.exchange.listings[symbol].funding_interval_ms))
    rows.sort(key=lambda row: int(row["fundingTime"]))
    return span.pick(rows, lambda row: int(row["fundingTime"]))


def funding_info(context: Context, _params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/fundingInfo``."""
    return [
        {
            "symbol": listing.symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": listing.funding_interval_ms // HOUR_MS,
            "disclaimer": False,
        }
        for listing in context.exchange.listings.values()
    ]


def day_ticker(context: Context, params: Params) -> Any:
    """Answer ``GET /fapi/v1/ticker/24hr``."""
    return _one_or_all(
        context,
        params,
        lambda listing: payloads.day(context.exchange.ticker(listing.symbol), figures_of(listing.instrument)),
    )


def price_ticker(context: Context, params: Params) -> Any:
    """Answer ``GET /fapi/v1/ticker/price`` and ``/fapi/v2/ticker/price``."""
    return _one_or_all(
        context,
        params,
        lambda listing: payloads.last_price(context.exchange.ticker(listing.symbol), figures_of(listing.instrument)),
    )


def book_ticker(context: Context, params: Params) -> Any:
    """Answer ``GET /fapi/v1/ticker/bookTicker``."""
    return _one_or_all(
        context,
        params,
        lambda listing: payloads.best(
            listing.symbol, context.exchange.best(listing.symbol), context.now_ms, figures_of(listing.instrument)
        ),
    )


def _one_or_all(context: Context, params: Params, payload: Callable[[Listing], Any]) -> Any:
    if "symbol" in params:
        return payload(read_listing(context, params))
    return [payload(listing) for listing in context.exchange.listings.values()]
