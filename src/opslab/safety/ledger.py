"""Writes and finds what is known of all switches of a root: the index and its anchor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.clock import to_stamp
from opslab.contract.encoding import pretty_json
from opslab.contract.switch_rules import GLOBAL
from opslab.errors import StoreError
from opslab.safety.evidence import keep_copy, set_aside
from opslab.safety.index import IndexReading, compacted, read_index, salvaged_names
from opslab.safety.layout import ANCHOR_SUFFIX, INDEX, LARGEST_JOURNAL, LARGEST_STATE, LINE_SECONDS, look, names_in
from opslab.store.durable import make_directory, sync_directory, write_bytes
from opslab.store.journal import GENESIS, Head, Journal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.safety.roots import RootList

Trouble = (OSError, StoreError)


class SwitchLedger:
    """The index of one root.

    Args:
        root: the switches' directory, resolved.
        clock: stamps the index's lines.
        roots: the lab's list of roots, if it has one.
        is_listed: whether the root was found in that list: it was used then, so that an empty one has lost something.
    """

    def __init__(self, root: Path, clock: Clock, *, roots: RootList | None, is_listed: bool = False) -> None:
        self._root, self._clock, self._roots, self._is_listed = root, clock, roots, is_listed
        self._index = root / INDEX
        self._anchor = root.with_name(f"{root.name}{ANCHOR_SUFFIX}")

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file that ``read`` looks at; beside them it lists the root."""
        return (self._anchor, self._index, *([self._roots.path] if self._roots else []))

    def read(self) -> IndexReading:
        """Return what the index says now."""
        anchor = look(self._anchor, LARGEST_STATE)
        index = look(self._index, LARGEST_JOURNAL)
        reading = read_index(index, anchor, self._names() if index.is_absent and anchor.is_absent else ())
        if not reading.is_unused:
            return reading
        doubt = self._roots.unused_doubt(self._root) if self._roots else None
        if self._is_listed:
            doubt = f"{self._root} is empty, but this lab's switches were written there"
        return IndexReading(doubts=(doubt,), is_unused=True) if doubt else reading

    def make_root(self) -> list[str]:
        """Make the switches' directory, setting aside a file in its place; return what went wrong."""
        warnings: list[str] = []
        try:
            if not self._root.is_dir() and self._root.exists():
                warnings.append(f"what was there is kept as {set_aside(self._root, self._clock.now()).name}")
            make_directory(self._root)
        except Trouble as error:
            warnings.append(str(error))
        return warnings

    def note(self, event: Mapping[str, Any], head: Head, warnings: list[str]) -> None:
        """Record an event of a switch in the index, and move the anchor; trouble goes to ``warnings``."""
        line = {
            **self._line("switch_changed"),
            "run_id": event["run_id"],
            "event_id": event["event_id"],
            "new_state": event["new_state"],
            "events_lines": head.lines,
            "events_sha256": head.sha256,
        }
        try:
            if look(self._anchor, LARGEST_STATE).is_absent:
                self._drop_anchor(Head(0, GENESIS))
            self._drop_anchor(self._append([line]))
            if self._roots:
                self._roots.enter(self._root)
        except Trouble as error:
            warnings.append(f"the index does not know of it: {error}")

    def renew(self, doubts: Sequence[str], warnings: list[str]) -> None:
        """Set aside an index that cannot be trusted, and begin one that knows every switch that can still be named.

        Raises:
            StoreError: the new index could not be written; the old doubts stay, or others take their place.
        """
        now = self._clock.now()
        lines: list[dict[str, Any]] = [{**self._line("index_renewed"), "doubts": list(doubts)}]
        try:
            found = look(self._index, LARGEST_JOURNAL)
            names = salvaged_names(found) | set(self._names(with_trips=True) or ())
            if not found.is_absent:
                warnings.append(f"what was there is kept as {set_aside(self._index, now).name}")
            lines += [{**self._line("switch_adopted"), "run_id": name} for name in sorted(names - {GLOBAL})]
            head = self._append(lines)
            anchor = look(self._anchor, LARGEST_STATE)
            if not anchor.is_absent and not anchor.is_file:
                warnings.append(f"what was there is kept as {set_aside(self._anchor, now).name}")
            self._drop_anchor(head)
        except OSError as error:
            raise StoreError(f"the index cannot be renewed: {error.strerror}", where=self._root) from error

    def compact(self, reading: IndexReading, warnings: list[str]) -> None:
        """Begin the index anew with its latest lines, the old one kept; only where nobody else writes to it.

        The anchor stands at the end of the old index before the new one takes its place, and a new index that says so
        is believed: whoever dies in between leaves both in order.

        Args:
            reading: what the index says, without a doubt.
            warnings: takes what went wrong; the old index then stays, or what is there reads as active.
        """
        try:
            self._drop_anchor(reading.head)
            kept = keep_copy(self._index, self._clock.now())
            first = {
                **self._line("index_compacted"),
                "replaced_lines": reading.head.lines,
                "replaced_sha256": reading.head.sha256,
                "kept_as": kept.name,
            }
            content, head = compacted(reading, first)
            write_bytes(self._index, content)
            self._drop_anchor(head)
        except Trouble as error:
            warnings.append(f"the index stays long: {error}")

    def _names(self, *, with_trips: bool = False) -> list[str] | None:
        try:
            return names_in(self._root, with_trips=with_trips)
        except OSError:
            return None

    def _line(self, event: str) -> dict[str, Any]:
        return {"schema_version": "v1", "event": event, "ts_utc": to_stamp(self._clock.now())}

    def _append(self, lines: Sequence[Mapping[str, Any]]) -> Head:
        journal = Journal(self._index, GLOBAL, clock=self._clock, patience=LINE_SECONDS)
        try:
            for line in lines[:-1]:
                journal.append(line)
            head = journal.append(lines[-1], durable=True)
        finally:
            journal.close()
        sync_directory(self._root)
        return head

    def _drop_anchor(self, head: Head) -> None:
        write_bytes(self._anchor, pretty_json({"schema_version": "v1", "lines": head.lines, "sha256": head.sha256}))
