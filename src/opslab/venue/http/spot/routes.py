"""All routes of spot: over HTTP, and the same handlers under the method names of the WebSocket API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opslab.venue.http.spot.account_routes import ACCOUNT_ROUTES
from opslab.venue.http.spot.market_routes import MARKET_ROUTES
from opslab.venue.http.spot.order_routes import ORDER_ROUTES
from opslab.venue.http.spot.start_routes import START_ROUTES

if TYPE_CHECKING:
    from opslab.venue.http.routing import Route

HTTP_ROUTES: tuple[Route, ...] = (*MARKET_ROUTES, *ORDER_ROUTES, *ACCOUNT_ROUTES, *START_ROUTES)
"""What a spot venue answers over HTTP."""

_METHODS = {
    "ping": "GET /api/v3/ping",
    "time": "GET /api/v3/time",
    "exchangeInfo": "GET /api/v3/exchangeInfo",
    "depth": "GET /api/v3/depth",
    "trades.recent": "GET /api/v3/trades",
    "trades.historical": "GET /api/v3/historicalTrades",
    "trades.aggregate": "GET /api/v3/aggTrades",
    "klines": "GET /api/v3/klines",
    "uiKlines": "GET /api/v3/uiKlines",
    "avgPrice": "GET /api/v3/avgPrice",
    "ticker.24hr": "GET /api/v3/ticker/24hr",
    "ticker.price": "GET /api/v3/ticker/price",
    "ticker.book": "GET /api/v3/ticker/bookTicker",
    "order.place": "POST /api/v3/order",
    "order.test": "POST /api/v3/order/test",
    "order.status": "GET /api/v3/order",
    "order.cancel": "DELETE /api/v3/order",
    "order.cancelReplace": "POST /api/v3/order/cancelReplace",
    "openOrders.status": "GET /api/v3/openOrders",
    "openOrders.cancelAll": "DELETE /api/v3/openOrders",
    "allOrders": "GET /api/v3/allOrders",
    "myTrades": "GET /api/v3/myTrades",
    "account.status": "GET /api/v3/account",
    "account.commission": "GET /api/v3/account/commission",
    "account.rateLimits.orders": "GET /api/v3/rateLimit/order",
    "userDataStream.start": "POST /api/v3/userDataStream",
    "userDataStream.ping": "PUT /api/v3/userDataStream",
    "userDataStream.stop": "DELETE /api/v3/userDataStream",
}
"""Method names of the WebSocket API and the request over HTTP that asks the same. Source: Binance, *WebSocket API*."""


def socket_routes() -> tuple[Route, ...]:
    """Return the routes of the WebSocket API that have a counterpart over HTTP; they take ``returnRateLimits`` too."""
    known = {f"{route.method} {route.path}": route for route in HTTP_ROUTES}
    return tuple(
        replace(
            known[asked],
            method="WS",
            path=name,
            names=(known[asked].names or frozenset()) | {"returnRateLimits"},
        )
        for name, asked in _METHODS.items()
    )
