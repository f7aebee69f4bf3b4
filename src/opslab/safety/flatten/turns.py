"""What a course yields, and what it is sent: the whole of its contact with the world."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """Ask the venue this.

    Attributes:
        method: in capitals.
        path: below the venue's base URL.
        params: go into the query string in this order, the timestamp among them; the driver adds the signature.
        is_signed: whether the key and the signature go along.
        seconds: the longest to wait for the whole answer.
    """

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    is_signed: bool = True
    seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds, and send None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue answered.

    Attributes:
        status: of HTTP.
        headers: by their names in small letters.
        body: as it came.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer came.

    Attributes:
        reason: why, in a line.
        is_sent: whether the venue may have had the request; only a connection that never stood is sure.
    """

    reason: str
    is_sent: bool = True


type Told = Answer | Failed | None
type Turns[T] = Generator[Request | Pause, Told, T]
"""A part of a course that returns ``T`` in the end."""
