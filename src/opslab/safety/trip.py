"""Writes one switch's event and state, so that whatever goes wrong at whatever step leaves it active.

An activation makes the state durable first: from then on the switch reads as active, whatever becomes of the rest and
of the activation's mark. Clearing writes the state last: until then it says active, or disagrees with the events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.contract.encoding import pretty_json
from opslab.errors import StoreError
from opslab.safety.evidence import keep_copy, set_aside
from opslab.safety.layout import EVENTS_SUFFIX, LARGEST_STATE, LINE_SECONDS, STATE_SUFFIX, look
from opslab.safety.machine import state_after
from opslab.store.durable import sync_directory, write_bytes
from opslab.store.journal import Head, Journal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from opslab.safety.reading import SwitchReading

Trouble = (OSError, StoreError)


class SwitchWriter:
    """Writes the two files of one switch.

    Args:
        root: the switches' directory.
        reading: what the switch read as before.
        now: names evidence.
        warnings: takes what went wrong without making the switch less than active.
    """

    def __init__(self, root: Path, reading: SwitchReading, now: datetime, warnings: list[str]) -> None:
        self._root, self._reading, self._now, self._warnings = root, reading, now, warnings
        self.state_path = root / f"{reading.run_id}{STATE_SUFFIX}"
        self.events_path = root / f"{reading.run_id}{EVENTS_SUFFIX}"

    def activate(self, event: Mapping[str, Any], *, may_set_aside: bool, is_marked: bool) -> Head | None:
        """Record an activation, over any corruption.

        Args:
            event: the activation.
            may_set_aside: whether broken events may be set aside: only while the lock is held.
            is_marked: whether a mark already makes the switch active.

        Returns:
            The events' new head; None when the event could not be added to them.

        Raises:
            StoreError: nothing at all could be written.
        """
        content = pretty_json(state_after(self._reading, event))
        is_recorded = self._replace_state(content)
        head = self._add(event) if may_set_aside or self._reading.has_sound_events else None
        if is_recorded or self._replace_blocked_state(content) or head is not None:
            return head
        if not is_marked:
            raise StoreError(
                f"NOT ACTIVATED: nothing can be written ({'; '.join(self._warnings)})",
                where=self.state_path,
                fix="stop the system by other means, free space or correct rights, and activate again",
            )
        return None

    def clear(self, event: Mapping[str, Any]) -> Head:
        """Add the event that clears the switch; the switch stays active until ``finish_clear``.

        Raises:
            StoreError: it could not be added.
        """
        head = self._journaled(event)
        sync_directory(self._root)
        return head

    def finish_clear(self, event: Mapping[str, Any]) -> None:
        """Write the cleared state, the one step that opens the switch.

        Raises:
            StoreError: it could not be made durable; the state says active again, or is gone, which reads as active.
        """
        before = look(self.state_path, LARGEST_STATE).content
        try:
            write_bytes(self.state_path, pretty_json(state_after(self._reading, event)))
        except Trouble as error:
            try:
                if look(self.state_path, LARGEST_STATE).content != before:
                    self.state_path.unlink(missing_ok=True)
                    sync_directory(self._root)
            except OSError:
                self._warnings.append(f"{self.state_path.name} is not known to be durable")
            raise StoreError(
                f"could not be cleared: {error}", where=self.state_path, fix="activate it again"
            ) from error

    def _replace_state(self, content: bytes) -> bool:
        """Replace the state in one rename, a broken one kept under a second name; false when that cannot be done."""
        found = look(self.state_path, LARGEST_STATE)
        try:
            if not found.is_absent and not found.is_file:
                return False
            if not found.is_absent and self._reading.record is None:
                self._set_aside_told(keep_copy(self.state_path, self._now))
            write_bytes(self.state_path, content)
        except Trouble as error:
            self._warnings.append(f"{self.state_path.name}: {_why(error)}")
            return False
        return True

    def _replace_blocked_state(self, content: bytes) -> bool:
        """Set aside what blocks the state's name, with the event already written, and write the state."""
        try:
            if not look(self.state_path, LARGEST_STATE).is_absent:
                self._set_aside_told(set_aside(self.state_path, self._now))
            write_bytes(self.state_path, content)
        except Trouble as error:
            self._warnings.append(f"{self.state_path.name}: {_why(error)}")
            return False
        return True

    def _add(self, event: Mapping[str, Any]) -> Head | None:
        try:
            if not self._reading.has_sound_events:
                self._set_aside_told(set_aside(self.events_path, self._now))
            return self.clear(event)
        except Trouble as error:
            self._warnings.append(f"{self.events_path.name}: {_why(error)}")
            return None

    def _journaled(self, event: Mapping[str, Any]) -> Head:
        journal = Journal(self.events_path, self._reading.run_id, patience=LINE_SECONDS)
        try:
            return journal.append(event, durable=True)
        finally:
            journal.close()

    def _set_aside_told(self, place: Path) -> None:
        self._warnings.append(f"what was there is kept as {place.name}")


def _why(error: BaseException) -> str:
    return error.what if isinstance(error, StoreError) else getattr(error, "strerror", None) or str(error)
