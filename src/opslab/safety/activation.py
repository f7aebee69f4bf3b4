"""Activates one switch of one root: a mark first, without waiting for anybody, then the files, then the mark goes.

Whoever clears holds the lock of the switches' directory itself from its last look to its end. An activation takes its
mark away only while it has that lock for itself alone, and finds its own event in files that agree: a clear that was
stopped, whoever removed the lock file meanwhile, can then only have come before, or will be refused.
"""

from __future__ import annotations

import contextlib
import uuid
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self

from opslab.clock import to_stamp
from opslab.contract.encoding import pretty_json
from opslab.contract.switch_rules import GLOBAL
from opslab.errors import StoreError
from opslab.safety.change import Change, Words
from opslab.safety.evidence import set_aside
from opslab.safety.holding import held
from opslab.safety.layout import STATE_SUFFIX, trip_name
from opslab.safety.litter import sweep, unswept
from opslab.safety.machine import event_of
from opslab.safety.marks import TripMark, put_mark, remove_mark
from opslab.safety.trip import SwitchWriter
from opslab.store.adding import held_directory
from opslab.store.regular import MISSING, trouble_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    from opslab.safety.index import IndexReading
    from opslab.safety.reading import SwitchReading
    from opslab.safety.switch_root import SwitchRoot
    from opslab.store.journal import Head

WAIT_SECONDS = 15.0
"""How long an activation waits for another writer; it then goes on without the lock."""

LOST_INDEX = "the index of switches could not be trusted"


class Activation:
    """One activation; its mark is there, and known to be of somebody alive, inside the ``with`` block.

    Args:
        root: where.
        name: the run, or ``GLOBAL``.
        words: why and who.
    """

    def __init__(self, root: SwitchRoot, name: str, words: Words) -> None:
        self._root, self._name, self._words = root, name, words
        self.where = root.path
        self._id = str(uuid.uuid4())
        self.warnings: list[str] = []
        self._mark: TripMark | None = None
        self._cut_short: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self.warnings += self._root.ledger.make_root()
        fields = {"run_id": self._name, "event_id": self._id, "ts_utc": to_stamp(self._root.clock.now())}
        content = pretty_json({"schema_version": "v1", **fields, **self._words._asdict()})
        try:
            self._mark = put_mark(self._root.path / trip_name(self._name, self._id), content)
        except OSError as error:
            self.warnings.append(f"no mark could be left: {error.strerror or error}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mark:
            self._mark.release()

    def complete(self) -> Change:
        """Record the activation, over any corruption.

        Raises:
            StoreError: nothing at all could be written, not even the mark.
        """
        root = self._root
        self._clear_the_locks_name()
        with held(root.lock, WAIT_SECONDS) as lock:
            with nullcontext() if lock.is_held else unswept(root.path):
                if not lock.is_held:
                    self.warnings.append(f"{lock.trouble}: went on without it")
                event = self._record(is_held=lock.is_held)
            self._settle(is_held=lock.is_held)
        return Change(event, root.path / f"{self._name}{STATE_SUFFIX}", tuple(self.warnings))

    def _clear_the_locks_name(self) -> None:
        path = self._root.lock
        if (what := trouble_of(path)) not in (None, MISSING):
            with contextlib.suppress(OSError):
                self.warnings.append(f"{path.name} {what}: kept as {set_aside(path, self._root.clock.now()).name}")

    def _record(self, *, is_held: bool) -> Mapping[str, Any]:
        index = self._root.ledger.read()
        event, head = self.write(index, is_held=is_held)
        if index.is_broken and not (is_held and self._renewed(index)):
            self.warnings.append(f"the index does not know of it: {index.doubts[0]}")
        elif head is not None:
            self._root.ledger.note(event, head, self.warnings)
        return event

    def write(self, index: IndexReading, *, is_held: bool) -> tuple[Mapping[str, Any], Head | None]:
        """Write event and state; the event's head is None when it could not be added.

        Raises:
            StoreError: nothing at all could be written, not even the mark.
        """
        reading = self._reading(index)
        now = self._root.clock.now()
        event = event_of("kill_activated", reading, self._id, self._words, now)
        writer = SwitchWriter(self._root.path, reading, now, self.warnings)
        return event, writer.activate(event, may_set_aside=is_held, is_marked=self._mark is not None)

    def _reading(self, index: IndexReading) -> SwitchReading:
        """Return what the switch reads as without those who will record themselves: this one, and others alive."""
        marks = self._root.marks()
        if marks is not None:
            marks = {self._name: [mark for mark in marks.get(self._name, ()) if not self._root.is_under_way(mark)]}
            self._cut_short = tuple(marks[self._name])  # told in the event, so that they may go with it
        return self._root.look(self._name, index, marks)

    def _renewed(self, index: IndexReading) -> bool:
        try:
            if self._name == GLOBAL:
                self._root.ledger.renew(index.doubts, self.warnings)
                return True
            with Activation(self._root, GLOBAL, self._words._replace(reason=LOST_INDEX)) as everything:
                event, head = everything.write(index, is_held=True)
                doubt = f"{index.doubts[0]}: renewed, and the global switch activated (`tc kill clear --all`)"
                self.warnings += [*everything.warnings, doubt]
                self._root.ledger.renew(index.doubts, self.warnings)
                if head is not None:
                    self._root.ledger.note(event, head, self.warnings)
                with self._alone() as is_alone:
                    everything.take_mark_away(is_alone=is_alone)
        except StoreError as error:
            self.warnings.append(str(error))
            return False
        return True

    def _settle(self, *, is_held: bool) -> None:
        with self._alone() as is_alone:
            index = self.take_mark_away(is_alone=is_alone)
            if is_alone and is_held and index.is_long and not index.doubts:
                self._root.ledger.compact(index, self.warnings)
        if is_held:
            sweep(self._root.path)

    def take_mark_away(self, *, is_alone: bool) -> IndexReading:
        """Remove the mark, and those of the dead, if the files record this activation and nobody is clearing.

        Returns:
            What the index says now.

        Raises:
            StoreError: there is no mark, and the switch is not active.
        """
        index = self._root.ledger.read()
        reading = self._root.look(self._name, index, {})
        if reading.state != "active" and self._mark is None:
            raise StoreError("NOT ACTIVE after all", where=self._root.path, fix="stop the system by other means")
        record = reading.record or {}
        is_recorded = reading.is_trusted and record.get("last_event_id") == self._id and reading.state == "active"
        if self._mark and not (is_alone and is_recorded):
            doubt = reading.doubts[0] if reading.doubts else "another command is at work"
            self.warnings.append(f"{self._mark.path.name} stays until the next activation or clear: {doubt}")
        elif is_recorded and is_alone:
            self._remove((*self._cut_short, *([self._mark.path.name] if self._mark else [])))
        return index

    def _remove(self, marks: Iterable[str]) -> None:
        for mark in marks:
            try:
                remove_mark(self._root.path / mark, self._root.clock.now())
            except OSError as error:
                self.warnings.append(f"{mark} cannot be removed: {error.strerror}")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        with contextlib.ExitStack() as stack:
            is_alone = False
            with contextlib.suppress(StoreError):
                is_alone = stack.enter_context(held_directory(self._root.path, 0))
            yield is_alone
