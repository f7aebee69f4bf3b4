"""The catalogue's faults at the door of messages."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from opslab.venue.faults.durations import Seconds  # noqa: TC001 - pydantic reads it at run time
from opslab.venue.faults.edits import Edits
from opslab.venue.faults.recipe import Factor, Kind, OfMessages, Path, Text
from opslab.venue.faults.streaming import (
    DelayMessages,
    DropMessages,
    DuplicateMessages,
    EditedMessages,
    ReorderMessages,
)

if TYPE_CHECKING:
    from opslab.venue.faults.base import Fault

_USER: Kind = "user|api"
_SPAN_MS = 10**12


class MuteStream(OfMessages):
    """Sends nothing of a stream; its socket, its pings and other streams stay alive."""

    fault: ClassVar[str] = "mute_stream"

    def make(self) -> Fault:
        """Return the fault."""
        return DropMessages(self.label, self.messages)


class DropUserStream(OfMessages):
    """Loses the user stream's events while market data goes on; the socket stays open."""

    fault: ClassVar[str] = "drop_user_stream"
    kind: Kind | None = _USER

    def make(self) -> Fault:
        """Return the fault."""
        return DropMessages(self.label, self.messages)


class DropFills(OfMessages):
    """Loses the reports of fills; with ``times: 1`` exactly one."""

    fault: ClassVar[str] = "drop_fills"
    kind: Kind | None = _USER
    execution: Text | None = "TRADE"

    def make(self) -> Fault:
        """Return the fault."""
        return DropMessages(self.label, self.messages)


class DepthGap(OfMessages):
    """Loses depth diffs, so that the next one does not follow on the last (U, u, pu); with ``times: 1`` one."""

    fault: ClassVar[str] = "depth_gap"
    stream: Text = "*@depth*"

    def make(self) -> Fault:
        """Return the fault."""
        return DropMessages(self.label, self.messages)


class DelayStream(OfMessages):
    """Sends messages later, in order; what waits is sent when the fault is healed, or dropped if asked for."""

    fault: ClassVar[str] = "delay_stream"
    seconds: Seconds
    growing: Seconds = 0.0
    drop: bool = False

    def make(self) -> Fault:
        """Return the fault."""
        return DelayMessages(self.label, self.messages, self.seconds, self.growing, drops_kept=self.drop)


class HoldMessages(OfMessages):
    """Keeps messages back until the fault is healed, then sends them in order."""

    fault: ClassVar[str] = "hold_messages"
    kind: Kind | None = _USER

    def make(self) -> Fault:
        """Return the fault."""
        return DelayMessages(self.label, self.messages)


class DuplicateStream(OfMessages):
    """Sends messages several times, the copies at once or later."""

    fault: ClassVar[str] = "duplicate_messages"
    copies: Annotated[int, Field(ge=1, le=1000)] = 1
    seconds: Seconds = 0.0

    def make(self) -> Fault:
        """Return the fault."""
        return DuplicateMessages(self.label, self.messages, self.copies, self.seconds)


class ReorderStream(OfMessages):
    """Lets later messages of the same socket overtake: of any of its streams, unless ``stream`` names which."""

    fault: ClassVar[str] = "reorder_messages"
    behind: Annotated[int, Field(ge=1, le=100_000)] = 1

    def make(self) -> Fault:
        """Return the fault."""
        return ReorderMessages(self.label, self.messages, self.behind)


class EditMessages(OfMessages):
    """Sets, removes, scales or shifts fields: unknown events and values, missing fields, bad prints, bad candles."""

    fault: ClassVar[str] = "edit_messages"
    put: dict[Path, Any] = Field(default={}, alias="set")
    remove: tuple[Path, ...] = ()
    scale: dict[Path, Factor] = Field(default={})
    shift: dict[Path, Annotated[int, Field(ge=-_SPAN_MS, le=_SPAN_MS)]] = Field(default={})

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.put or self.remove or self.scale or self.shift):
            raise ValueError("needs set, remove, scale or shift")
        return self

    def make(self) -> Fault:
        """Return the fault."""
        return EditedMessages(self.label, self.messages, Edits(self.put, self.remove, self.scale, self.shift).applied)


class ShiftStamps(OfMessages):
    """Moves the times of messages (E, T) against the clock: fresh arrivals of old content, or of the future."""

    fault: ClassVar[str] = "shift_stamps"
    by_ms: Annotated[int, Field(ge=-_SPAN_MS, le=_SPAN_MS)]

    def make(self) -> Fault:
        """Return the fault."""
        return EditedMessages(
            self.label, self.messages, Edits(shifted={"E": self.by_ms, "T": self.by_ms, "o.T": self.by_ms}).applied
        )


class CrossedBook(OfMessages):
    """Swaps bid and ask of quotes, so that the book is crossed."""

    fault: ClassVar[str] = "crossed_book"
    stream: Text = "*@bookTicker"

    def make(self) -> Fault:
        """Return the fault."""
        return EditedMessages(self.label, self.messages, _crossed)


class BadPrint(OfMessages):
    """Scales the price of public trades, such as to a hundredth."""

    fault: ClassVar[str] = "bad_print"
    stream: Text = "*@*trade"
    factor: Annotated[Decimal, Field(ge=0, le=10**6)] = Decimal("0.01")
    kind: Kind | None = "market"

    def make(self) -> Fault:
        """Return the fault."""
        return EditedMessages(self.label, self.messages, Edits(scaled={"p": self.factor}).applied)


def _crossed(data: Any) -> Any | None:
    if not (isinstance(data, dict) and {"a", "b"} <= data.keys()):
        return None
    return {**data, "b": data["a"], "a": data["b"]}


RECIPES = (
    MuteStream,
    DropUserStream,
    DropFills,
    DepthGap,
    DelayStream,
    HoldMessages,
    DuplicateStream,
    ReorderStream,
    EditMessages,
    ShiftStamps,
    CrossedBook,
    BadPrint,
)
