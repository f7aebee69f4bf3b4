"""Spot market data: handlers and routes. Weights are those of Binance's *Market Data endpoints*."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.http.routing import Context, Route, Security
from opslab.venue.http.spot import listing_payload
from opslab.venue.http.spot import market_payloads as payloads
from opslab.venue.http.spot.symbols import WeightBySymbols, one, several
from opslab.venue.refusal import Refusal
from opslab.venue.stream.candles import INTERVALS, series
from opslab.venue.stream.figures import figures_of
from opslab.venue.stream.market_shapes import kline_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.http.params import Params
    from opslab.venue.listing import Listing
    from opslab.venue.views import PublicTrade

_MINUTES = 5
_EVERYTHING = 1_000_000
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))


def ping(_context: Context, _params: Params) -> dict[str, Any]:
    """Answer nothing."""
    return {}


def time(context: Context, _params: Params) -> dict[str, Any]:
    """Answer the venue's time."""
    return {"serverTime": context.now_ms}


def exchange_info(context: Context, params: Params) -> dict[str, Any]:
    """Answer symbols and filters."""
    found = several(context, params)
    wanted = params.text("permissions", None)
    if wanted is not None and "SPOT" not in wanted:
        found = []
    return listing_payload.exchange_info(found, context.limiter.rate_limits(), context.now_ms)


def depth(context: Context, params: Params) -> dict[str, Any]:
    """Answer the order book."""
    listing = one(context, params)
    limit = _limit(params, 100, 5000)
    return payloads.depth(context.exchange.depth(listing.symbol, limit), figures_of(listing.instrument))


