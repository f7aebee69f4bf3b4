"""Counts a journal's events in constant memory, and takes up where the last reading stopped.

Only whole lines count: what follows the last newline is still being written. A line's JSON is checked, but fields that
are not needed are skipped unread.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from opslab.report.metrics import journal_lines
from opslab.report.metrics.exposition import label
from opslab.report.metrics.files import SETTLE_NS, open_regular, packed

if TYPE_CHECKING:
    from datetime import datetime

    from opslab.report.metrics.records import FirstEvent

BLOCK = 256 << 10
"""How many bytes are read at once."""
MAX_LINE = 4 << 20
"""A longer line is counted as broken, unread."""
MAX_EVENTS = 100
"""So many event names are told apart; a journal with more has the rest in ``OTHER``."""
OTHER = "other"
_TAIL = 128


_name = attrgetter("event")


class JournalCount:
    """What a journal holds so far.

    Attributes:
        lines: whole lines.
        events: whole lines by event name.
        broken: whole lines that are no event.
        torn: bytes after the last whole line.
        terminal: the event that ended the run.
        views: the latest change of what differs between its views.
        triggers: the limits that pulled the kill switch, in the order in which they first did.
        switch: the state that the last kill event led to; None without any.
        heard: when the run's node last took in market data, by feed, as it last told.
    """

    __slots__ = (
        *("_inode", "_offset", "_stamp", "_tail"),
        *("broken", "events", "heard", "lines", "switch", "terminal", "torn", "triggers", "views"),
    )

    def __init__(self) -> None:
        self._stamp: bytes | None = None
        self._restart((0, 0))

    def _restart(self, inode: tuple[int, int]) -> None:
        self._inode, self._offset, self._tail = inode, 0, b""
        self.lines, self.broken, self.torn = 0, 0, 0
        self.events: dict[str, int] = {}
        self.terminal: journal_lines.Terminal | None = None
        self.views: journal_lines.ViewsTold | None = None
        self.triggers: tuple[str, ...] = ()
        self.heard: dict[str, datetime] = {}
        self.switch: str | None = None

    def read(self, root: int, name: str, *, is_final: bool = False) -> int:
        """Count what was appended to ``name`` below ``root`` since the last call, and return how many bytes were read.

        A file that was replaced, cut or rewritten is counted anew.

        Args:
            root: descriptor of a directory.
            name: the file below it.
            is_final: whether the run has ended: nothing is appended then without being noticed, so after any change
                the file is counted anew. Of a journal that grows, only a rewritten end would show.

        Raises:
            OSError: the file is missing, a symlink, or cannot be read.
            ValueError: it is not a regular file.
        """
        descriptor = open_regular(root, name)
        try:
            found = os.fstat(descriptor)
            stamp = packed(found)
            if is_final and stamp == self._stamp:
                return 0
            if is_final or not self._continues(descriptor, found):
                self._restart((found.st_dev, found.st_ino))
            size = self._consume(descriptor, found.st_size - self._offset)
            self.torn = found.st_size - self._offset
            is_settled = found.st_ctime_ns + SETTLE_NS < time.time_ns()
            self._stamp = stamp if is_final and is_settled else None
            return size
        finally:
            os.close(descriptor)

    def shortfall(self, sealed: int | None) -> str | None:
        """Return why this is not the whole journal of a run that has ended, or None when nothing speaks against it.

        Args:
            sealed: how many lines the manifest fixes; None where there is none that says it.
        """
        if not self.lines and not self.torn:
            return "is empty though the run has ended"
        if sealed is not None and self.lines != sealed:
            return f"has {self.lines} whole lines, {sealed} were sealed"
        return f"ends in an unfinished line of {self.torn} bytes" if self.torn else None

    def _continues(self, descriptor: int, found: os.stat_result) -> bool:
        if self._inode != (found.st_dev, found.st_ino) or found.st_size < self._offset:
            return False
        return os.pread(descriptor, len(self._tail), self._offset - len(self._tail)) == self._tail

    def _consume(self, descriptor: int, size: int) -> int:
        os.lseek(descriptor, self._offset, os.SEEK_SET)
        rest, skipped, left = b"", 0, size
        while left > 0 and (block := os.read(descriptor, min(BLOCK, left))):
            left -= len(block)
            if skipped:
                end = block.find(b"\n") + 1
                skipped += end or len(block)
                if not end:
                    continue
                self._advance(skipped, b"\n")
                self.lines, self.broken, skipped = self.lines + 1, self.broken + 1, 0
                block = block[end:]
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                self._count(whole + newline)
            if len(rest) > MAX_LINE:
                rest, skipped = b"", len(rest)
        return size - left

    def _advance(self, size: int, tail: bytes) -> None:
        self._offset += size
        self._tail = tail[-_TAIL:]

    def _count(self, whole: bytes) -> None:
        lines = whole[:-1].split(b"\n")
        try:
            # Not decode_lines, which takes a line with two events and a blank one for two lines.
            names = Counter(map(_name, map(journal_lines.Decoders.line.decode, lines)))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._count_singly(lines)
        else:
            self._add(names, len(lines), whole)
        self._advance(len(whole), whole)

    def _count_singly(self, lines: list[bytes]) -> None:
        for line in lines:
            try:
                event = journal_lines.Decoders.line.decode(line).event
            except (msgspec.MsgspecError, ValueError, RecursionError):
                self.lines, self.broken = self.lines + 1, self.broken + 1
            else:
                self._add({event: 1}, 1, line)

    def _add(self, names: dict[str, int], lines: int, text: bytes) -> None:
        self.lines += lines
        for event, count in names.items():
            name = sys.intern(label(event))
            if name not in self.events and len(self.events) >= MAX_EVENTS:
                name = OTHER
            self.events[name] = self.events.get(name, 0) + count
        if self.terminal is None and not journal_lines.TERMINAL_EVENTS.isdisjoint(names):
            self.terminal = journal_lines.terminal(text)
        if journal_lines.VIEWS_DIFFERED in names:
            self.views = journal_lines.views(text) or self.views
        if journal_lines.TRIGGER_FIRED in names:
            fired = dict.fromkeys((*self.triggers, *journal_lines.triggers(text)))
            self.triggers = tuple(fired)[: journal_lines.MAX_TRIGGERS]
        if not journal_lines.SWITCHED.keys().isdisjoint(names):
            self.switch = journal_lines.switched(text)
        if journal_lines.HEARD in names:
            self.heard = journal_lines.heard(text) or self.heard


def first_event(root: int, name: str) -> FirstEvent | None:
    """Return the first line of the journal ``name`` below ``root``, or None when it is no event.

    Raises:
        OSError: the file is missing, a symlink, or cannot be read.
        ValueError: it is not a regular file.
    """
    with os.fdopen(open_regular(root, name), "rb") as file:
        found: FirstEvent | None = journal_lines.decoded(journal_lines.Decoders.first, file.readline(MAX_LINE))
    return found
