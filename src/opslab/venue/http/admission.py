"""The desk: everything that happens to a request between the socket and the core, and to its reply on the way back.

Framework-free: bytes in, a reply (or a hang, or a reset) out. Steps, in this order: size, parameters, route, weight and
ban, key, signature, time, order count, fault gate, handler, fault gate. A refused request leaves the ledger as it was.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from opslab.venue.faults.base import Hang, Reset
from opslab.venue.http.countdowns import Countdowns
from opslab.venue.http.credentials import Keyring
from opslab.venue.http.form import merged
from opslab.venue.http.limits import Limiter, LimitSettings, default_limits
from opslab.venue.http.params import Params
from opslab.venue.http.recording import error_facts, reply_facts, visible_params
from opslab.venue.http.routing import Context, ListenKeys, Route, RouteTable, Security, cost
from opslab.venue.http.signature import http_payload, socket_payload
from opslab.venue.refusal import Refusal
from opslab.venue.wire import Reply, Request
from opslab.venue.writing import Unwritable, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opslab.venue.exchange import Exchange
    from opslab.venue.orders import AccountSetup, Market
    from opslab.venue.wire import WireLog

type Outcome = Reply | Hang | Reset
"""What becomes of a request: an answer, silence, or an aborted connection."""
MAX_BODY_BYTES = 65_536
"""A larger body is refused with 413 before it is read."""
MAX_URL_BYTES = 8_192
"""A longer path and query is refused with 414."""
_READ_ONLY = frozenset({"GET", "HEAD"})


class Gate(Protocol):
    """The faults' door to requests and replies; see ``faults.gate``."""

    async def before(self, request: Request) -> Outcome | None:
        """Decide on a request before the core sees it; None lets it pass."""
        ...

    async def after(self, request: Request, reply: Reply) -> Outcome:
        """Decide on a reply; what was asked for has happened."""
        ...


class RawRequest(Struct, frozen=True):
    """A request as it came off the socket.

    Attributes:
        method: in capitals.
        path: decoded, without the query.
        query: the query string's bytes as received, without ``?``.
        headers: names in any case.
        body: the body's bytes as received.
        remote: the client's address and port, ``127.0.0.1:50312``.
    """

    method: str
    path: str
    query: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    remote: str = ""

    def header(self, name: str) -> str:
        """Return a header's value, empty where it was not sent."""
        value = self.headers.get(name)
        if value is not None:
            return value
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")

    @property
    def address(self) -> str:
        """Return the client's address without the port."""
        return self.remote.rpartition(":")[0] or self.remote


@dataclass(slots=True)
class _Arrival:
    """What of a request is needed to judge it, the same for HTTP and the WebSocket API.

    ``request`` is made once, when it is known whose it is.
    """

    number: int
    route: Route
    values: Mapping[str, str]
    shown: dict[str, str]
    api_key: str
    payload: bytes
    remote: str
    address: str
    account: str | None = None
    is_trusted: bool = False

    def request(self) -> Request:
        route = self.route
        return Request(self.number, route.method, route.path, self.shown, self.account, self.remote)


