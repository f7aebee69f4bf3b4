"""The wire log: every request, reply, socket and message, in order, with the fault that touched it.

Keys never enter it. It is written by the venue's loop and read by drills in other threads, which wait for what they
need instead of sleeping.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable


class Request(Struct, frozen=True):
    """A command or query as it came in over HTTP, or over the spot WebSocket API.

    Attributes:
        number: counts requests from 1.
        method: ``GET``, ``POST``...; ``WS`` for the WebSocket API.
        path: such as ``/fapi/v1/order``; the WebSocket API's method name.
        params: decoded parameters; the signature is left out.
        account: whose key it bore, when that is known.
        remote: address and port of the client.
    """

    number: int
    method: str
    path: str
    params: dict[str, str]
    account: str | None = None
    remote: str = ""

    @property
    def route(self) -> str:
        """Method and path, as in ``POST /fapi/v1/order``."""
        return f"{self.method} {self.path}"


class Reply(Struct, frozen=True):
    """What goes back: status, JSON body (or text), and further headers."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Socket:
    """A WebSocket connection.

    Attributes:
        number: counts sockets from 1.
        kind: ``market``, ``user`` or ``api``.
        path: as asked for, without keys.
        account: whose, of a user stream.
        remote: address and port of the client.
    """

    number: int
    kind: str
    path: str
    account: str | None = None
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is about to leave on a socket.

    Attributes:
        socket: where.
        stream: the stream's name, such as ``btcusdt@bookTicker``; of a user stream the event's name, as
            ``ORDER_TRADE_UPDATE``.
        data: the payload, before it is wrapped.
    """

    socket: Socket
    stream: str
    data: dict[str, Any]


class WireRecord(Struct, frozen=True):
    """One line of the log.

    Attributes:
        seq: from 1.
        time_ms: the venue's time.
        kind: ``request``, ``reply``, ``open``, ``in``, ``out``, ``market``, ``close``, ``fault`` or ``error``.
            ``out`` is a message in full; ``market`` tells of a run of messages of one public stream on one socket,
            by count and update ids.
        facts: JSON types.
    """

    seq: int
    time_ms: int
    kind: str
    facts: dict[str, Any]


class WireLog:
    """Keeps the records and wakes those who wait for one.

    Args:
        now_ms: the venue's time.
        sink: is given each record as it comes, such as a file's writer.
        keep: how many records stay in memory, the newest; older ones are only in the sink.
    """

    def __init__(
        self, now_ms: Callable[[], int], sink: Callable[[WireRecord], None] | None = None, keep: int = 200_000
    ) -> None:
        self._now_ms, self._sink, self._keep = now_ms, sink, keep
        self._records: list[WireRecord] = []
        self._seq = 0
        self._changed = threading.Condition()

    def add(self, kind: str, **facts: Any) -> WireRecord:
        """Write a record and wake whoever waits."""
        with self._changed:
            self._seq += 1
            record = WireRecord(self._seq, self._now_ms(), kind, facts)
            self._records.append(record)
            if len(self._records) > self._keep:
                del self._records[: self._keep // 10]
            if self._sink is not None:
                self._sink(record)
            self._changed.notify_all()
        return record

    @property
    def last(self) -> int:
        """The number of the newest record; 0 before the first."""
        return self._seq

    def records(self, since: int = 0) -> list[WireRecord]:
        """Return the records after number ``since``."""
        with self._changed:
            return self._after(since)

    def wait_for(self, wanted: Callable[[WireRecord], bool], seconds: float, since: int = 0) -> WireRecord | None:
        """Return the first record after ``since`` that is ``wanted``, waiting at most ``seconds``; None when none came.

        Args:
            wanted: is asked once of each record.
            seconds: the longest to wait.
            since: number of a record.
        """
        seen = since
        found: list[WireRecord] = []

        def look() -> bool:
            nonlocal seen
            for record in self._after(seen):
                seen = record.seq
                if wanted(record):
                    found.append(record)
                    return True
            return False

        with self._changed:
            self._changed.wait_for(look, seconds)
        return found[0] if found else None

    def _after(self, since: int) -> list[WireRecord]:
        """Return the records after number ``since``; the numbers have no gaps, so that no search is needed."""
        return self._records[max(0, since - (self._seq - len(self._records))) :]
