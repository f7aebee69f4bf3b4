"""Writes and finds what the lab knows of all its switches: the index, its anchor, and the list of roots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.clock import to_stamp
from opslab.contract.encoding import pretty_json
from opslab.contract.switch_rules import GLOBAL, checked_roots
from opslab.errors import StoreError
from opslab.safety.evidence import set_aside
from opslab.safety.index import IndexReading, read_index, salvaged_names
from opslab.safety.layout import ANCHOR_SUFFIX, INDEX, LARGEST_JOURNAL, LARGEST_STATE, ROOTS, look, names_in
from opslab.safety.litter import sweep_names
from opslab.safety.reading import parsed
from opslab.store.adding import held_directory
from opslab.store.durable import make_directory, sync_directory, write_bytes
from opslab.store.journal import GENESIS, Head, Journal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from opslab.clock import Clock

Trouble = (OSError, StoreError)

LIST_SECONDS = 1.0
"""How long to wait for another root that is entering itself in the list of roots."""


class SwitchLedger:
    """The index of one root.

    Args:
        root: the switches' directory, resolved.
        clock: stamps the index's lines.
        roots_file: the lab's list of roots, if it has one.
    """

    def __init__(self, root: Path, clock: Clock, *, roots_file: Path | None) -> None:
        self._root, self._clock, self._roots_file = root, clock, roots_file
        self._index = root / INDEX
        self._anchor = root.with_name(f"{root.name}{ANCHOR_SUFFIX}")

    @staticmethod
    def roots_file_of(lab_root: Path) -> Path:
        """Return where a lab lists its switch roots: not below any of them, so that a mistyped root shows."""
        return lab_root / "runtime" / ROOTS

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file that ``read`` looks at; beside them it lists the root."""
        return (self._anchor, self._index, *([self._roots_file] if self._roots_file else []))

    def read(self) -> IndexReading:
        """Return what the index says now."""
        anchor = look(self._anchor, LARGEST_STATE)
        index = look(self._index, LARGEST_JOURNAL)
        reading = read_index(index, anchor, self._names() if index.is_absent and anchor.is_absent else ())
        if not reading.is_unused:
            return reading
        if doubt := self._unlisted_doubt():
            return IndexReading(doubts=(doubt,), is_unused=True)
        return reading

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
            self._register()
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
            names = salvaged_names(found) | set(self._names() or ())
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

    def _unlisted_doubt(self) -> str | None:
        """Say why a root that was never used cannot be the one that is meant."""
        if self._roots_file is not None:
            listed, doubts = parsed(look(self._roots_file, LARGEST_STATE), checked_roots)
            if doubts:
                return doubts[0]
            if listed is not None:
                return f"{self._root} is empty, but this lab's switches were written in {', '.join(listed['roots'])}"
        return None

    def _names(self) -> list[str] | None:
        try:
            return names_in(self._root)
        except OSError:
            return None

    def _register(self) -> None:
        if self._roots_file is None or self._is_listed(self._roots_file):
            return
        make_directory(self._roots_file.parent)
        with held_directory(self._roots_file.parent, LIST_SECONDS) as is_alone:
            if not is_alone:  # switches of another root, which this root's lock does not keep out
                raise StoreError("another process keeps the list", where=self._roots_file, fix="try again")
            sweep_names(self._roots_file.parent, f"-{ROOTS}")
            self._list_root(self._roots_file)

    def _is_listed(self, path: Path) -> bool:
        listed, _ = parsed(look(path, LARGEST_STATE), checked_roots)
        return listed is not None and self._name_of_root(path.parent.parent) in listed["roots"]

    def _list_root(self, path: Path) -> None:
        found = look(path, LARGEST_STATE)
        listed, doubts = parsed(found, checked_roots)
        if doubts and not found.is_absent:
            set_aside(path, self._clock.now())
        roots = {*(listed["roots"] if listed else []), self._name_of_root(path.parent.parent)}
        write_bytes(path, pretty_json({"schema_version": "v1", "roots": sorted(roots)}))

    def _name_of_root(self, lab_root: Path) -> str:
        # Relative where possible, so that a lab that was moved as a whole still knows its switches.
        base = lab_root.resolve()
        return str(self._root.relative_to(base) if self._root.is_relative_to(base) else self._root)

    def _line(self, event: str) -> dict[str, Any]:
        return {"schema_version": "v1", "event": event, "ts_utc": to_stamp(self._clock.now())}

    def _append(self, lines: Sequence[Mapping[str, Any]]) -> Head:
        journal = Journal(self._index, GLOBAL, clock=self._clock)
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
