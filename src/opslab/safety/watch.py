"""The gate for somebody who asks before every order: files are read again only when something about them has changed.

What is remembered is exact as long as the kernel stamps each change of a file (a write through a memory map may go
unstamped for a while). A stamp tells two changes apart only if the clock moved on between them, so files that changed
a moment ago are read each time. An answer with a doubt or a trip mark is never remembered: it may pass by itself.

An answer that forbids is repeated for a moment all the same while no directory changed: whoever is denied and goes on
sending must not spend the node's time on reading, and to repeat it is safe.

Whatever the lab writes there makes, replaces or removes an entry of a directory, which stamps the directory: those few
are looked at each time, the files themselves, which somebody else may rewrite in place, only now and then.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.safety.gate import decide

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.safety.gate import GateDecision
    from opslab.safety.reading import SwitchReading

Signature = tuple[tuple[int, int, int, int, int] | None, ...]
"""Of each path, in order: device, inode, size, mtime and ctime in ns of what lies there; None where nothing does."""

SETTLED_NS = 2_000_000_000
"""How old each ctime must be: no file system of note stamps more coarsely. Nobody can set one, as they can an mtime."""


LOOK_SECONDS = 0.05
"""How long the directories may speak for their files: what is rewritten in place shows after that."""


BRIEF_SECONDS = 0.02
"""How long an answer that forbids is repeated though its files changed a moment ago."""


@dataclass(frozen=True)
class _Remembered:
    """An answer, and when it was given by the lab's clock and by the machine's."""

    decision: GateDecision
    paths: Sequence[Path]
    signature: Signature
    directories: Sequence[Path]
    stamps: Signature
    is_settled: bool
    at: datetime
    at_ns: int


class Watch:
    """Answers as the gate of one run would, from memory while nothing has changed.

    Args:
        read: reads the run's switch, the global one, and both in the lab's other roots anew.
        paths: tells everything that the reading depends on now; a symlink there is not followed.
        clock: the clock of the readings.
    """

    def __init__(
        self, read: Callable[[], Sequence[SwitchReading]], paths: Callable[[], Sequence[Path]], clock: Clock
    ) -> None:
        self._read, self._clock, self._paths = read, clock, paths
        self._remembered: _Remembered | None = None
        self._looked = 0.0

    def decision(self) -> GateDecision:
        """Return whether the run may take new risk, now."""
        known = self._remembered
        if known is not None and self._holds(known):
            return known.decision
        return self._asked()

    def _holds(self, known: _Remembered) -> bool:
        # While time goes forward, what was not from the future stays so, and later changes have later stamps.
        if self._clock.now() < known.at or time.time_ns() < known.at_ns:
            return False
        now = time.monotonic()
        try:
            if _signature(known.directories) != known.stamps:
                return False
            if not known.is_settled:
                return 0 <= now - self._looked < BRIEF_SECONDS
            if now - self._looked < LOOK_SECONDS:
                return True
            holds = _signature(known.paths) == known.signature
        except OSError:
            return False
        if holds:
            self._looked = now
        return holds

    def _asked(self) -> GateDecision:
        self._remembered = None
        paths = self._paths()
        directories = sorted({path.parent for path in paths})
        try:
            # Taken first: what changes while it is read shows the next time.
            stamps, before = _signature(directories), _signature(paths)
        except OSError:
            return decide(*self._read())
        is_settled = _is_settled(stamps + before)
        at_ns, asked = time.time_ns(), time.monotonic()
        readings = self._read()
        decision = decide(*readings)
        is_plain = not any(reading.doubts or reading.trips for reading in readings)
        if is_plain and (is_settled or decision.blocked):
            at = self._clock.now()
            self._remembered = _Remembered(decision, paths, before, directories, stamps, is_settled, at, at_ns)
            self._looked = float("-inf") if is_settled else asked
        return decision


def _is_settled(signature: Signature) -> bool:
    """Return whether every later change must show in a signature."""
    newest = max((facts[-1] for facts in signature if facts is not None), default=0)
    return time.time_ns() - newest > SETTLED_NS


def _signature(paths: Sequence[Path]) -> Signature:
    """Return what can be told of the files without opening them.

    Raises:
        OSError: one cannot be looked at.
    """
    found: list[tuple[int, int, int, int, int] | None] = []
    for path in paths:
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))
    return tuple(found)
