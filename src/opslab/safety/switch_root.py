"""One directory of switches: what they read as, from what lies there now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.switch_rules import GLOBAL
from opslab.safety.holding import held
from opslab.safety.layout import (
    EVENTS_SUFFIX,
    LARGEST_JOURNAL,
    LARGEST_STATE,
    LOCK,
    STATE_SUFFIX,
    SUFFIXES,
    look,
    trips_in,
)
from opslab.safety.ledger import SwitchLedger
from opslab.safety.marks import is_living
from opslab.safety.reading import SwitchReading, read_switch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.safety.index import IndexReading
    from opslab.safety.roots import RootList

READ_WAIT_SECONDS = 1.0


class SwitchRoot:
    """The switches of one root.

    Args:
        path: their directory; a symlink to a directory is followed, the files in it are not.
        clock: stamps events, and says what is from the future.
        roots: where the lab lists every root that it used; None for a root that stands alone, as in drills.
        is_listed: whether it was found in that list.
    """

    def __init__(self, path: Path, clock: Clock, *, roots: RootList | None = None, is_listed: bool = False) -> None:
        self.path, self.clock = path.resolve(), clock
        self.ledger = SwitchLedger(self.path, clock, roots=roots, is_listed=is_listed)

    @property
    def lock(self) -> Path:
        """The lock file of whoever writes."""
        return self.path / LOCK

    def readings(self, *names: str) -> list[SwitchReading]:
        """Return what switches read as; a doubt is looked at again while no writer is at work."""
        readings = self._look_at(names)
        if any(reading.doubts for reading in readings) and self.path.is_dir():
            with held(self.lock, READ_WAIT_SECONDS):
                readings = self._look_at(names)
        return readings

    def paths(self, *names: str) -> list[Path]:
        """Return everything that a reading of ``names`` depends on; a trip mark shows in the directory."""
        own = [self.path / f"{name}{suffix}" for name in names for suffix in SUFFIXES]
        return [self.path, *self.ledger.paths, *own]

    def marks(self) -> Mapping[str, Sequence[str]] | None:
        """Return the names of the trip marks by switch; None when the directory cannot be listed."""
        try:
            return trips_in(self.path)
        except OSError:
            return None

    def is_under_way(self, mark: str) -> bool:
        """Whether the activation that made ``mark`` may still be at work."""
        return is_living(self.path / mark)

    def look(self, name: str, index: IndexReading, marks: Mapping[str, Sequence[str]] | None) -> SwitchReading:
        """Return what ``name`` reads as now, without waiting for anybody.

        Marks must have been listed first and the index been read next: an activation takes its mark away only when
        its state is durable, so that what was activated before cannot read as cleared or absent. A doubt may be a
        writer at work between the reads.
        """
        found = [look(self.path / mark, LARGEST_STATE) for mark in (marks or {}).get(name, ())]
        state = look(self.path / f"{name}{STATE_SUFFIX}", LARGEST_STATE)
        events = look(self.path / f"{name}{EVENTS_SUFFIX}", LARGEST_JOURNAL)
        return read_switch(name, state, events, index, self.clock.now(), None if marks is None else found)

    def _look_at(self, names: Sequence[str]) -> list[SwitchReading]:
        marks = self.marks()
        index = self.ledger.read()
        return [self.look(name, index, marks) for name in names]


def whom(name: str) -> str:
    """Return the option of ``tc kill`` that names a switch."""
    return "--all" if name == GLOBAL else f"--run-id {name}"
