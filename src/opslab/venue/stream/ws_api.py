"""The spot WebSocket API, free of any framework: text in, messages out.

One ``ApiConnection`` a socket. ``await connection.answer(text)`` gives the messages to send, in order: the response,
then what the request ended. Or ``Hang`` (send nothing, keep the socket) or ``Reset`` (abort it), as a fault wants.
Requests go through the desk under method ``WS``, so that weights, signatures, faults and the wire log are those of
HTTP. The desk's routes must contain ``WS_ROUTES``.

An account's events leave as ``connection.events(account, payload)``, one message for each subscription of that account.
``visible(message)`` is a message as a log may keep it.

Source: Binance, *WebSocket API for Binance* (spot): request and response format, session authentication.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opslab.venue.http.form import shown, texts
from opslab.venue.http.params import mandatory
from opslab.venue.http.spot.routes import socket_routes
from opslab.venue.refusal import Refusal
from opslab.venue.stream.documents import read_document
from opslab.venue.stream.session import SESSION_ROUTES, Session, asking
from opslab.venue.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.faults.base import Hang, Reset
    from opslab.venue.http.admission import Desk

WS_ROUTES = (*socket_routes(), *SESSION_ROUTES)
"""Every method of the WebSocket API, as routes for the desk."""

_METHODS = frozenset(route.path for route in WS_ROUTES)
_ORDERING = frozenset({"order.place", "order.cancelReplace", "account.rateLimits.orders"})
_KEYED = frozenset({"session.logon", "session.status", "session.logout"})
_SECRETS = frozenset({"apiKey", "listenKey"})
_LONGEST_ID = 36
_OK, _TOO_MANY, _BANNED = 200, 429, 418


class ApiConnection:
    """Answers one connection's requests.

    Args:
        desk: admits and answers.
        now_ms: the venue's time.
        remote: address and port of the client.
        returns_limits: the address's ``returnRateLimits``.
        takes_hmac_logon: see ``Session``.
        note: is told of a defect of ours, and where it showed.
    """

    def __init__(
        self,
        desk: Desk,
        now_ms: Callable[[], int],
        remote: str = "",
        *,
        note: Callable[[Exception, str], None] = lambda *_: None,
        returns_limits: bool = True,
        takes_hmac_logon: bool = True,
    ) -> None:
        self._desk, self._now_ms, self._remote, self._note = desk, now_ms, remote, note
        self.session = Session(now_ms(), returns_limits=returns_limits, takes_hmac_logon=takes_hmac_logon)

    async def answer(self, text: str | bytes) -> list[dict[str, Any]] | Hang | Reset:
        """Return what to send for a message of the client; never raises because of what it sent."""
        identity: int | str | None = None
        try:
            request = _decoded(text)
            identity = _identity(request)
            method, params = _method(request), _params(request)
        except Refusal as refusal:
            reply = Reply(refusal.status, refusal.body())
            return [self._envelope(identity, reply, None, None, returns_limits=self.session.returns_limits)]
        try:
            return await self._outcome(identity, method, params)
        except Exception as error:  # noqa: BLE001 - whatever it is, a client that waits for this id gets an answer
            self._note(error, f"WS {shown(method)}")
            return [failed(identity)]

    async def _outcome(
        self, identity: int | str | None, method: str, params: dict[str, str]
    ) -> list[dict[str, Any]] | Hang | Reset:
        token = asking.set(self.session)
        try:
            outcome = await self._desk.call(
                method, params, remote=self._remote, account=None if "apiKey" in params else self.session.account
            )
        finally:
            asking.reset(token)
        if not isinstance(outcome, Reply):
            return outcome
        returns_limits = params.get("returnRateLimits", str(self.session.returns_limits)).lower() != "false"
        response = self._envelope(identity, outcome, method, self._counted(params), returns_limits=returns_limits)
        return [response, *self.session.farewells(self._now_ms())]

    def events(self, account: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """Return an account's event, wrapped once for each of its subscriptions here."""
        return self.session.wrapped(account, payload)

    def end_streams(self) -> list[dict[str, Any]]:
        """End every user stream of the connection, as the venue does at times, and return the last events."""
        self.session.end(None)
        return self.session.farewells(self._now_ms())

    def _envelope(
        self, identity: int | str | None, reply: Reply, method: str | None, account: str | None, *, returns_limits: bool
    ) -> dict[str, Any]:
        message: dict[str, Any] = {"id": identity, "status": reply.status}
        if reply.status != _OK:
            message["error"] = self._error(reply, method)
        elif method in _KEYED and isinstance(reply.body, dict):
            message["result"] = {"apiKey": self.session.api_key, **reply.body}
        else:
            message["result"] = reply.body
        if returns_limits:
            message["rateLimits"] = self._limits(method, account)
        return message

    def _error(self, reply: Reply, method: str | None) -> Any:
        """Return an error; of a limit it says when to come again (source: "Rate limits" of the WebSocket API)."""
        if method is not None and method not in _METHODS:
            return _unknown(method)
        seconds = reply.headers.get("Retry-After", "")
        if reply.status not in (_TOO_MANY, _BANNED) or not isinstance(reply.body, dict) or not seconds.isdecimal():
            return reply.body
        now_ms = self._now_ms()
        return {**reply.body, "data": {"serverTime": now_ms, "retryAfter": now_ms + int(seconds) * 1000}}

    def _counted(self, params: dict[str, str]) -> str | None:
        """Return whose orders a request counts as."""
        if "apiKey" not in params:
            return self.session.account
        try:
            return self._desk.keyring.account(params["apiKey"])
        except Refusal:
            return None

    def _limits(self, method: str | None, account: str | None) -> list[dict[str, Any]]:
        limiter = self._desk.limiter
        address = self._remote.rpartition(":")[0] or self._remote
        weights = limiter.weight_counts(address)
        return [*limiter.order_counts(account), *weights] if method in _ORDERING and account else weights


