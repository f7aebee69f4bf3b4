"""The kill switches of a lab: read, activate, clear. The files under ``runtime/kill_switch/`` are the source.

What cannot be detected: switches directory, anchor and list of roots deleted together; all of them replaced by an
older copy that was consistent when it was taken; and forgery by somebody who recomputes the digests.
"""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from opslab.contract.switch_rules import GLOBAL
from opslab.errors import StoreError
from opslab.ids import checked_id
from opslab.safety.gate import GateDecision, decide
from opslab.safety.holding import held
from opslab.safety.layout import EVENTS_SUFFIX, LARGEST_JOURNAL, LARGEST_STATE, LOCK, STATE_SUFFIX, SUFFIXES, look
from opslab.safety.ledger import SwitchLedger
from opslab.safety.litter import sweep, unswept
from opslab.safety.machine import event_of, said
from opslab.safety.reading import SwitchReading, read_switch
from opslab.safety.trip import SwitchWriter
from opslab.safety.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.root import Lab
    from opslab.safety.index import IndexReading
    from opslab.store.journal import Head

WAIT_SECONDS = 15.0
"""How long a writer waits for another one; an activation then goes on without the lock."""

READ_WAIT_SECONDS = 1.0

LOST_INDEX = "the index of switches could not be trusted"


@dataclass(frozen=True)
class Change:
    """What a command did.

    Attributes:
        event: the event, as it stands in the events file.
        state_path: the state file.
        warnings: what went wrong beside it, each in one line.
    """

    event: Mapping[str, Any]
    state_path: Path
    warnings: tuple[str, ...]