def trades(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer the newest trades, oldest first."""
    listing = one(context, params)
    figures = figures_of(listing.instrument)
    found = context.exchange.last_trades(listing.symbol, _limit(params, 500, 1000))
    return [payloads.trade(each, figures) for each in found]


def historical_trades(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer trades from an id on, or the newest."""
    listing = one(context, params)
    figures = figures_of(listing.instrument)
    return [payloads.trade(each, figures) for each in _trades_of(context, listing, params)]


def agg_trades(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer aggregate trades from an id or of a time on, or the newest."""
    listing = one(context, params)
    figures = figures_of(listing.instrument)
    return [payloads.agg_trade(each, figures) for each in _trades_of(context, listing, params)]


def _trades_of(context: Context, listing: Listing, params: Params) -> list[PublicTrade]:
    limit = _limit(params, 500, 1000)
    first_id = params.integer("fromId", None, low=0)
    start, end = _period(params)
    if first_id is None and start is None and end is None:
        return context.exchange.last_trades(listing.symbol, limit)
    found = context.exchange.last_trades(listing.symbol, _EVERYTHING)
    if first_id is not None:
        return [each for each in found if each.id >= first_id][:limit]
    begin, finish = start or 0, _EVERYTHING**3 if end is None else end
    inside = [each for each in found if begin <= each.time_ms <= finish]
    return inside[-limit:] if start is None else inside[:limit]


def klines(context: Context, params: Params) -> list[list[Any]]:
    """Answer candles, oldest first: those that open at ``startTime`` or later, else the newest."""
    listing = one(context, params)
    interval = params.choice("interval", INTERVALS)
    limit = _limit(params, 500, 1000)
    start, end = _period(params)
    figures = figures_of(listing.instrument)
    found = series(context.exchange.klines(listing.symbol), interval, start_ms=start, end_ms=end)
    chosen = found[-limit:] if start is None else found[:limit]
    return [kline_row(candle, figures) for candle in chosen]


def avg_price(context: Context, params: Params) -> dict[str, Any]:
    """Answer the mean price of five minutes, else the last price."""
    listing = one(context, params)
    since = context.now_ms - _MINUTES * 60_000
    recent = [each for each in context.exchange.last_trades(listing.symbol, _EVERYTHING) if each.time_ms >= since]
    volume = sum((each.quantity for each in recent), Decimal(0))
    spent = sum((each.price * each.quantity for each in recent), Decimal(0))
    day = context.exchange.ticker(listing.symbol)
    price = spent / volume if volume else day.last
    closed = recent[-1].time_ms if recent else context.now_ms
    return {"mins": _MINUTES, "price": figures_of(listing.instrument).mean(price), "closeTime": closed}


def _each(context: Context, params: Params, answer: Callable[[Listing], dict[str, Any]]) -> Any:
    found = [answer(listing) for listing in several(context, params)]
    return found[0] if "symbol" in params else found


def ticker_24h(context: Context, params: Params) -> Any:
    """Answer figures of 24 hours, of one symbol or a list of several."""
    kind = params.text("type", "FULL")
    if kind not in ("FULL", "MINI"):
        raise Refusal(-1139, "Invalid ticker type.")
    is_mini = kind == "MINI"

    def answer(listing: Listing) -> dict[str, Any]:
        day, figures = context.exchange.ticker(listing.symbol), figures_of(listing.instrument)
        if is_mini:
            return payloads.mini_ticker(day, figures)
        return payloads.ticker(day, context.exchange.best(listing.symbol), figures)

    return _each(context, params, answer)


def ticker_price(context: Context, params: Params) -> Any:
    """Answer the last price, of one symbol or a list of several."""

    def answer(listing: Listing) -> dict[str, Any]:
        price = figures_of(listing.instrument).price(context.exchange.ticker(listing.symbol).last)
        return {"symbol": listing.symbol, "price": price}

    return _each(context, params, answer)


def book_ticker(context: Context, params: Params) -> Any:
    """Answer the best quote, of one symbol or a list of several."""

    def answer(listing: Listing) -> dict[str, Any]:
        best = context.exchange.best(listing.symbol)
        return payloads.book_ticker(listing.symbol, best, figures_of(listing.instrument))

    return _each(context, params, answer)


def _limit(params: Params, default: int, most: int) -> int:
    return min(params.integer("limit", default, low=1), most)


def _period(params: Params) -> tuple[int | None, int | None]:
    start, end = params.integer("startTime", None, low=0), params.integer("endTime", None, low=0)
    if start is not None and end is not None and start > end:
        raise Refusal(-1023, "Start time is greater than end time.")
    return start, end


def _depth_weight(params: Params) -> int:
    text = params.values.get("limit", "100")
    limit = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 100  # noqa: PLR2004 - fits an int
    return next((weight for most, weight in _DEPTH_WEIGHTS if limit <= most), _DEPTH_WEIGHTS[-1][1])


def _public(path: str, weight: Any, handler: Any, *names: str, is_bulk: bool = True) -> Route:
    return Route("GET", path, Security.NONE, weight, handler, is_bulk=is_bulk, names=frozenset(names))


_SEVERAL = ("symbol", "symbols", "symbolStatus")
_PERIOD = ("startTime", "endTime", "limit")
_CANDLES = ("symbol", "interval", "timeZone", *_PERIOD)

MARKET_ROUTES = (
    _public("/api/v3/ping", 1, ping, is_bulk=False),
    _public("/api/v3/time", 1, time, is_bulk=False),
    _public("/api/v3/exchangeInfo", 20, exchange_info, *_SEVERAL, "permissions", "showPermissionSets"),
    _public("/api/v3/depth", _depth_weight, depth, "symbol", "limit", "symbolStatus"),
    _public("/api/v3/trades", 25, trades, "symbol", "limit"),
    _public("/api/v3/historicalTrades", 25, historical_trades, "symbol", "limit", "fromId"),
    _public("/api/v3/aggTrades", 4, agg_trades, "symbol", "fromId", *_PERIOD),
    _public("/api/v3/klines", 2, klines, *_CANDLES),
    _public("/api/v3/uiKlines", 2, klines, *_CANDLES),
    _public("/api/v3/avgPrice", 2, avg_price, "symbol"),
    _public("/api/v3/ticker/24hr", WeightBySymbols(2, 80), ticker_24h, *_SEVERAL, "type"),
    _public("/api/v3/ticker/price", WeightBySymbols(2, 4), ticker_price, *_SEVERAL),
    _public("/api/v3/ticker/bookTicker", WeightBySymbols(2, 4), book_ticker, *_SEVERAL),
)
"""Public routes."""
