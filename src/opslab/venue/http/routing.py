"""Routes: which handler answers which method and path, what it demands and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opslab.venue.exchange import Exchange
    from opslab.venue.http.countdowns import Countdowns
    from opslab.venue.http.limits import Limiter
    from opslab.venue.http.params import Params


class Security(StrEnum):
    """What a request must bear: nothing, a known key, or a key with a signature and a timestamp."""

    NONE = "NONE"
    KEY = "KEY"
    SIGNED = "SIGNED"


class ListenKeys(Protocol):
    """The life cycle of user-stream keys, as the REST endpoints need it."""

    def create(self, account: str) -> str:
        """Return the account's key: a new one, or the living one with its life renewed."""
        ...

    def keepalive(self, account: str, key: str | None = None) -> str:
        """Prolong a key (the account's, if none is named) and return it; raises Refusal -1125 when there is none."""
        ...

    def close(self, account: str, key: str | None = None) -> str:
        """End a key and return it; raises Refusal -1125 when there is none."""
        ...


class Context(Struct, frozen=True):
    """What a handler may use.

    Attributes:
        exchange: the core.
        account: whose key the request bore; empty on a public route.
        now_ms: the venue's time when the request was let in.
        limiter: weights and order counts.
        countdowns: dead man's switches.
        listen_keys: user-stream keys; None on a venue without user streams.
        address: the client's address.
    """

    exchange: Exchange
    account: str
    now_ms: int
    limiter: Limiter
    countdowns: Countdowns
    listen_keys: ListenKeys | None = None
    address: str = ""


type Handler = Callable[[Context, Params], Any]
"""Returns the JSON body of a 200 reply, or raises Refusal."""
type Cost = int | Callable[[Params], int]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    Attributes:
        method: ``GET``, ``POST``...; ``WS`` for the WebSocket API.
        path: as in ``/fapi/v1/order``; the WebSocket API's method name.
        security: what a request must bear.
        weight: what it costs, or how to tell from its parameters; a negative weight is a mistake.
        handler: answers it.
        orders: how many new orders it counts as, or how to tell.
        is_bulk: the reply is long market data, of which the wire log keeps a summary only.
        names: the parameters it takes; others are refused with -1104. None: others are ignored, as futures do.
    """

    method: str
    path: str
    security: Security
    weight: Cost
    handler: Handler
    orders: Cost = 0
    is_bulk: bool = False
    names: frozenset[str] | None = None

    def check_names(self, params: Params) -> None:
        """Refuse parameters that the endpoint does not take.

        Raises:
            Refusal: -1104.
        """
        if self.names is None:
            return
        read = sum(name in self.names or name in _ALWAYS for name in params.values)
        if read < len(params.values):
            message = (
                f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(params.values)}'."
            )
            raise Refusal(-1104, message)


_ALWAYS = frozenset({"timestamp", "recvWindow", "signature", "apiKey"})


def cost(value: Cost, params: Params) -> int:
    """Return a weight or an order count for these parameters."""
    return value if isinstance(value, int) else value(params)


class RouteTable:
    """Finds a route.

    Args:
        routes: all of them.

    Raises:
        ValueError: two routes for one method and path.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[tuple[str, str], Route] = {}
        self._methods: dict[str, list[str]] = {}
        for route in routes:
            if (route.method, route.path) in self._routes:
                raise ValueError(f"two routes for {route.method} {route.path}")
            self._routes[route.method, route.path] = route
            self._methods.setdefault(route.path, []).append(route.method)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def find(self, method: str, path: str) -> Route:
        """Return the route of a request.

        Raises:
            Refusal: -5000, with 404 for an unknown path and 405 for a wrong method, as USD-M futures words both.
        """
        route = self._routes.get((method, path))
        if route is not None:
            return route
        message = f"Path {path[:200]}, Method {method[:16]} is invalid"
        allowed = self._methods.get(path)
        if allowed is None:
            raise Refusal(-5000, message, 404)
        raise Refusal(-5000, message, 405, {"Allow": ", ".join(sorted(allowed))})
