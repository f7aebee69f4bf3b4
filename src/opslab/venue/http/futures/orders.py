"""Orders over REST: place, amend, cancel, ask."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.http.futures.lookup import listed, read_listing, read_maybe_symbol, read_target
from opslab.venue.http.futures.new_order import read_order
from opslab.venue.http.futures.payloads_order import acknowledged_order, commanded_order, found_fill, found_order
from opslab.venue.http.futures.spans import read_recent, read_span
from opslab.venue.http.params import invalid
from opslab.venue.orders import Order, OrderStatus, Side
from opslab.venue.refusal import Refusal
from opslab.venue.stream.figures import figures_of

if TYPE_CHECKING:
    from opslab.venue.http.params import Params
    from opslab.venue.http.routing import Context
    from opslab.venue.orders import NewOrder
    from opslab.venue.stream.figures import Figures

ALL_CANCELLED = {"code": 200, "msg": "The operation of cancel all open order is done."}
"""The answer to both cancel-all endpoints."""


def figures_for(context: Context, symbol: str) -> Figures:
    """Return the writer of a symbol's numbers.

    Raises:
        Refusal: -1121 unknown symbol.
    """
    return figures_of(listed(context, symbol).instrument)


def place(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``POST /fapi/v1/order``."""
    answers = params.choice("newOrderRespType", ("ACK", "RESULT"), "ACK")
    command = read_order(params)
    figures = figures_for(context, command.symbol)
    order = context.exchange.submit(context.account, command)
    return acknowledged_order(order, figures) if answers == "ACK" else commanded_order(order, figures)


def test(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``POST /fapi/v1/order/test``: what ``place`` would refuse is refused, and nothing is placed."""
    params.choice("newOrderRespType", ("ACK", "RESULT"), "ACK")
    command = read_order(params)
    figures = figures_for(context, command.symbol)
    context.exchange.check(context.account, command)
    return acknowledged_order(_imagined(context, command), figures)


def _imagined(context: Context, command: NewOrder) -> Order:
    zero = Decimal(0)
    return Order(
        order_id=0,
        account=context.account,
        command=command,
        client_order_id=command.client_order_id,
        status=OrderStatus.NEW,
        quantity=command.quantity or zero,
        price=command.price or zero,
        time_ms=context.now_ms,
        update_ms=context.now_ms,
        orig_type=command.type,
    )


def amend(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``PUT /fapi/v1/order``: new price and quantity for a LIMIT order, which keeps its id."""
    listing = read_listing(context, params)
    order_id, client_id = read_target(params)
    side = params.enum("side", Side)
    quantity, price = _read_amendment(params)
    order = context.exchange.amend(
        context.account,
        listing.symbol,
        order_id=order_id,
        client_order_id=client_id,
        side=side,
        quantity=quantity,
        price=price,
    )
    return commanded_order(order, figures_of(listing.instrument))


def _read_amendment(params: Params) -> tuple[Decimal, Decimal]:
    if params.text("priceMatch", "NONE") != "NONE":
        raise invalid("priceMatch")
    return params.decimal("quantity"), params.decimal("price")


def cancel(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``DELETE /fapi/v1/order``."""
    listing = read_listing(context, params)
    order_id, client_id = read_target(params)
    order = context.exchange.cancel(context.account, listing.symbol, order_id=order_id, client_order_id=client_id)
    return commanded_order(order, figures_of(listing.instrument))


def cancel_all(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``DELETE /fapi/v1/allOpenOrders``."""
    context.exchange.cancel_all(context.account, read_listing(context, params).symbol)
    return dict(ALL_CANCELLED)


def count_down(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``POST /fapi/v1/countdownCancelAll``; a ``countdownTime`` of 0 ends the countdown."""
    symbol = read_listing(context, params).symbol
    length = params.integer("countdownTime", low=0)
    context.countdowns.set(context.account, symbol, context.now_ms + length if length else None)
    return {"symbol": symbol, "countdownTime": str(length)}


def ask(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/order``."""
    listing = read_listing(context, params)
    order_id, client_id = read_target(params)
    order = context.exchange.order(context.account, listing.symbol, order_id=order_id, client_order_id=client_id)
    return found_order(order, figures_of(listing.instrument))


def ask_open(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/openOrder``: -2013 also for an order that is no longer open."""
    listing = read_listing(context, params)
    order_id, client_id = read_target(params)
    order = context.exchange.order(context.account, listing.symbol, order_id=order_id, client_order_id=client_id)
    if not order.status.is_open:
        raise Refusal(-2013, "Order does not exist.")
    return found_order(order, figures_of(listing.instrument))


def ask_all_open(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/openOrders``."""
    orders = context.exchange.open_orders(context.account, read_maybe_symbol(context, params))
    return [found_order(order, figures_for(context, order.command.symbol)) for order in orders]


def ask_all(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/allOrders``: with ``orderId`` the oldest from there on, else of the last seven days."""
    listing = read_listing(context, params)
    figures, since = figures_of(listing.instrument), params.integer("orderId", None)
    rows = context.exchange.orders(context.account, listing.symbol)
    if since is None:
        page = read_recent(params, context.now_ms).pick(rows, lambda order: order.time_ms)
    else:
        page = [order for order in rows if order.order_id >= since][: read_span(params).limit]
    return [found_order(order, figures) for order in page]


def ask_fills(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/userTrades``: with ``fromId`` the oldest from there on, else of the last seven days."""
    listing = read_listing(context, params)
    figures, since, order_id = figures_of(listing.instrument), _read_from_id(params), params.integer("orderId", None)
    rows = [
        fill
        for fill in context.exchange.fills(context.account, listing.symbol)
        if (order_id is None or fill.order_id == order_id) and (since is None or fill.trade_id >= since)
    ]
    if since is None:
        page = read_recent(params, context.now_ms).pick(rows, lambda fill: fill.time_ms)
    else:
        page = rows[: read_span(params).limit]
    return [found_fill(fill, figures) for fill in page]


def _read_from_id(params: Params) -> int | None:
    since = params.integer("fromId", None)
    if since is not None and ("startTime" in params or "endTime" in params):
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    return since


def ask_order_limits(context: Context, _params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/rateLimit/order``."""
    return [rate for rate in context.limiter.rate_limits() if rate["rateLimitType"] == "ORDERS"]
