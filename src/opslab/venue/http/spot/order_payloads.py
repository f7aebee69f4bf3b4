"""Spot orders and trades as the HTTP and WebSocket APIs answer them.

Source: Binance, *Trading endpoints* and *Account endpoints* of the spot REST API. An order never bears
``workingType``: it is a futures field, and spot clients choke on it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.stream.figures import amount
from opslab.venue.stream.spot_events import cancel_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.venue.orders import Fill, Order
    from opslab.venue.stream.figures import Figures

NO_LIST = -1
"""``orderListId`` of an order that is in no list; there are no lists here."""


def acknowledged(order: Order) -> dict[str, Any]:
    """Return the ``ACK`` answer to a new order."""
    return {
        "symbol": order.command.symbol,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.client_order_id,
        "transactTime": order.update_ms,
    }


def result(order: Order, figures: Figures) -> dict[str, Any]:
    """Return the ``RESULT`` answer to a new order."""
    answer = acknowledged(order) | _state(order, figures)
    if order.is_working:
        answer["workingTime"] = order.time_ms
    if order.command.stop_price is not None:
        answer["stopPrice"] = figures.price(order.command.stop_price)
    return answer


def full(order: Order, fills: Iterable[Fill], figures: Figures) -> dict[str, Any]:
    """Return the ``FULL`` answer to a new order: with what it filled at once."""
    return result(order, figures) | {"fills": [_own_fill(fill, figures) for fill in fills]}


def found(order: Order, figures: Figures) -> dict[str, Any]:
    """Return an order as queries answer it."""
    return {
        "symbol": order.command.symbol,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": order.client_order_id,
        **_state(order, figures),
        "stopPrice": figures.price(order.command.stop_price),
        "icebergQty": figures.size(None),
        "time": order.time_ms,
        "updateTime": order.update_ms,
        "isWorking": order.is_working,
        "workingTime": order.time_ms if order.is_working else -1,
    }


def cancelled(order: Order, figures: Figures, request_id: str | None = None) -> dict[str, Any]:
    """Return the answer to a cancel.

    Args:
        order: as it stands after it.
        figures: writes its numbers.
        request_id: what the client calls the cancel itself; the venue makes one where it sent none.
    """
    return {
        "symbol": order.command.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": NO_LIST,
        "clientOrderId": request_id or cancel_id(order),
        "transactTime": order.update_ms,
        **_state(order, figures),
    }


def trade(fill: Fill, figures: Figures) -> dict[str, Any]:
    """Return a fill as ``myTrades`` answers it."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": NO_LIST,
        "price": figures.price(fill.price),
        "qty": figures.size(fill.quantity),
        "quoteQty": amount(fill.price * fill.quantity),
        "commission": amount(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.time_ms,
        "isBuyer": fill.side.sign > 0,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def _state(order: Order, figures: Figures) -> dict[str, Any]:
    command = order.command
    return {
        "price": figures.price(order.price),
        "origQty": figures.size(order.quantity),
        "executedQty": figures.size(order.executed),
        "origQuoteOrderQty": amount(command.quote_quantity or Decimal(0)),
        "cummulativeQuoteQty": amount(order.cumulative_quote),
        "status": order.status.value,
        "timeInForce": command.time_in_force.value if command.time_in_force else "GTC",
        "type": order.orig_type.value,
        "side": command.side.value,
        "selfTradePreventionMode": command.stp_mode,
    }


def _own_fill(fill: Fill, figures: Figures) -> dict[str, Any]:
    return {
        "price": figures.price(fill.price),
        "qty": figures.size(fill.quantity),
        "commission": amount(fill.commission),
        "commissionAsset": fill.commission_asset,
        "tradeId": fill.trade_id,
    }