def failed(identity: object) -> dict[str, Any]:
    """Return the answer to a request that met a defect of ours."""
    body = {"code": -1000, "msg": "An unknown error occurred while processing the request."}
    return {"id": identity, "status": 500, "error": body}


def _unknown(method: str) -> dict[str, Any]:
    return Refusal(-5000, f"Method {shown(method)} is invalid", 404).body()


def visible(message: dict[str, Any]) -> dict[str, Any]:
    """Return a response without keys, for a log; any other message as it is."""
    result = message.get("result")
    if not isinstance(result, dict) or _SECRETS.isdisjoint(result):
        return message
    masked = {name: "***" if name in _SECRETS and value else value for name, value in result.items()}
    return message | {"result": masked}


def _decoded(text: str | bytes) -> dict[str, Any]:
    try:
        request = read_document(text, _Digits)
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise Refusal(-1135, "Invalid JSON Request")
    return request


class _Digits(str):
    """A JSON number with a fraction, as it was written: 0.10 is signed as 0.10, not as 0.1."""

    __slots__ = ()


def _identity(request: dict[str, Any]) -> int | str | None:
    if "id" not in request:
        raise mandatory("id")
    found = request["id"]
    if found is None or (isinstance(found, int) and not isinstance(found, bool) and -(1 << 63) <= found < 1 << 63):
        return found
    if isinstance(found, str) and not isinstance(found, _Digits) and len(found) <= _LONGEST_ID:
        return found
    raise Refusal(-1100, "Illegal characters found in parameter 'id'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.")


def _method(request: dict[str, Any]) -> str:
    method = request.get("method")
    if not isinstance(method, str) or isinstance(method, _Digits) or not method:
        raise mandatory("method")
    return method.removeprefix("v3/")


def _params(request: dict[str, Any]) -> dict[str, str]:
    params = request.get("params")
    if params is None:
        return {}
    if not isinstance(params, dict):
        raise Refusal(-1135, "JSON sent for parameter 'params' is not valid")
    return texts({name: _flat(value) for name, value in params.items()})


def _flat(value: Any) -> Any:
    """A list reads as its JSON text, as over HTTP, where it is sent as such."""
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list) else value
