"""Client frames must be masked; a server ends a connection that bears another one (RFC 6455, 5.1).

aiohttp reads frames without a mask like any other, so that what it is given is looked at before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import WebSocketError, WSCloseCode, web

from opslab.errors import VenueError

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest

_MASK, _LENGTH = 0x80, 0x7F
_EXTENDED = {126: 2, 127: 8}
_KEY = 4


class Masks:
    """Follows the frames of a stream of bytes."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._payload_left = 0

    def are_there(self, data: bytes) -> bool:
        """Take further bytes; returns False as soon as a frame without a mask begins."""
        place = 0
        while place < len(data):
            if self._payload_left:
                step = min(self._payload_left, len(data) - place)
                self._payload_left -= step
                place += step
                continue
            self._head.append(data[place])
            place += 1
            if len(self._head) == 2 and not self._head[1] & _MASK:  # noqa: PLR2004 - the byte with the mask's bit
                return False
            self._end_head()
        return True

    def _end_head(self) -> None:
        """Begin with the payload once the head is whole: two bytes, the extended length, the key."""
        head = self._head
        if len(head) < 2:  # noqa: PLR2004 - nothing is known of its length yet
            return
        extended = _EXTENDED.get(head[1] & _LENGTH, 0)
        if len(head) < 2 + extended + _KEY:
            return
        self._payload_left = int.from_bytes(head[2 : 2 + extended], "big") if extended else head[1] & _LENGTH
        head.clear()


class _Looking:
    """Stands before aiohttp's reader of frames.

    Args:
        reader: aiohttp's.
        queue: where it puts messages, and what went wrong.
    """

    def __init__(self, reader: Any, queue: Any) -> None:
        self._reader, self._queue, self._masks = reader, queue, Masks()
        self._is_broken = False

    def feed_eof(self) -> None:
        """Pass the end on."""
        self._reader.feed_eof()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Pass bytes on, unless a frame among them has no mask; returns whether this is the end, and nothing."""
        if self._is_broken:
            return True, b""
        if self._masks.are_there(data):
            result: tuple[bool, bytes] = self._reader.feed_data(data)
            return result
        self._is_broken = True
        self._queue.set_exception(WebSocketError(WSCloseCode.PROTOCOL_ERROR, "a client's frame has no mask"))
        return True, b""


class MaskedWebSocket(web.WebSocketResponse):
    """A WebSocket that takes masked frames only; another one ends it with 1002."""

    def _post_start(self, request: BaseRequest, protocol: str | None, writer: Any) -> None:
        """Put the look at masks before aiohttp's reader; it has no door for that, so private names are used.

        Raises:
            VenueError: this version of aiohttp has other names.
        """
        handler: Any = request.protocol
        early = getattr(handler, "_message_tail", None)
        if early is None:
            raise VenueError("this aiohttp has other names", where="WebSocket", fix="install the locked version")
        handler._message_tail = b""  # noqa: SLF001 - what came with the handshake is looked at too
        super()._post_start(request, protocol, writer)
        looking = _Looking(handler._payload_parser, self._reader)  # noqa: SLF001 - there is no public door
        handler._payload_parser = looking  # noqa: SLF001 - as above
        if early:
            looking.feed_data(early)
