"""What a connection to the spot WebSocket API remembers: who logged on, and which user streams it has.

The desk answers session methods like any other; their handlers find the session that asks in ``asking``.
"""

from __future__ import annotations

import itertools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opslab.venue.http.routing import Context, Route, Security
from opslab.venue.refusal import Refusal
from opslab.venue.stream.spot_events import stream_terminated

if TYPE_CHECKING:
    from opslab.venue.http.params import Params

MOST_SUBSCRIPTIONS = 1_000
"""User streams on one connection."""

asking: ContextVar[Session] = ContextVar("asking")
"""The session whose request is being answered."""


class Session:
    """State of one connection.

    Args:
        connected_ms: when it was opened.
        returns_limits: whether answers bear ``rateLimits`` unless a request says otherwise.
        takes_hmac_logon: whether ``session.logon`` takes HMAC keys; Binance takes Ed25519 keys only, but
            NautilusTrader's adapter logs on with whatever key it has.
    """

    def __init__(self, connected_ms: int, *, returns_limits: bool = True, takes_hmac_logon: bool = True) -> None:
        self.connected_ms = connected_ms
        self.returns_limits = returns_limits
        self.takes_hmac_logon = takes_hmac_logon
        self.account: str | None = None
        self.api_key: str | None = None
        self.authorized_ms: int | None = None
        self._streams: dict[int, str] = {}
        self._signed: set[int] = set()
        self._numbers = itertools.count()
        self._ended: list[int] = []

    @property
    def subscriptions(self) -> dict[int, str]:
        """The user streams: number of the subscription, and the account."""
        return dict(self._streams)

    def log_on(self, account: str, api_key: str, now_ms: int) -> None:
        """Take requests from now on as those of an account."""
        self.account, self.api_key, self.authorized_ms = account, api_key, now_ms

    def log_out(self) -> None:
        """Forget who logged on; the user streams of the logon end, those with a signature of their own do not."""
        self.account = self.api_key = self.authorized_ms = None
        for number in [number for number in self._streams if number not in self._signed]:
            self.end(number)

    def subscribe(self, account: str, *, is_signed: bool) -> int:
        """Begin a user stream, of the logon or with a signature of its own, and return its number.

        Raises:
            Refusal: -1191, too many.
        """
        if len(self._streams) >= MOST_SUBSCRIPTIONS:
            raise Refusal(
                -1191,
                f"Too many subscriptions. Connection may create up to {MOST_SUBSCRIPTIONS} subscriptions at a time.",
            )
        number = next(self._numbers)
        self._streams[number] = account
        if is_signed:
            self._signed.add(number)
        return number

    def end(self, number: int | None) -> None:
        """End a user stream, or all of them; ``farewells`` tells the client.

        Raises:
            Refusal: -1130, there is no such stream.
        """
        if number is not None and number not in self._streams:
            raise Refusal(-1130, "Data sent for parameter 'subscriptionId' is not valid.")
        for gone in [number] if number is not None else list(self._streams):
            del self._streams[gone]
            self._signed.discard(gone)
            self._ended.append(gone)

    def farewells(self, now_ms: int) -> list[dict[str, Any]]:
        """Return ``eventStreamTerminated`` for every stream that ended since the last call."""
        ended, self._ended = self._ended, []
        return [{"subscriptionId": number, "event": stream_terminated(now_ms)} for number in ended]

    def wrapped(self, account: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """Return an account's event as it leaves on this connection: once a subscription, none without one."""
        return [
            {"subscriptionId": number, "event": payload} for number, whose in self._streams.items() if whose == account
        ]

    def facts(self, now_ms: int) -> dict[str, Any]:
        """Return the session as ``session.status`` tells it, without the key, which no log may hold."""
        return {
            "authorizedSince": self.authorized_ms,
            "connectedSince": self.connected_ms,
            "returnRateLimits": self.returns_limits,
            "serverTime": now_ms,
            "userDataStream": bool(self._streams),
        }


def _log_on(context: Context, params: Params) -> dict[str, Any]:
    session = asking.get()
    if not session.takes_hmac_logon:
        raise Refusal(-4056, "HMAC_SHA256 API key is not supported.")
    session.log_on(context.account, params.text("apiKey"), context.now_ms)
    return session.facts(context.now_ms)


def _status(context: Context, _params: Params) -> dict[str, Any]:
    return asking.get().facts(context.now_ms)


def _log_out(context: Context, _params: Params) -> dict[str, Any]:
    session = asking.get()
    session.log_out()
    return session.facts(context.now_ms)


def _subscribe(context: Context, _params: Params) -> dict[str, int]:
    if not context.account:
        raise Refusal(-1002, "You are not authorized to execute this request.", 401)
    return {"subscriptionId": asking.get().subscribe(context.account, is_signed=False)}


def _subscribe_signed(context: Context, _params: Params) -> dict[str, int]:
    return {"subscriptionId": asking.get().subscribe(context.account, is_signed=True)}


def _unsubscribe(_context: Context, params: Params) -> dict[str, Any]:
    asking.get().end(params.integer("subscriptionId", None, low=0))
    return {}


def _subscriptions(_context: Context, _params: Params) -> list[dict[str, int]]:
    return [{"subscriptionId": number} for number in asking.get().subscriptions]


def _route(name: str, security: Security, handler: Any, *names: str) -> Route:
    return Route("WS", name, security, 2, handler, names=frozenset({*names, "returnRateLimits"}))


SESSION_ROUTES = (
    _route("session.logon", Security.SIGNED, _log_on),
    _route("session.status", Security.NONE, _status),
    _route("session.logout", Security.NONE, _log_out),
    _route("session.subscriptions", Security.NONE, _subscriptions),
    _route("userDataStream.subscribe", Security.NONE, _subscribe),
    _route("userDataStream.subscribe.signature", Security.SIGNED, _subscribe_signed),
    _route("userDataStream.unsubscribe", Security.NONE, _unsubscribe, "subscriptionId"),
)
"""Methods about the connection itself. Source: Binance, *WebSocket API*, session and user data stream requests."""
