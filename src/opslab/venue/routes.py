"""Which endpoints a market has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.http.futures.routes import futures_routes
from opslab.venue.http.spot.routes import HTTP_ROUTES
from opslab.venue.http.spot.start_routes import START_ROUTES
from opslab.venue.orders import Market
from opslab.venue.stream.ws_api import WS_ROUTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opslab.venue.http.routing import Route

_WALLET = "/sapi/"


def routes_of(market: Market) -> Sequence[Route]:
    """Return the routes of a market, those of the WebSocket API included.

    General clients ask for the wallet's endpoints before they trade futures too.
    """
    if market is Market.SPOT:
        return (*HTTP_ROUTES, *WS_ROUTES)
    own = futures_routes()
    known = {(route.method, route.path) for route in own}
    wallet = [one for one in START_ROUTES if one.path.startswith(_WALLET) and (one.method, one.path) not in known]
    return (*own, *wallet)
