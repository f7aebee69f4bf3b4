"""What a fault may do at the venue's three doors. Shells ask the gate; the gate asks the faults that are in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from opslab.venue.events import LedgerEvent
    from opslab.venue.faults.levers import Levers
    from opslab.venue.faults.target import Target
    from opslab.venue.wire import Message, Reply, Request, Socket


@dataclass(frozen=True, slots=True)
class Answer:
    """Send this reply instead."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer; the connection stays open until the fault is healed, then it is reset."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Abort the TCP connection without an answer."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close a WebSocket with this code; 1006 aborts the TCP connection."""

    code: int = 1000
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """Accept a WebSocket, then neither read nor write on it; who healed the fault aborts it through the levers."""


type RequestEffect = Answer | Wait | Hang | Reset
type SocketEffect = Answer | Wait | Hang | Reset | Close | Silence


class Outgoing(NamedTuple):
    """A message to send; a tuple, as every message of a busy market becomes one.

    Attributes:
        message: the message; its ``socket`` says where.
        delay: seconds to keep it back; infinite: until the fault is healed. What shells are given has no delay left.
        behind: how many further messages of its socket, of those that the fault touches, go first.
    """

    message: Message
    delay: float = 0.0
    behind: int = 0


class Fault(Protocol):
    """Something that makes the venue misbehave; a fault overrides what it needs of ``faults.inert.Inert``."""

    @property
    def name(self) -> str:
        """What it is called in journals and reports, with its settings in short."""
        ...

    @property
    def target(self) -> Target:
        """Which requests, sockets and messages it is asked about; it never sees another one."""
        ...

    @property
    def doors(self) -> frozenset[str]:
        """Where it acts: names of the methods below that it overrides."""
        ...

    @property
    def drops_kept(self) -> bool:
        """Whether messages that it keeps back are dropped when it is healed; otherwise they are sent then."""
        ...

    @property
    def deferred(self) -> bool:
        """Whether ``begin`` waits for the loop's next turn: it commands the exchange, which may be busy right now."""
        ...

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Come in force; act on the venue itself, and return what that touched: each is a firing."""
        ...

    def end(self, levers: Levers) -> None:
        """Go out of force: undo what ``begin`` did; called once, and only after ``begin``."""
        ...

    def before(self, request: Request) -> RequestEffect | None:
        """Decide on a request before the core sees it."""
        ...

    def after(self, request: Request, reply: Reply) -> RequestEffect | None:
        """Decide on a reply after the core has acted: what was asked for has happened."""
        ...

    def opening(self, socket: Socket) -> SocketEffect | None:
        """Decide on a WebSocket that wants to connect."""
        ...

    def message(self, outgoing: Outgoing) -> list[Outgoing] | None:
        """Return what leaves instead of a message: none, it later, it twice, another one; None leaves it as it is."""
        ...

    def happened(self, event: LedgerEvent) -> None:
        """Take notice of a change in the ledger, such as the second fill."""
        ...