class KillSwitches:
    """The switches of one root.

    Args:
        root: their directory; a symlink to a directory is followed, the files in it are not.
        clock: stamps events, and says what is from the future.
        roots_file: where the lab lists every root that it used; None for a root that stands alone, as in drills.
    """

    def __init__(self, root: Path, clock: Clock, *, roots_file: Path | None = None) -> None:
        self.root = root.resolve()
        self._clock = clock
        self._ledger = SwitchLedger(self.root, clock, roots_file=roots_file)

    @classmethod
    def of(cls, lab: Lab, clock: Clock) -> KillSwitches:
        """Return the switches of ``lab``."""
        return cls(lab.kill_switch, clock, roots_file=SwitchLedger.roots_file_of(lab.root))

    def read(self, run_id: str) -> SwitchReading:
        """Return what a switch reads as; a doubt is looked at again while no writer is at work.

        Args:
            run_id: the run, or ``GLOBAL``.

        Raises:
            IdError: ``run_id`` is unsafe.
        """
        return self._readings(_checked(run_id))[0]

    def gate(self, run_id: str) -> GateDecision:
        """Return whether the run may take new risk; of ``GLOBAL``, whether any run may.

        Raises:
            IdError: ``run_id`` is unsafe.
        """
        return decide(*self._readings(_checked(run_id), GLOBAL))

    def watch(self, run_id: str) -> Watch:
        """Return what answers as ``gate`` does, but reads the files only when they changed: for every single order.

        Raises:
            IdError: ``run_id`` is unsafe.
        """
        name = _checked(run_id)
        own = [self.root / f"{it}{suffix}" for it in (name, GLOBAL) for suffix in SUFFIXES]
        return Watch(partial(self._readings, name, GLOBAL), [self.root, *self._ledger.paths, *own], self._clock)

    def activate(self, run_id: str, reason: str, actor: str, source: str = "tc") -> Change:
        """Forbid new risk, over any corruption; durable when this returns.

        What is broken is set aside. A broken index is renewed, and the global switch activated, because nobody knows
        any more which switches there were.

        Raises:
            IdError: ``run_id`` is unsafe.
            OpsLabError: the reason or the actor is blank.
            StoreError: nothing at all could be written.
        """
        name, reason, actor = _checked(run_id), said(reason, "reason"), said(actor, "actor")
        warnings = self._ledger.make_root()
        with held(self.root / LOCK, WAIT_SECONDS) as is_held, nullcontext() if is_held else unswept(self.root):
            if not is_held:
                warnings.append("another process keeps the lock: went on without it")
            index = self._ledger.read()
            event, head = self._trip(name, index, (reason, actor, source), warnings, is_held=is_held)
            if index.is_broken and not (is_held and self._renewed(name, index, (LOST_INDEX, actor, source), warnings)):
                warnings.append(f"the index does not know of it: {index.doubts[0]}")
            elif head is not None:
                self._ledger.note(event, head, warnings)
            if self._look(name, self._ledger.read()).state != "active":
                raise StoreError("NOT ACTIVE after all", where=self.root, fix="stop the system by other means")
            if is_held:
                sweep(self.root)
        return Change(event, self.root / f"{name}{STATE_SUFFIX}", tuple(warnings))

    def clear(self, run_id: str, reason: str, actor: str, source: str = "tc") -> Change:
        """Allow new risk again.

        Raises:
            IdError: ``run_id`` is unsafe.
            OpsLabError: the reason or the actor is blank.
            StoreError: the switch is doubtful, another process keeps the lock, or something could not be written; the
                switch is then active.
        """
        name, reason, actor = _checked(run_id), said(reason, "reason"), said(actor, "actor")
        warnings = self._ledger.make_root()
        with held(self.root / LOCK, WAIT_SECONDS) as is_held:
            if not is_held:
                raise StoreError("another process keeps the lock", where=self.root / LOCK, fix="try again")
            index = self._ledger.read()
            reading = self._look(name, index)
            if reading.doubts:
                raise _doubtful(name, reading, index)
            event = self._event("kill_cleared", reading, (reason, actor, source))
            writer = SwitchWriter(self.root, reading, self._clock.now(), warnings)
            head = writer.clear(event)
            trouble: list[str] = []
            self._ledger.note(event, head, trouble)
            if trouble:
                raise StoreError(f"could not be cleared: {trouble[0]}", where=self.root, fix="activate it again")
            writer.finish_clear(event)
            sweep(self.root)
        return Change(event, writer.state_path, tuple(warnings))

    def _readings(self, *names: str) -> list[SwitchReading]:
        readings = self._look_at(names)
        if any(reading.doubts for reading in readings) and self.root.is_dir():
            with held(self.root / LOCK, READ_WAIT_SECONDS):
                readings = self._look_at(names)
        return readings

    def _look_at(self, names: Sequence[str]) -> list[SwitchReading]:
        index = self._ledger.read()
        return [self._look(name, index) for name in names]

    def _look(self, name: str, index: IndexReading) -> SwitchReading:
        # The index was read first, the state next: what was activated before that cannot read as cleared or absent. A
        # doubt may be a writer at work between the reads; `read` looks again under the lock.
        state = look(self.root / f"{name}{STATE_SUFFIX}", LARGEST_STATE)
        events = look(self.root / f"{name}{EVENTS_SUFFIX}", LARGEST_JOURNAL)
        return read_switch(name, state, events, index, self._clock.now())

    def _trip(
        self, name: str, index: IndexReading, words: tuple[str, str, str], warnings: list[str], *, is_held: bool
    ) -> tuple[Mapping[str, Any], Head | None]:
        reading = self._look(name, index)
        event = self._event("kill_activated", reading, words)
        writer = SwitchWriter(self.root, reading, self._clock.now(), warnings)
        return event, writer.activate(event, may_set_aside=is_held)

    def _renewed(self, name: str, index: IndexReading, words: tuple[str, str, str], warnings: list[str]) -> bool:
        try:
            if name == GLOBAL:
                self._ledger.renew(index.doubts, warnings)
                return True
            event, head = self._trip(GLOBAL, index, words, warnings, is_held=True)
            warnings.append(f"{index.doubts[0]}: renewed, and the global switch activated (`tc kill clear --all`)")
            self._ledger.renew(index.doubts, warnings)
        except StoreError as error:
            warnings.append(str(error))
            return False
        if head is not None:
            self._ledger.note(event, head, warnings)
        return True

    def _event(self, command: Any, reading: SwitchReading, words: tuple[str, str, str]) -> dict[str, Any]:
        reason, actor, source = words
        return event_of(command, reading, str(uuid.uuid4()), reason, actor, source, self._clock.now())


def _checked(run_id: str) -> str:
    return run_id if run_id == GLOBAL else checked_id(run_id)


def _doubtful(name: str, reading: SwitchReading, index: IndexReading) -> StoreError:
    whom = "--all" if index.is_broken or name == GLOBAL else f"--run-id {name}"
    return StoreError(
        f"is doubtful, so it stays active: {reading.doubts[0]}",
        where=name,
        fix=f"look at the files; `tc kill activate {whom}` sets aside what is broken, then clear it",
    )
