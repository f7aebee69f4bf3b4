"""Spot trading: handlers and routes. Weights are those of Binance's *Trading endpoints*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.http.params import CLIENT_ID
from opslab.venue.http.routing import Context, Route, Security
from opslab.venue.http.spot import order_payloads as payloads
from opslab.venue.http.spot.cancel_replace import CANCEL_REPLACE_PARAMETERS, cancel_replace
from opslab.venue.http.spot.lookup import checked_restrictions, read_target
from opslab.venue.http.spot.new_order import ORDER_PARAMETERS, read_new_order
from opslab.venue.http.spot.placing import answered, placed
from opslab.venue.http.spot.symbols import WeightBySymbols, one
from opslab.venue.refusal import Refusal
from opslab.venue.stream.figures import figures_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.http.params import Params


def new_order(context: Context, params: Params) -> dict[str, Any]:
    """Place an order."""
    command = read_new_order(params)
    kind = answered(params, command)
    return placed(context, command, kind)


def test_order(context: Context, params: Params) -> dict[str, Any]:
    """Refuse an order as if it were placed, or answer nothing; with ``computeCommissionRates`` the rates."""
    command = read_new_order(params)
    answered(params, command)
    wants_rates = params.flag("computeCommissionRates", False)
    context.exchange.check(context.account, command)
    if not wants_rates:
        return {}
    view = context.exchange.account(context.account)
    maker, taker = view.maker_fees[command.symbol], view.taker_fees[command.symbol]
    zero = {"maker": "0.00000000", "taker": "0.00000000"}
    return {
        "standardCommissionForOrder": {"maker": f"{maker:.8f}", "taker": f"{taker:.8f}"},
        "specialCommissionForOrder": zero,
        "taxCommissionForOrder": zero,
    }


def query_order(context: Context, params: Params) -> dict[str, Any]:
    """Answer one order."""
    listing = one(context, params)
    order_id, client_id = read_target(params)
    order = context.exchange.order(context.account, listing.symbol, order_id=order_id, client_order_id=client_id)
    return payloads.found(order, figures_of(listing.instrument))


def cancel_order(context: Context, params: Params) -> dict[str, Any]:
    """Cancel one order."""
    listing = one(context, params)
    order_id, client_id = read_target(params)
    request_id = params.text("newClientOrderId", None, pattern=CLIENT_ID)
    checked_restrictions(context, params, listing.symbol, order_id, client_id)
    order = context.exchange.cancel(context.account, listing.symbol, order_id=order_id, client_order_id=client_id)
    return payloads.cancelled(order, figures_of(listing.instrument), request_id)


def cancel_open_orders(context: Context, params: Params) -> list[dict[str, Any]]:
    """Cancel every open order of a symbol; refused when there is none."""
    listing = one(context, params)
    figures = figures_of(listing.instrument)
    gone = context.exchange.cancel_all(context.account, listing.symbol)
    if not gone:
        raise Refusal(-2011, "Unknown order sent.")
    return [payloads.cancelled(order, figures) for order in gone]


def open_orders(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer the open orders of a symbol, or of all."""
    symbol = one(context, params).symbol if "symbol" in params else None
    listings = context.exchange.listings
    return [
        payloads.found(order, figures_of(listings[order.command.symbol].instrument))
        for order in context.exchange.open_orders(context.account, symbol)
    ]


def all_orders(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer orders of a symbol, open or not: from an id or a time on, else the newest."""
    listing = one(context, params)
    limit = min(params.integer("limit", 500, low=1), 1000)
    first_id = params.integer("orderId", None, low=0)
    start, end = read_day(params)
    found = context.exchange.orders(context.account, listing.symbol)
    chosen = paged(
        [order for order in found if first_id is None or order.order_id >= first_id],
        lambda order: order.time_ms,
        (start, end, limit),
        is_oldest_first=first_id is not None,
    )
    figures = figures_of(listing.instrument)
    return [payloads.found(order, figures) for order in chosen]


def my_trades(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer the account's fills of a symbol: of an order, from an id or a time on, else the newest."""
    listing = one(context, params)
    limit = min(params.integer("limit", 500, low=1), 1000)
    order_id, first_id = params.integer("orderId", None, low=0), params.integer("fromId", None, low=0)
    start, end = read_day(params)
    if first_id is not None and (start is not None or end is not None):
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    found = [
        fill
        for fill in context.exchange.fills(context.account, listing.symbol)
        if (order_id is None or fill.order_id == order_id) and (first_id is None or fill.trade_id >= first_id)
    ]
    chosen = paged(found, lambda fill: fill.time_ms, (start, end, limit), is_oldest_first=first_id is not None)
    figures = figures_of(listing.instrument)
    return [payloads.trade(fill, figures) for fill in chosen]


def read_day(params: Params) -> tuple[int | None, int | None]:
    """Return ``startTime`` and ``endTime``.

    Raises:
        Refusal: -1127 more than 24 hours between them, -1100 the wrong way round.
    """
    start, end = params.integer("startTime", None, low=0), params.integer("endTime", None, low=0)
    if start is not None and end is not None:
        if start > end:
            raise Refusal(-1100, "Start time is greater than end time.")
        if end - start > _DAY_MS:
            raise Refusal(-1127, "More than 24 hours between startTime and endTime.")
    return start, end


def paged[T](
    found: list[T],
    time_ms: Callable[[T], int],
    page: tuple[int | None, int | None, int],
    *,
    is_oldest_first: bool,
) -> list[T]:
    """Return a page of what was found, in order of time.

    Args:
        found: oldest first.
        time_ms: when an entry was.
        page: start and end, both inclusive and perhaps None, and the most entries.
        is_oldest_first: whether the oldest are wanted, as with an id; also so with a start.
    """
    start, end, limit = page
    inside = [
        entry
        for entry in found
        if (start is None or time_ms(entry) >= start) and (end is None or time_ms(entry) <= end)
    ]
    return inside[:limit] if is_oldest_first or start is not None else inside[-limit:]


_DAY_MS = 24 * 3_600_000


def _signed(
    method: str, path: str, weight: Any, handler: Any, names: tuple[str, ...], *, orders: int = 0, is_bulk: bool = False
) -> Route:
    return Route(method, path, Security.SIGNED, weight, handler, orders, is_bulk, frozenset(names))


_TARGET = ("symbol", "orderId", "origClientOrderId")
_HISTORY = ("symbol", "orderId", "startTime", "endTime", "limit")
_CANCEL = (*_TARGET, "newClientOrderId", "cancelRestrictions")

ORDER_ROUTES = (
    _signed("POST", "/api/v3/order", 1, new_order, ORDER_PARAMETERS, orders=1),
    _signed("POST", "/api/v3/order/test", 1, test_order, (*ORDER_PARAMETERS, "computeCommissionRates")),
    _signed("GET", "/api/v3/order", 4, query_order, _TARGET),
    _signed("DELETE", "/api/v3/order", 1, cancel_order, _CANCEL),
    _signed("POST", "/api/v3/order/cancelReplace", 1, cancel_replace, CANCEL_REPLACE_PARAMETERS, orders=1),
    _signed("GET", "/api/v3/openOrders", WeightBySymbols(6, 80), open_orders, ("symbol",)),
    _signed("DELETE", "/api/v3/openOrders", 1, cancel_open_orders, ("symbol",)),
    _signed("GET", "/api/v3/allOrders", 20, all_orders, _HISTORY),
    _signed("GET", "/api/v3/myTrades", 20, my_trades, (*_HISTORY, "fromId")),
)
"""Routes of an account's orders and trades."""
