"""The catalogue's faults at WebSockets."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from opslab.venue.faults.answering import refusal_of
from opslab.venue.faults.base import Answer, Close, Fault, Hang, Wait
from opslab.venue.faults.cutting import ABORT, Announce, AtOpening, CloseSockets, HalfOpen, PingSockets
from opslab.venue.faults.durations import Seconds  # noqa: TC001 - pydantic reads it at run time
from opslab.venue.faults.recipe import OfSockets


def _is_sendable(code: int) -> int:
    if code in (1004, 1005, 1015):
        raise ValueError(f"{code} is reserved and never stands in a close frame")
    return code


def _fits_frame(reason: str) -> str:
    if len(reason.encode()) > _LONGEST_REASON:
        raise ValueError(f"is longer than {_LONGEST_REASON} bytes")
    return reason


_LONGEST_REASON = 123
CloseCode = Annotated[int, Field(ge=1000, le=4999), AfterValidator(_is_sendable)]
"""RFC 6455, 7.4; 1006, which stands in no frame either, resets the TCP connection."""
Reason = Annotated[str, AfterValidator(_fits_frame)]
"""At most what a close frame holds beside the code (RFC 6455, 5.5)."""
Status = Annotated[int, Field(ge=400, le=599)]


class CloseOpenSockets(OfSockets):
    """Closes open sockets with a code, once; 1006 resets their TCP connections."""

    fault: ClassVar[str] = "close_sockets"
    code: CloseCode = 1000
    reason: Reason = ""

    def make(self) -> Fault:
        """Return the fault."""
        return CloseSockets(self.label, self.sockets, self.code, self.reason)


class ResetOpenSockets(OfSockets):
    """Resets the TCP connections of open sockets, once."""

    fault: ClassVar[str] = "reset_sockets"

    def make(self) -> Fault:
        """Return the fault."""
        return CloseSockets(self.label, self.sockets, ABORT)


class DayCut(OfSockets):
    """Closes all sockets at one moment, as Binance does with each after 24 hours."""

    fault: ClassVar[str] = "day_cut"

    def make(self) -> Fault:
        """Return the fault."""
        return CloseSockets(self.label, self.sockets, 1001, "24 hours are over")


class ServerShutdown(OfSockets):
    """Announces serverShutdown on all sockets; close them later with close_sockets."""

    fault: ClassVar[str] = "server_shutdown"

    def make(self) -> Fault:
        """Return the fault."""
        return Announce(self.label, self.sockets, "serverShutdown", {})


class HalfOpenSockets(OfSockets):
    """Lets open sockets and new ones fall silent, neither read nor closed; healed, they are reset."""

    fault: ClassVar[str] = "half_open"
    new: bool = True

    def make(self) -> Fault:
        """Return the fault."""
        return HalfOpen(self.label, self.sockets, new=self.new)


class RefuseSockets(OfSockets):
    """Refuses new sockets with an HTTP status."""

    fault: ClassVar[str] = "refuse_sockets"
    status: Status = 503

    def make(self) -> Fault:
        """Return the fault."""
        return AtOpening(self.label, self.sockets, Answer(refusal_of(self.status, -1001)))


class HangSockets(OfSockets):
    """Never answers a new socket's handshake; it is reset when the fault is healed."""

    fault: ClassVar[str] = "hang_sockets"

    def make(self) -> Fault:
        """Return the fault."""
        return AtOpening(self.label, self.sockets, Hang())


class DelaySockets(OfSockets):
    """Answers a new socket's handshake late."""

    fault: ClassVar[str] = "delay_sockets"
    seconds: Seconds

    def make(self) -> Fault:
        """Return the fault."""
        return AtOpening(self.label, self.sockets, Wait(self.seconds))


class CloseNewSockets(OfSockets):
    """Accepts new sockets and closes them at once: the client reconnects in a loop."""

    fault: ClassVar[str] = "close_new_sockets"
    code: CloseCode = 1008
    reason: Reason = ""

    def make(self) -> Fault:
        """Return the fault."""
        return AtOpening(self.label, self.sockets, Close(self.code, self.reason))


class PingOpenSockets(OfSockets):
    """Sends a ping whose payload the client must echo."""

    fault: ClassVar[str] = "ping_sockets"
    payload: Annotated[str, Field(max_length=125, pattern=r"^[\x20-\x7e]*$")] = "opslab"

    def make(self) -> Fault:
        """Return the fault."""
        return PingSockets(self.label, self.sockets, self.payload.encode())


RECIPES = (
    CloseOpenSockets,
    ResetOpenSockets,
    DayCut,
    ServerShutdown,
    HalfOpenSockets,
    RefuseSockets,
    HangSockets,
    DelaySockets,
    CloseNewSockets,
    PingOpenSockets,
)
