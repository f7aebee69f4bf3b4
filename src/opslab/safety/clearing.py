"""Clears one switch of one root, and only what it was asked about: whatever comes after its first look stays active.

``judge`` is the look: marks, state and events as they are before anything is waited for. ``complete`` refuses when they
are no longer that, before it writes and again right before the one step that opens the switch. An activation that
comes even later has a mark that was not judged: it is not removed, and the switch reads as active.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from opslab.contract.switch_rules import moment_of
from opslab.errors import StoreError
from opslab.safety.change import Change, Words
from opslab.safety.holding import held
from opslab.safety.litter import sweep
from opslab.safety.machine import event_of
from opslab.safety.marks import remove_mark
from opslab.safety.switch_root import SwitchRoot, whom
from opslab.safety.trip import SwitchWriter
from opslab.store.adding import held_directory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from opslab.safety.reading import SwitchReading
    from opslab.store.journal import Head

WAIT_SECONDS = 15.0
"""How long a clear waits for another writer before it gives up."""


class Clearing:
    """One clear; made by ``judge``.

    Args:
        root: where.
        judged: what the switch read as when it was looked at.
    """

    def __init__(self, root: SwitchRoot, judged: SwitchReading) -> None:
        self.root, self._judged, self._name = root, judged, judged.run_id

    @classmethod
    def judge(cls, root: SwitchRoot, name: str, began: datetime) -> Clearing:
        """Look at the switch that is to be cleared.

        Args:
            root: where.
            name: the run, or ``GLOBAL``.
            began: when somebody asked for it; what was activated later was not meant.

        Raises:
            StoreError: it is doubtful, an activation is under way, or one came since.
        """
        reading = root.readings(name)[0]
        _refuse_doubtful(root, reading)
        is_new = reading.record is not None and moment_of(reading.record["updated_at_utc"]) > began
        if is_new or any(root.is_under_way(mark) for mark in reading.trips):
            raise StoreError(
                "is being changed by somebody else, so it stays as it is",
                where=f"{name} in {root.path}",
                fix=f"look at it with `tc kill status {whom(name)}`, and clear it again",
            )
        return cls(root, reading)

    @property
    def is_needed(self) -> bool:
        """Whether the switch was active."""
        return self._judged.state == "active"

    def complete(self, words: Words) -> Change:
        """Open the switch.

        Raises:
            StoreError: it changed since it was looked at, another process keeps the lock, or something could not be
                written; the switch is then active.
        """
        root = self.root
        warnings = root.ledger.make_root()
        with held(root.lock, WAIT_SECONDS) as lock:
            if not lock.is_held:
                raise StoreError(lock.trouble, where=root.lock, fix=lock.fix)
            with held_directory(root.path, WAIT_SECONDS, shared=True) as is_shown:
                if not is_shown:
                    raise StoreError("another process keeps it", where=root.path, fix="try again")
                change = self._open(words, warnings)
            sweep(root.path)
        return change

    def _open(self, words: Words, warnings: list[str]) -> Change:
        now = self.root.clock.now()
        self._refuse_changed()
        event = event_of("kill_cleared", self._judged, str(uuid.uuid4()), words, now)
        writer = SwitchWriter(self.root.path, self._judged, now, warnings)
        head = writer.clear(event)
        trouble: list[str] = []
        self.root.ledger.note(event, head, trouble)
        if trouble:
            raise StoreError(f"could not be cleared: {trouble[0]}", where=self.root.path, fix="activate it again")
        self._refuse_changed(event, head)
        writer.finish_clear(event)
        self._remove_marks()
        return Change(event, writer.state_path, tuple(warnings))

    def _refuse_changed(self, event: Mapping[str, Any] | None = None, head: Head | None = None) -> None:
        """Refuse unless everything is as it was judged, but for ``event``, which moved the events' head to ``head``.

        Raises:
            StoreError: it is not.
        """
        marks = self.root.marks()
        now = self.root.look(self._name, self.root.ledger.read(), marks)
        if event is None:
            _refuse_doubtful(self.root, now)
        found = (now.record, now.head, sorted((marks or {}).get(self._name, ())))
        if found != (self._judged.record, head or self._judged.head, sorted(self._judged.trips)):
            raise StoreError(
                "changed while it was being cleared, so it stays active",
                where=f"{self._name} in {self.root.path}",
                fix=f"look at it with `tc kill status {whom(self._name)}`, and clear it again"
                + (f" after `tc kill activate {whom(self._name)}`" if event else ""),
            )

    def _remove_marks(self) -> None:
        for mark in self._judged.trips:
            try:
                remove_mark(self.root.path / mark, self.root.clock.now())
            except OSError as error:
                raise StoreError(
                    f"cannot be removed, so the switch stays active: {error.strerror}",
                    where=self.root.path / mark,
                    fix="correct the directory's rights, and clear it again",
                ) from error


def _refuse_doubtful(root: SwitchRoot, reading: SwitchReading) -> None:
    if not reading.doubts:
        return
    option = "--all" if root.ledger.read().is_broken else whom(reading.run_id)
    raise StoreError(
        f"is doubtful, so it stays active: {reading.doubts[0]}",
        where=f"{reading.run_id} in {root.path}",
        fix=f"look at the files; `tc kill activate {option}` sets aside what is broken, then clear it",
    )
