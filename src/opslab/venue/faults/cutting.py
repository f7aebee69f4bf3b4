"""Verbs at WebSockets: close, reset, refuse, fall silent, ping, announce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.faults.base import Silence
from opslab.venue.faults.inert import Inert
from opslab.venue.faults.journal import socket_facts
from opslab.venue.wire import Message

if TYPE_CHECKING:
    from opslab.venue.faults.base import SocketEffect
    from opslab.venue.faults.levers import Levers
    from opslab.venue.faults.target import Target
    from opslab.venue.wire import Socket

ABORT = 1006
"""No code of the wire: the TCP connection is reset (RFC 6455, 7.1.5)."""


class CloseSockets(Inert):
    """Closes the open WebSockets that it touches, once.

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        code: the close code; 1006 resets the TCP connection.
        reason: the close reason.
    """

    def __init__(self, name: str, target: Target, code: int = 1000, reason: str = "") -> None:
        super().__init__(name, target)
        self._code, self._reason = code, reason

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Close them."""
        closed = levers.close_sockets(self.target.takes_socket, self._code, self._reason)
        return [{**socket_facts(socket), "effect": "close", "code": self._code} for socket in closed]


class AtOpening(Inert):
    """Does the same with every WebSocket that wants to connect.

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        effect: what is done.
    """

    def __init__(self, name: str, target: Target, effect: SocketEffect) -> None:
        super().__init__(name, target)
        self._effect = effect

    def opening(self, socket: Socket) -> SocketEffect | None:
        """Do it."""
        del socket
        return self._effect


class HalfOpen(Inert):
    """Keeps WebSockets open, the new ones too if asked for, and neither reads nor writes; healed, it resets them.

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        new: whether WebSockets that connect later fall silent too.
    """

    def __init__(self, name: str, target: Target, *, new: bool = True) -> None:
        super().__init__(name, target)
        self._new = new
        self._silent: set[int] = set()

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Fall silent."""
        frozen = levers.freeze_sockets(self.target.takes_socket)
        self._silent = {socket.number for socket in frozen}
        return [{**socket_facts(socket), "effect": "silence"} for socket in frozen]

    def end(self, levers: Levers) -> None:
        """Reset what is still open."""
        levers.close_sockets(lambda socket: socket.number in self._silent, ABORT)

    def opening(self, socket: Socket) -> SocketEffect | None:
        """Accept and fall silent."""
        if not self._new:
            return None
        self._silent.add(socket.number)
        return Silence()


class PingSockets(Inert):
    """Sends a ping with a payload, which a client must echo (RFC 6455, 5.5.3).

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        payload: at most 125 bytes.
    """

    def __init__(self, name: str, target: Target, payload: bytes) -> None:
        super().__init__(name, target)
        self._payload = payload

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Ping."""
        pinged = levers.ping_sockets(self.target.takes_socket, self._payload)
        return [{**socket_facts(socket), "effect": "ping", "bytes": len(self._payload)} for socket in pinged]


class Announce(Inert):
    """Sends an event of the venue on every open WebSocket that it touches, such as ``serverShutdown``.

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        event: the event's name; the venue's time is added.
        fields: further fields.
    """

    def __init__(self, name: str, target: Target, event: str, fields: dict[str, Any]) -> None:
        super().__init__(name, target)
        self._event, self._fields = event, fields

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Send it."""
        touched = [socket for socket in levers.sockets() if self.target.takes_socket(socket)]
        for socket in touched:
            levers.send(Message(socket, self._event, {"e": self._event, "E": levers.now_ms(), **self._fields}))
        return [{**socket_facts(socket), "effect": "announce", "e": self._event} for socket in touched]