class Desk:
    """Admits requests and answers them.

    Args:
        market: which API this is.
        exchange: the core.
        routes: the endpoints.
        accounts: whose keys are known.
        now_ms: the venue's time.
        wire: where requests, replies and errors are written.
        limits: what a client may use; the market's usual limits if None.
        gate: the faults; none if None.
        listen_keys: user-stream keys.
    """

    def __init__(  # noqa: PLR0913 - the parts that a venue is made of, each needed and each named
        self,
        *,
        market: Market,
        exchange: Exchange,
        routes: Iterable[Route],
        accounts: Sequence[AccountSetup],
        now_ms: Callable[[], int],
        wire: WireLog,
        limits: LimitSettings | None = None,
        gate: Gate | None = None,
        listen_keys: ListenKeys | None = None,
    ) -> None:
        self.limiter = Limiter(limits or default_limits(market), now_ms)
        self.countdowns = Countdowns(exchange.cancel_all)
        self.keyring = Keyring(accounts, market, now_ms)
        self.gate = gate
        self.listen_keys = listen_keys
        self._exchange, self._now_ms, self._wire = exchange, now_ms, wire
        self._table = RouteTable(routes)
        self._numbers = itertools.count(1)

    def tick(self) -> None:
        """Let time pass: countdowns that are due cancel orders. The venue calls it with its timer."""
        self.countdowns.tick(self._now_ms())

    async def handle(self, raw: RawRequest) -> Outcome:
        """Answer a request over HTTP; never raises because of what a client sent."""
        number, address = next(self._numbers), raw.address
        shown: dict[str, str] = {}
        try:
            _check_size(raw)
            body = b"" if raw.method in _READ_ONLY else raw.body
            values = merged(raw.query, body, raw.header("Content-Type") if body else "")
            shown = visible_params(values)
            route = self._table.find(raw.method, raw.path)
        except Refusal as refusal:
            request = Request(number, raw.method, raw.path[:MAX_URL_BYTES], shown, None, raw.remote)
            return self._refused(request, refusal, address)
        payload = http_payload(raw.query, body) if route.security is Security.SIGNED else b""
        api_key = "" if route.security is Security.NONE else raw.header("X-MBX-APIKEY")
        return await self._safely(_Arrival(number, route, values, shown, api_key, payload, raw.remote, address))

    async def call(
        self, method: str, params: Mapping[str, str], *, remote: str = "", account: str | None = None
    ) -> Outcome:
        """Answer a request over the WebSocket API.

        Args:
            method: such as ``order.place``; it is looked up as a route with method ``WS``.
            params: its parameters as texts (``form.texts``), with ``apiKey`` and ``signature`` where they were sent.
            remote: the client's address and port.
            account: of a session that has logged on; then neither key nor signature is asked for.
        """
        number, shown = next(self._numbers), visible_params(params)
        address = remote.rpartition(":")[0] or remote
        try:
            route = self._table.find("WS", method)
        except Refusal as refusal:
            return self._refused(Request(number, "WS", method[:200], shown, account, remote), refusal, address)
        payload = socket_payload(params) if route.security is Security.SIGNED else b""
        arrival = _Arrival(number, route, params, shown, params.get("apiKey", ""), payload, remote, address)
        arrival.account, arrival.is_trusted = account, account is not None
        return await self._safely(arrival)

    async def _safely(self, arrival: _Arrival) -> Outcome:
        """Answer -1000 to a defect of ours: it must not take the venue down, and tests read of it in the wire log."""
        try:
            return await self._serve(arrival)
        except Exception as error:  # noqa: BLE001 - the last door before the socket
            return self._failed(arrival.request(), error)

    async def _serve(self, arrival: _Arrival) -> Outcome:
        route, params = arrival.route, Params(arrival.values)
        try:
            orders = self._admit(arrival, params)
        except Refusal as refusal:
            return self._refused(arrival.request(), refusal, arrival.address)
        admitted_ms, request = self._now_ms(), arrival.request()
        self._log_request(request)
        touched = None if self.gate is None else await self.gate.before(request)
        outcome = self._answer(route, request, params, arrival.address, admitted_ms) if touched is None else touched
        if isinstance(outcome, Reply):
            told = self.limiter.headers(arrival.address, request.account, with_orders=orders > 0)
            answer = outcome = Reply(outcome.status, outcome.body, told | outcome.headers)
            if self.gate is not None and touched is None:
                outcome = await self.gate.after(request, outcome)
            if touched is not None or outcome is not answer:
                outcome = self._sendable(request, outcome)
        self._wire.add("reply", **reply_facts(request, outcome, is_bulk=route.is_bulk, is_fault=touched is not None))
        return outcome

    def _admit(self, arrival: _Arrival, params: Params) -> int:
        """Check and count everything that comes before the core, and return how many orders the request places.

        Raises:
            Refusal: it is not let in.
        """
        route = arrival.route
        self.limiter.admit(arrival.address, cost(route.weight, params))
        if route.security is not Security.NONE and not arrival.is_trusted:
            arrival.account = self.keyring.account(arrival.api_key)
        if route.security is Security.SIGNED:
            if not arrival.is_trusted:
                self.keyring.check_signature(arrival.api_key, arrival.payload, params)
            self.keyring.check_time(params)
        route.check_names(params)
        orders = cost(route.orders, params)
        if orders and arrival.account is not None:
            self.limiter.count_orders(arrival.account, orders)
        return orders

    def _answer(self, route: Route, request: Request, params: Params, address: str, admitted_ms: int) -> Reply:
        """Ask the core; the time is checked again if it went on, since a fault may have held the request too long."""
        now = self._now_ms()
        try:
            if now != admitted_ms and route.security is Security.SIGNED:
                self.keyring.check_time(params)
            self.countdowns.tick(now)
            body = route.handler(self._context(request.account, address, now), params)
        except Refusal as refusal:
            return Reply(refusal.status, refusal.body(), dict(refusal.headers))
        except Exception as error:  # noqa: BLE001 - as in _safely; here the faults still see the reply
            return self._failed(request, error)
        return body if isinstance(body, Reply) else Reply(200, body)

    def _sendable(self, request: Request, outcome: Outcome) -> Outcome:
        """Return what can be sent, so that the wire log tells what was: a fault may have put anything into a reply."""
        try:
            if isinstance(outcome, Reply) and not isinstance(outcome.body, (str, bytes)):
                written(outcome.body)
        except Unwritable as error:
            return self._failed(request, error)
        return outcome

    def _failed(self, request: Request, error: Exception) -> Reply:
        self._wire.add("error", **error_facts(request, error))
        return Reply(500, {"code": -1000, "msg": "An unknown error occurred while processing the request."})

    def _context(self, account: str | None, address: str, now_ms: int) -> Context:
        return Context(self._exchange, account or "", now_ms, self.limiter, self.countdowns, self.listen_keys, address)

    def _log_request(self, request: Request) -> None:
        self._wire.add(
            "request",
            number=request.number,
            method=request.method,
            path=request.path,
            params=request.params,
            account=request.account,
            remote=request.remote,
        )

    def _refused(self, request: Request, refusal: Refusal, address: str) -> Reply:
        """Answer a request that was not let in; it is logged all the same."""
        self._log_request(request)
        told = self.limiter.headers(address, request.account, with_orders=False)
        reply = Reply(refusal.status, refusal.body(), told | refusal.headers)
        self._wire.add("reply", **reply_facts(request, reply, is_bulk=False, is_fault=False))
        return reply


def _check_size(raw: RawRequest) -> None:
    if len(raw.body) > MAX_BODY_BYTES:
        raise Refusal(-1101, f"Too many parameters; the body is longer than {MAX_BODY_BYTES} bytes.", 413)
    if len(raw.path) + len(raw.query) > MAX_URL_BYTES:
        raise Refusal(-1101, f"Too many parameters; the URL is longer than {MAX_URL_BYTES} bytes.", 414)
