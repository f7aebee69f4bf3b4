"""The WebSocket shell: opens connections, reads what clients send, and notes how each one ended."""

from __future__ import annotations

import asyncio
import itertools
import re
from typing import TYPE_CHECKING, Any

from aiohttp import WebSocketError, WSMsgType, web

from opslab.errors import one_line
from opslab.venue.faults.base import Answer, Close, Reset, Silence
from opslab.venue.stream.connection import ABNORMAL, BROKEN, GOING_AWAY, Connection, reset
from opslab.venue.stream.masks import MaskedWebSocket
from opslab.venue.stream.subscriptions import Subscriptions, too_many
from opslab.venue.wire import Reply, Socket
from opslab.venue.writing import written

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import WSMessage

    from opslab.venue.faults.gate import FaultGate
    from opslab.venue.stream.address import Address
    from opslab.venue.stream.api_door import ApiSocket
    from opslab.venue.stream.hub import Hub
    from opslab.venue.stream.listen_keys import ListenKeys
    from opslab.venue.stream.rules import SocketRules
    from opslab.venue.wire import WireLog

_SECRET = re.compile(r"[A-Za-z0-9]{60,}")
_CLOSE_SECONDS = 1.0
_CLOSED = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)


class Sockets:
    """Keeps the WebSockets of a venue.

    Args:
        hub: says what leaves on them.
        keys: the listen keys, which make a socket a user stream.
        gate: the faults.
        rules: limits of a connection to the streams.
        wire: the wire log.
        now_ms: the venue's time.
        api: makes what answers a connection to the WebSocket API; None: there is none.
    """

    def __init__(
        self,
        hub: Hub,
        keys: ListenKeys,
        gate: FaultGate,
        rules: SocketRules,
        wire: WireLog,
        now_ms: Callable[[], int],
        api: Callable[[Connection, str], ApiSocket] | None = None,
    ) -> None:
        self._hub, self._keys, self._gate, self._rules = hub, keys, gate, rules
        self._wire, self._now_ms, self._api = wire, now_ms, api
        self._numbers = itertools.count(1)
        self._opening = 0

    async def serve(self, request: web.BaseRequest, address: Address, remote: str) -> web.StreamResponse:
        """Serve a WebSocket until it ends."""
        if address.door == "api" and self._api is None:
            return web.Response(status=404, text="this market has no WebSocket API here")
        if len(self._hub.connections) + self._opening >= self._rules.max_sockets:
            return web.Response(status=503, text="too many connections")
        socket = self._named(address, remote)
        effect = await self._asked(socket, address)
        if isinstance(effect, Answer):
            self._ended(socket, effect.reply.status, "refused by a fault")
            return plain_response(effect.reply)
        if effect is None and len(address.streams) > self._rules.max_streams:
            self._ended(socket, 400, "too many streams")
            return plain_response(Reply(400, too_many(self._rules.max_streams)))
        transport = request.transport
        if isinstance(effect, Reset) or transport is None:
            self._ended(socket, ABNORMAL, "reset by a fault" if effect is not None else "the client went away")
            reset(transport)
            return web.Response(status=499)
        return await self._upgraded(request, transport, socket, address, effect)

    async def _upgraded(
        self,
        request: web.BaseRequest,
        transport: asyncio.Transport,
        socket: Socket,
        address: Address,
        effect: Close | Silence | None,
    ) -> web.StreamResponse:
        """Make a WebSocket of a connection and talk; from then on nothing of HTTP may be written to it."""
        response = MaskedWebSocket(
            timeout=_CLOSE_SECONDS, autoping=False, compress=False, max_msg_size=self._rules.max_message_bytes
        )
        try:
            await response.prepare(request)
        except Exception as error:
            self._ended(socket, ABNORMAL, "the handshake is broken")
            if not isinstance(error, web.HTTPException):
                reset(transport)
            raise
        try:
            connection = self._connected(socket, response, transport, address)
            if isinstance(effect, Silence):
                connection.freeze()
            elif isinstance(effect, Close):
                connection.close(effect.code, effect.reason)
            await self._talk(connection, response, request.query_string)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach what answers in HTTP
            self._note(socket, error)
            reset(transport)
        return response

    async def stop(self) -> None:
        """Close every connection and wait until they are gone."""
        connections = list(self._hub.connections.values())
        for connection in connections:
            connection.close(GOING_AWAY, "the venue stops")
        await asyncio.gather(*(connection.closed() for connection in connections), return_exceptions=True)

    def _named(self, address: Address, remote: str) -> Socket:
        if address.door == "api":
            return Socket(next(self._numbers), "api", address.path, None, remote)
        owners = [owner for name in address.streams if (owner := self._keys.account_of(name)) is not None]
        kind = "user" if owners else "market"
        return Socket(next(self._numbers), kind, address.path, owners[0] if owners else None, remote)

    async def _asked(self, socket: Socket, address: Address) -> Answer | Reset | Close | Silence | None:
        """Note a socket that wants to connect, and return what the faults want of it."""
        self._wire.add(
            "open",
            socket=socket.number,
            socket_kind=socket.kind,
            path=socket.path,
            account=socket.account,
            remote=socket.remote,
            streams=[_masked(name) for name in address.streams],
        )
        self._opening += 1
        try:
            return await self._gate.opening(socket)
        finally:
            self._opening -= 1

    def _connected(
        self, socket: Socket, response: web.WebSocketResponse, transport: asyncio.Transport, address: Address
    ) -> Connection:
        limit = self._rules.max_streams
        streams = Subscriptions(address.streams[:limit], is_combined=address.is_combined, limit=limit)
        connection = Connection(socket, response, transport, streams, self._rules, self._now_ms)
        self._hub.join(connection)
        return connection

    async def _talk(self, connection: Connection, response: web.WebSocketResponse, query: str) -> None:
        session = self._api(connection, query) if connection.socket.kind == "api" and self._api is not None else None
        last = None
        try:
            last = await self._read(connection, response, session)
            await connection.closed()
        except Exception as error:  # noqa: BLE001 - a defect of ours ends this socket, and nothing else
            self._note(connection.socket, error)
            connection.close(BROKEN, "Internal error")
            await connection.closed()
        finally:
            connection.finish(*_end(last, response.close_code))
            if session is not None:
                await session.close()
            self._hub.leave(connection)
            self._ended(connection.socket, *(connection.end or (ABNORMAL, "")))

    async def _read(
        self, connection: Connection, response: web.WebSocketResponse, session: ApiSocket | None
    ) -> WSMessage:
        while True:
            message = await response.receive()
            if message.type in _CLOSED:
                return message
            if not connection.is_open:
                continue
            if connection.socket.kind != "api" and not connection.arrived():
                continue
            if message.type is WSMsgType.PING:
                connection.pinged(bytes(message.data))
            elif message.type is WSMsgType.PONG:
                connection.ponged(bytes(message.data))
            elif session is not None:
                session.receive(message.data)
            else:
                self._answer(connection, message.data)

    def _answer(self, connection: Connection, text: str | bytes) -> None:
        number, before = connection.socket.number, connection.subscriptions.streams
        shown = text if isinstance(text, str) else text.decode(errors="replace")
        self._wire.add("in", socket=number, text=_masked(shown))
        answer = connection.subscriptions.answer(text)
        self._hub.changed(connection, before)
        content = written(answer)
        self._wire.add("out", socket=number, stream="", data=_masked_all(answer))
        connection.send(content)

    def _note(self, socket: Socket, error: Exception) -> None:
        event = f"socket {socket.number}"
        self._wire.add("error", error=type(error).__name__, message=one_line(error), event=event)

    def _ended(self, socket: Socket, code: int, reason: str) -> None:
        self._wire.add("close", socket=socket.number, code=code, reason=reason)


def plain_response(reply: Reply) -> web.Response:
    """Return a reply as aiohttp sends it: JSON, or a text as it stands.

    Raises:
        Unwritable: the body is no JSON.
    """
    headers = dict(reply.headers)
    if isinstance(reply.body, (str, bytes)):
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        headers.setdefault("Content-Type", "text/html")
    else:
        body = written(reply.body)
        headers.setdefault("Content-Type", "application/json;charset=UTF-8")
    return web.Response(status=reply.status, body=body, headers=headers)


def _end(last: WSMessage | None, code: int | None) -> tuple[int, str]:
    """Return code and reason of an end that the venue did not begin."""
    if last is not None and isinstance(last.data, WebSocketError):
        return int(last.data.code), one_line(f"the client's frames are broken: {last.data}", 120)
    return int(code or ABNORMAL), "the client ended it"


def _masked(text: str) -> str:
    return _SECRET.sub("***", text)


def _masked_all(answer: dict[str, Any]) -> dict[str, Any]:
    result = answer.get("result")
    return answer | {"result": [_masked(name) for name in result]} if isinstance(result, list) else answer
