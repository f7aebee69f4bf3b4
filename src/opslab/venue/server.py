"""The venue on the network: one port, bound to loopback only, for REST, WebSockets and ``/ctl/``."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from typing import TYPE_CHECKING

from aiohttp import web

from opslab.errors import VenueError, one_line
from opslab.venue.faults.base import Hang
from opslab.venue.http.admission import MAX_BODY_BYTES, RawRequest
from opslab.venue.stream.address import read_address
from opslab.venue.stream.connection import reset
from opslab.venue.stream.sockets import plain_response
from opslab.venue.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opslab.venue.http.admission import Desk
    from opslab.venue.stream.address import Address
    from opslab.venue.stream.sockets import Sockets

CONTROL = "/ctl/"
_BACKLOG = 1024
_BODY_SECONDS = 10.0
_STOP_SECONDS = 0.5
_ACCEPT_TURNS = 3
"""Turns of the loop from a connection's acceptance until the server knows it."""
_MAX_LINE = 64 << 10
_QUIET = logging.getLogger("opslab.venue.server")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False  # what a client sends must not print a traceback; the wire log has it


def loopback(host: str) -> str:
    """Return the loopback address that ``host`` names.

    Raises:
        VenueError: it names anything else; a venue is never seen from outside the machine.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        if ipaddress.ip_address(address).is_loopback:
            return address
    except ValueError:
        pass
    raise VenueError(
        "is not a loopback address, and a venue listens nowhere else", where=host or "(empty)", fix="use 127.0.0.1"
    )


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to a loopback address.

    Args:
        host: a loopback address or ``localhost``.
        port: 0 takes a free one.

    Raises:
        VenueError: the address is not loopback, or the port is taken, forbidden or out of range.
    """
    address = loopback(host)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((address, port))
    except (OSError, OverflowError) as error:
        opened.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise VenueError(
            f"cannot listen: {reason}",
            where=f"{address}:{port}",
            fix="choose another port, or 0 for a free one" if port else "end what holds this machine's ports",
        ) from error
    return opened


class Server:
    """Serves a venue.

    Args:
        desk: answers REST requests.
        sockets: serves WebSockets.
        control: answers requests below ``/ctl/``.
        note: is told of a defect of ours, and where it showed.
    """

    def __init__(
        self,
        desk: Desk,
        sockets: Sockets,
        control: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        note: Callable[[Exception, str], None],
    ) -> None:
        self._desk, self._sockets, self._control, self._note = desk, sockets, control, note
        self._runner: web.ServerRunner | None = None
        self._listening: socket.socket | None = None
        self._stopping = asyncio.Event()

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and return address and port.

        Raises:
            VenueError: see ``bound``.
        """
        opened = self._listening = bound(host, port)
        server = web.Server(
            self._handle,
            access_log=None,
            logger=_QUIET,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
            lingering_time=_STOP_SECONDS,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_STOP_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, opened, backlog=_BACKLOG).start()
        address, found = opened.getsockname()[:2]
        return str(address), int(found)

    async def stop(self) -> None:
        """Close everything; afterwards no task and no socket is left."""
        self._stopping.set()
        if self._listening is not None:
            # asyncio cannot take in, once the server is closed, what was accepted just before: such a connection would
            # be left open, with a traceback on standard error. So nothing more is accepted first.
            with contextlib.suppress(RuntimeError, ValueError):  # a loop that does not let us, such as uvloop
                asyncio.get_running_loop().remove_reader(self._listening)
            for _ in range(_ACCEPT_TURNS):
                await asyncio.sleep(0)
            self._listening = None
        if self._runner is not None:
            for site in list(self._runner.sites):
                await site.stop()
            for _ in range(_ACCEPT_TURNS):  # what was accepted last becomes known to the server before it is closed
                await asyncio.sleep(0)
        await self._sockets.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._routed(request)
        except (ConnectionError, web.HTTPException):
            raise  # the client went away, or aiohttp answers it
        except Exception as error:  # noqa: BLE001 - a defect of ours must not take the venue down
            self._note(error, f"{request.method} {request.path}")
            return plain_response(Reply(500, {"code": -1000, "msg": "An unknown error occurred."}))

    async def _routed(self, request: web.BaseRequest) -> web.StreamResponse:
        remote = _remote(request)
        if request.path.startswith(CONTROL):
            return await self._control(request)
        target, _, query = request.raw_path.partition("?")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            if request.method != "GET":  # RFC 6455, 4.1
                refused = {"code": -1000, "msg": "a WebSocket opens with GET"}
                return plain_response(Reply(405, refused, {"Allow": "GET"}))
            address = read_address(target, query)
            if address is None:
                return plain_response(Reply(404, {"code": -1000, "msg": "no stream is here"}))
            return await self._socket(request, address, remote)
        return await self._answer(request, query, remote)

    async def _socket(self, request: web.BaseRequest, address: Address, remote: str) -> web.StreamResponse:
        try:
            return await self._sockets.serve(request, address, remote)
        except web.HTTPException as error:  # the handshake is not one
            return plain_response(Reply(error.status, {"code": -1000, "msg": one_line(error.text or error.reason)}))

    async def _answer(self, request: web.BaseRequest, query: str, remote: str) -> web.StreamResponse:
        body = b""
        if request.can_read_body:
            try:
                async with asyncio.timeout(_BODY_SECONDS):
                    body = await _body(request)
            except TimeoutError:
                return _last(Reply(408, {"code": -1007, "msg": "Timeout waiting for the request's body."}))
            except web.RequestPayloadError:
                return _last(Reply(400, {"code": -1100, "msg": "The request's body cannot be decoded."}))
        raw = RawRequest(
            method=request.method,
            path=request.path,
            query=query.encode("utf-8", "surrogateescape"),
            headers=request.headers,
            body=body,
            remote=remote,
        )
        outcome = await self._desk.handle(raw)
        if isinstance(outcome, Reply):
            return _last(outcome) if len(body) > MAX_BODY_BYTES else plain_response(outcome)
        if isinstance(outcome, Hang):
            await self._stopping.wait()
        reset(request.transport)
        return web.Response(status=499)


def _remote(request: web.BaseRequest) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return f"{peer[0]}:{peer[1]}" if peer else ""


async def _body(request: web.BaseRequest) -> bytes:
    """Return the body, or the beginning of one that is too long."""
    content = bytearray()
    while len(content) <= MAX_BODY_BYTES:
        chunk = await request.content.readany()
        if not chunk:
            break
        content += chunk
    return bytes(content)


def _last(reply: Reply) -> web.Response:
    """Return a reply after which the connection ends: what else the client sends is not read."""
    response = plain_response(reply)
    response.force_close()
    return response
