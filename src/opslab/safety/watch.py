"""The gate for somebody who asks before every order: files are read again only when something about them has changed.

What is remembered is exact as long as the kernel stamps each change of a file (a write through a memory map may go
unstamped for a while). A stamp tells two changes apart only if the clock moved on between them, so files that changed
a moment ago are read each time. An answer with a doubt or a trip mark is never remembered: it may pass by itself.

While the kernel sends no notice of a change, the files' stamps are looked at again only now and then (``notices``).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.safety.gate import decide
from opslab.safety.notices import Notices

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
"""How long the kernel's silence may stand for a look at the stamps: what changes without a notice shows after that."""


@dataclass(frozen=True)
class _Remembered:
    """An answer, and when it was given by the lab's clock and by the machine's."""

    decision: GateDecision
    paths: Sequence[Path]
    signature: Signature
    at: datetime
    at_ns: int
    notices: Notices | None


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
        # Asked first: what is done while the stamps are looked at is heard the next time.
        is_quiet = known.notices is not None and not known.notices.heard()
        if is_quiet and now - self._looked < LOOK_SECONDS:
            return True
        try:
            holds = _signature(known.paths) == known.signature
        except OSError:
            return False
        self._looked = now
        return holds

    def _asked(self) -> GateDecision:
        self._remembered = None
        paths = self._paths()
        before = self._settled(paths)  # taken first: what changes while it is read shows the next time
        notices = None if before is None else _noticed(paths)
        readings = self._read()
        decision = decide(*readings)
        if before is not None and not any(reading.doubts or reading.trips for reading in readings):
            self._remembered = _Remembered(decision, paths, before, self._clock.now(), time.time_ns(), notices)
            self._looked = float("-inf")
        return decision

    @staticmethod
    def _settled(paths: Sequence[Path]) -> Signature | None:
        """Return the signature if every later change must show in it."""
        try:
            signature = _signature(paths)
        except OSError:
            return None
        newest = max((facts[-1] for facts in signature if facts is not None), default=0)
        return signature if time.time_ns() - newest > SETTLED_NS else None


def _noticed(paths: Sequence[Path]) -> Notices | None:
    """Return what hears of changes; None where the kernel cannot tell, and stamps are looked at each time."""
    try:
        return Notices(paths)
    except (OSError, AttributeError):
        return None


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
