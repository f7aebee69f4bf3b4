"""The sending side of one WebSocket: frames that leave together, pings that must be answered, and the ways to end it.

Nothing here waits: a client that does not read fills its buffer and is cut, and no other client notices.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import struct
from collections import deque
from typing import TYPE_CHECKING

from opslab.venue.stream.frames import PING, PONG, TEXT, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from opslab.venue.stream.rules import SocketRules
    from opslab.venue.stream.subscriptions import Subscriptions
    from opslab.venue.wire import Socket

GOING_AWAY, POLICY, BROKEN, ABNORMAL = 1001, 1008, 1011, 1006
_RESET = struct.pack("ii", 1, 0)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Abort a TCP connection so that the client sees a reset."""
    if not isinstance(transport, asyncio.Transport):
        return
    found = transport.get_extra_info("socket")
    if found is not None:
        with contextlib.suppress(OSError):
            found.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, _RESET)
    transport.abort()


class Connection:
    """One connected client.

    Args:
        socket: what the log calls it.
        response: aiohttp's side of it, prepared.
        transport: its TCP connection.
        subscriptions: what it listens to.
        rules: limits.
        now_ms: the venue's time, which a ping bears.
    """

    def __init__(
        self,
        socket: Socket,
        response: web.WebSocketResponse,
        transport: asyncio.Transport,
        subscriptions: Subscriptions,
        rules: SocketRules,
        now_ms: Callable[[], int],
    ) -> None:
        self.socket, self.subscriptions, self.rules = socket, subscriptions, rules
        self._response, self._transport, self._now_ms = response, transport, now_ms
        self._loop = asyncio.get_running_loop()
        self._opened_ms = now_ms()
        self._queue: list[bytes] = []
        self._arrivals: deque[float] = deque()
        self._pings: set[bytes] = set()
        self._pong_due: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[bool] | None = None
        self._is_frozen = False
        self.end: tuple[int, str] | None = None
        self._timers = [
            self._loop.call_later(rules.life_seconds, self._grow_old),
            self._loop.call_later(rules.ping_seconds, self._ping_again),
        ]

    @property
    def is_open(self) -> bool:
        """Whether messages still leave; a frozen one is silent."""
        return self.end is None and not self._is_frozen

    def time_is(self, now_ms: int) -> None:
        """End a connection that is too old by the venue's time, which may have been set: nothing else tells it then."""
        if now_ms - self._opened_ms >= self.rules.life_seconds * 1000:
            self._grow_old()

    def send(self, payload: bytes) -> None:
        """Send a text message at the end of this turn of the loop."""
        self._queue_frame(frame(TEXT, payload))

    def ping(self, payload: bytes) -> None:
        """Send a ping; a pong must come within the rules' time."""
        self._pings.add(payload)
        self._queue_frame(frame(PING, payload))
        if self._pong_due is None:
            self._pong_due = self._loop.call_later(self.rules.pong_seconds, self.close, POLICY, "Pong timeout")

    def pinged(self, payload: bytes) -> None:
        """Answer a client's ping."""
        self._queue_frame(frame(PONG, payload))

    def ponged(self, payload: bytes) -> None:
        """Take a client's pong; where the rules say so, only one with the payload of a ping counts."""
        if self.rules.must_echo and payload not in self._pings:
            return
        self._pings.clear()
        if self._pong_due is not None:
            self._pong_due.cancel()
            self._pong_due = None

    def arrived(self) -> bool:
        """Count a message of the client; False when it sent too many in a second and is being disconnected."""
        now = self._loop.time()
        self._arrivals.append(now)
        while self._arrivals[0] <= now - 1.0:
            self._arrivals.popleft()
        if len(self._arrivals) <= self.rules.messages_per_second:
            return True
        self.close(POLICY, "Too many requests")
        return False

    def close(self, code: int, reason: str = "") -> None:
        """End the connection: what is queued leaves, then the close frame; 1006, and a frozen one, is aborted."""
        if self.end is not None:
            return
        self._flush()
        self.finish(code, reason)
        if code == ABNORMAL or self._is_frozen:
            reset(self._transport)
        else:
            self._closing = self._loop.create_task(self._response.close(code=code, message=reason.encode()[:123]))

    def finish(self, code: int, reason: str) -> None:
        """Note how it ended; the first reason stays."""
        if self.end is None:
            self.end = (code, reason)
            self._queue.clear()
            self._cancel_timers()

    def freeze(self) -> None:
        """Neither read nor write from now on, pings and pongs included; the connection stays open."""
        self._flush()
        self._is_frozen = True
        self._cancel_timers()
        self._transport.pause_reading()

    async def closed(self) -> None:
        """Wait until the close handshake that the venue began is over."""
        if self._closing is not None:
            await self._closing

    def _cancel_timers(self) -> None:
        for timer in (*self._timers, *([self._pong_due] if self._pong_due else [])):
            timer.cancel()

    def _grow_old(self) -> None:
        self.close(GOING_AWAY, "24 hours are over")

    def _ping_again(self) -> None:
        self.ping(str(self._now_ms()).encode())
        self._timers[1] = self._loop.call_later(self.rules.ping_seconds, self._ping_again)

    def _queue_frame(self, content: bytes) -> None:
        if self.end is not None or self._is_frozen:
            return
        if not self._queue:
            self._loop.call_soon(self._flush)
        self._queue.append(content)

    def _flush(self) -> None:
        if self.end is not None or not self._queue:
            return
        content = b"".join(self._queue)
        self._queue.clear()
        if self._transport.is_closing():
            return
        self._transport.write(content)
        if self._transport.get_write_buffer_size() > self.rules.max_unsent_bytes:
            self.close(ABNORMAL, "does not read")
