"""The WebSocket shell on a real port, with a feed that says what a test says."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import WSMsgType, web

from opslab.venue.faults.gate import FaultGate
from opslab.venue.handles import Handles
from opslab.venue.server import Server
from opslab.venue.stream.hub import Hub
from opslab.venue.stream.listen_keys import ListenKey, ListenKeys
from opslab.venue.stream.rules import FUTURES_RULES, SocketRules
from opslab.venue.stream.sockets import Sockets
from opslab.venue.wire import Reply, WireLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from opslab.venue.http.admission import RawRequest
    from opslab.venue.wire import WireRecord

WAIT = 10.0
"""Seconds after which a test gives up."""


@dataclass
class Said:
    """A change that stands for an exchange's: of a symbol, or of an account."""

    symbol: str = ""
    account: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def event(self) -> Said:
        return self


class SayingFeed:
    """Every stream of a symbol carries what the test says."""

    def account_messages(self, event: Said) -> list[dict[str, Any]]:
        return [event.data]

    def market_message(self, stream: str, published: Said) -> Any:
        return published.data

    def expired_message(self, key: Any) -> dict[str, Any]:
        return {"e": "listenKeyExpired", "listenKey": key.key}


class Now:
    """The venue's time, which a test moves."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return int(time.time() * 1000) + self.ahead_ms


class EchoDesk:
    """Answers requests without a core."""

    def __init__(self) -> None:
        self.seen: list[RawRequest] = []
        self.outcome: Any = None

    async def handle(self, raw: RawRequest) -> Any:
        self.seen.append(raw)
        if self.outcome is not None:
            return self.outcome
        return Reply(
            200, {"path": raw.path, "query": raw.query.decode("latin-1"), "body": len(raw.body)}, {"X-Own": "1"}
        )


@dataclass
class Stand:
    """A running shell."""

    http: str
    ws: str
    hub: Hub
    keys: ListenKeys
    gate: FaultGate
    wire: WireLog
    desk: EchoDesk
    now: Now
    server: Server
    client: aiohttp.ClientSession
    connected: list[aiohttp.ClientWebSocketResponse] = field(default_factory=list)

    async def connect(self, path: str, **settings: Any) -> aiohttp.ClientWebSocketResponse:
        settings.setdefault("autoping", False)
        ws = await self.client.ws_connect(self.ws + path, timeout=aiohttp.ClientWSTimeout(ws_close=1.0), **settings)
        self.connected.append(ws)
        return ws

    def say(self, symbol: str, **data: Any) -> None:
        self.hub.published(Said(symbol=symbol, data=data))  # type: ignore[arg-type]

    def report(self, account: str, **data: Any) -> None:
        self.hub.ledger_event(Said(account=account, data=data))  # type: ignore[arg-type]

    async def record(
        self, kind: str, wanted: Callable[[WireRecord], bool] = lambda _: True, since: int = 0
    ) -> WireRecord:
        """Return the first such record, waiting for it."""
        found = await asyncio.to_thread(
            self.wire.wait_for, lambda record: record.kind == kind and wanted(record), WAIT, since
        )
        assert found is not None, f"no {kind} came"
        return found


@contextlib.asynccontextmanager
async def stand(rules: SocketRules = FUTURES_RULES, **changes: Any) -> AsyncIterator[Stand]:
    now, numbers = Now(), itertools.count(1)
    wire = WireLog(now)
    gate = FaultGate(wire)

    def ended(key: ListenKey) -> None:
        hub.ended(key)

    keys = ListenKeys(now, lambda: f"{next(numbers):064d}", on_close=ended)
    hub = Hub(SayingFeed(), keys, gate.leaving, wire)  # type: ignore[arg-type]
    gate.levers = Handles(None, hub, keys, None, ("a", "b"))  # type: ignore[arg-type]
    desk = EchoDesk()
    sockets = Sockets(hub, keys, gate, replace(rules, **changes), wire, now)

    async def no_control(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=404)

    def note(error: Exception, place: str) -> None:
        wire.add("error", error=repr(error), place=place)

    server = Server(desk, sockets, no_control, note)  # type: ignore[arg-type]
    host, port = await server.start("127.0.0.1", 0)
    place, most = f"{host}:{port}", aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=most, timeout=aiohttp.ClientTimeout(WAIT)) as client:
        at = Stand(f"http://{place}", f"ws://{place}", hub, keys, gate, wire, desk, now, server, client)
        try:
            yield at
        finally:
            gate.heal_all()
            await server.stop()
            await asyncio.gather(*(ws.close() for ws in at.connected))


async def texts(ws: aiohttp.ClientWebSocketResponse, count: int) -> list[Any]:
    return [json.loads((await ws.receive()).data) for _ in range(count)]


async def ask(ws: aiohttp.ClientWebSocketResponse, method: str, *params: str, identity: int = 1) -> Any:
    await ws.send_json({"method": method, "params": list(params), "id": identity})
    return await ws.receive_json()


async def ended(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    """Read to the end and return the close code, None when the connection broke."""
    while True:
        message = await ws.receive()
        if message.type is WSMsgType.CLOSE:
            return int(message.data)
        if message.type in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
            return None if ws.close_code == 1006 else ws.close_code
