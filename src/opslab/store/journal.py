"""The hash-chained journal: one ``O_APPEND`` write a line under ``flock``, each line naming the digest before it.

A line is compact JSON: the event's fields, ``seq`` (from 1) and ``prev_sha256``, the SHA-256 of the line before without
its newline; the first line names the chain's anchor. *Acknowledged* means that ``append`` returned: the line is whole,
and with ``durable=True`` on disk. ``flock`` is used directly because a lock-file library costs ten times more.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from opslab.clock import Clock, SystemClock, to_stamp
from opslab.contract.encoding import compact_json, sha256_hex
from opslab.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GENESIS = "0" * 64
"""The anchor of a run's own journal."""

CHAIN_FIELDS = frozenset({"seq", "prev_sha256"})
"""What the chain adds to an event's own fields."""

_TAIL_BLOCK = 64 * 1024
_PAUSE_SECONDS = 0.005


class Head(NamedTuple):
    """The end of a chain: how many lines, and the digest of the last (the anchor when there is none)."""

    lines: int
    sha256: str


class Journal:
    """An append-only chained file that any number of threads and processes may write.

    Args:
        path: the file, created when missing.
        run_id: stands in the line that records a repair.
        anchor: what the first line names as the digest before it.
        clock: stamps repairs.
        patience: seconds to wait for somebody else who is adding a line, and may be stopped; None waits for ever.
    """

    def __init__(
        self,
        path: Path,
        run_id: str,
        *,
        anchor: str = GENESIS,
        clock: Clock | None = None,
        patience: float | None = None,
    ) -> None:
        self.path = path
        self._patience = patience
        self._run_id = run_id
        self._anchor = anchor
        self._clock = clock or SystemClock()
        self._mutex = threading.Lock()
        self._descriptor, self._owner = -1, -1
        self._size, self._head = -1, Head(0, anchor)

    def append(self, event: Mapping[str, Any], *, durable: bool = False) -> Head:
        """Add one line and return the new head.

        A line that another writer left unfinished is cut first, and the cut is recorded.

        Raises:
            StoreError: the line could not be written whole, or somebody else was adding one for too long; the file is
                then as it was before.
        """
        with self._mutex:
            descriptor = self._open()
            self._lock(descriptor)
            try:
                size = os.fstat(descriptor).st_size
                if size != self._size:
                    size = self._catch_up(descriptor, size)
                before = self._head
                self._write(descriptor, size, event)
                if durable:
                    self._sync(descriptor, size, before)
            except OSError as error:
                raise self._trouble("cannot be written", error) from error
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            return self._head

    def close(self) -> None:
        """Close the descriptor; a later append opens it again."""
        with self._mutex:
            if self._descriptor >= 0 and self._owner == os.getpid():
                os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> int:
        # A forked child must not share the parent's lock: flock belongs to the open file, so it opens its own.
        if self._descriptor < 0 or self._owner != os.getpid():
            try:
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            except OSError as error:
                raise self._trouble("cannot be opened", error) from error
            self._owner, self._size = os.getpid(), -1
        return self._descriptor

    def _lock(self, descriptor: int) -> None:
        if self._patience is None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return
        deadline = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    fix = "let that process end, and try again"
                    raise StoreError("another process keeps it", where=self.path, fix=fix) from error
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def _catch_up(self, descriptor: int, size: int) -> int:
        last, torn = _read_tail(descriptor, size)
        self._head = _head_of(last, self._anchor, self.path)
        if torn:
            os.ftruncate(descriptor, size - len(torn))
            size -= len(torn)
            repair = {"event": "journal_repaired", "run_id": self._run_id, "ts_utc": to_stamp(self._clock.now())}
            size = self._write(descriptor, size, {**repair, "torn_bytes": len(torn), "torn_sha256": sha256_hex(torn)})
        return size

    def _write(self, descriptor: int, size: int, event: Mapping[str, Any]) -> int:
        try:
            line = compact_json({**event, "seq": self._head.lines + 1, "prev_sha256": self._head.sha256}).encode()
        except (TypeError, ValueError) as error:
            raise StoreError(
                f"an event cannot be encoded: {error}", where=self.path, fix="use plain finite values"
            ) from error
        written = os.write(descriptor, line + b"\n")
        if written != len(line) + 1:
            os.ftruncate(descriptor, size)
            raise StoreError("took only part of a line, which was undone", where=self.path, fix="free some space")
        self._head = Head(self._head.lines + 1, sha256_hex(line))
        self._size = size + written
        return self._size

    def _sync(self, descriptor: int, size: int, before: Head) -> None:
        try:
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, size)
            self._size, self._head = size, before
            raise self._trouble("cannot be made durable", error) from error

    def _trouble(self, what: str, error: OSError) -> StoreError:
        return StoreError(f"{what}: {error.strerror or error}", where=self.path, fix="check space, rights and the path")


@dataclass(frozen=True)
class Chain:
    """A chained file as it was read.

    Attributes:
        events: each whole line's fields, chain fields included.
        head: the last whole line.
        numbers: the line of each event; lines that are no JSON object have none.
        torn: bytes after the last newline.
        broken: what is wrong with whole lines, each with its line.
        chained: whether the lines carry a chain at all; the earlier lab's do not.
    """

    events: tuple[dict[str, Any], ...]
    numbers: tuple[int, ...]
    head: Head
    torn: bytes
    broken: tuple[str, ...]
    chained: bool

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong, an unfinished last line included."""
        return self.broken + self.unfinished

    @property
    def unfinished(self) -> tuple[str, ...]:
        """That the last line is unfinished, which is how a process dies; empty when it is whole."""
        return (f"ends in an unfinished line of {len(self.torn)} bytes",) if self.torn else ()


def read_chain(content: bytes, anchor: str = GENESIS) -> Chain:
    """Return the lines of a journal and everything that is wrong with them."""
    *lines, torn = content.split(b"\n")
    events: list[dict[str, Any]] = []
    numbers: list[int] = []
    broken: list[str] = []
    before, chained = anchor, True
    for number, line in enumerate(lines, 1):
        event = _parsed(line)
        if event is None:
            broken.append(f"line {number} is not a JSON object")
        else:
            events.append(event)
            numbers.append(number)
            chained = chained and ("seq" in event or "prev_sha256" in event)
            if event.get("seq") != number:
                broken.append(f"line {number} has seq {event.get('seq')!r:.20}")
            if event.get("prev_sha256") != before:
                broken.append(f"line {number} does not follow the line before it (broken link)")
        before = sha256_hex(line)
    head = Head(len(lines), before)
    return Chain(tuple(events), tuple(numbers), head, torn, tuple(broken), chained or not events)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _read_tail(descriptor: int, size: int) -> tuple[bytes | None, bytes]:
    """Return the last whole line, if any, and the bytes after the last newline."""
    start, content = size, b""
    while start > 0 and content.count(b"\n") < 2:  # noqa: PLR2004 - the last line's own, and the one before it
        begin = max(0, start - _TAIL_BLOCK)
        content = os.pread(descriptor, start - begin, begin) + content
        start = begin
    *lines, torn = content.split(b"\n")
    return (lines[-1] if lines else None), torn


def _head_of(line: bytes | None, anchor: str, path: Path) -> Head:
    if line is None:
        return Head(0, anchor)
    event = _parsed(line)
    sequence = event.get("seq") if event else None
    if not isinstance(sequence, int):
        raise StoreError("ends in a line without a seq", where=path, fix="`tc run verify` names what is broken")
    return Head(sequence, sha256_hex(line))
