"""The fault that does nothing: verbs override the doors at which they act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.faults.target import Target

if TYPE_CHECKING:
    from opslab.venue.events import LedgerEvent
    from opslab.venue.faults.base import Outgoing, RequestEffect, SocketEffect
    from opslab.venue.faults.levers import Levers
    from opslab.venue.wire import Reply, Request, Socket

DOORS = ("before", "after", "opening", "message", "happened")


class Inert:
    """A fault without any effect, which has every method of ``faults.base.Fault``.

    Args:
        name: what it is called, with its settings in short.
        target: what it touches.
    """

    doors: frozenset[str] = frozenset()
    drops_kept = False
    deferred = False

    def __init_subclass__(cls) -> None:
        """Note which doors the class overrides: the gate asks only there."""
        cls.doors = frozenset(door for door in DOORS if getattr(cls, door) is not getattr(Inert, door))

    def __init__(self, name: str, target: Target | None = None) -> None:
        self.name = name
        self.target = target or Target()

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Touch nothing."""
        del levers
        return []

    def end(self, levers: Levers) -> None:
        """Undo nothing."""

    def before(self, request: Request) -> RequestEffect | None:
        """Let the request in."""
        del request
        return None

    def after(self, request: Request, reply: Reply) -> RequestEffect | None:
        """Let the reply go."""
        del request, reply
        return None

    def opening(self, socket: Socket) -> SocketEffect | None:
        """Let the WebSocket connect."""
        del socket
        return None

    def message(self, outgoing: Outgoing) -> list[Outgoing] | None:
        """Let the message go."""
        del outgoing
        return None

    def happened(self, event: LedgerEvent) -> None:
        """Take no notice."""
