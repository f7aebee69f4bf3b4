"""Reads one bundle for its metrics; whatever is wrong with a file costs that file only, and is named."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from opslab.errors import one_line
from opslab.report.metrics import records
from opslab.report.metrics.catalogue import ENDED
from opslab.report.metrics.files import read_regular
from opslab.report.metrics.journal import JournalCount, first_event
from opslab.report.metrics.records import Metadata, RunRecord, decoded
from opslab.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opslab.report.metrics.journal_lines import Terminal
    from opslab.report.metrics.records import Drill, FirstEvent, Manifest, Record

READINESS = "connectivity_readiness.json"
PROBE = "connectivity_probe.json"
RECONCILIATION = "reconciliation_result.json"
MAX_DRILLS = 1000
"""Reports beyond so many of one run are not read."""

_JOURNALS = (layout.JOURNAL, layout.POST)
_GROWS = (layout.DRILLS, layout.JOURNAL, layout.POST)
_SEALED_GROWS = (layout.DRILLS, layout.POST)
_WITH_METRICS = frozenset({"completed", "safety_blocked"})  # a failed run of the earlier lab has none
_SHOWN = frozenset(
    {layout.METADATA, layout.METRICS, layout.MANIFEST, *_JOURNALS, READINESS, PROBE, RECONCILIATION, layout.DRILLS}
)


class Watched(NamedTuple):
    """What a bundle's metrics depend on.

    Attributes:
        paths: the bundle and everything in it that is read, below the directory of runs.
        telling: so many of the first paths show every change that the lab makes once the run has ended: it replaces
            files, which changes their directory, and appends only to journals.
    """

    paths: tuple[str, ...]
    telling: int


@dataclass(slots=True)
class BundleReader:
    """Reads one bundle again and again; only its journals are remembered.

    Attributes:
        name: the bundle's directory, below the directory of runs.
        journals: the journals as they were counted so far, by file.
    """

    name: str
    journals: dict[str, JournalCount] = field(default_factory=dict)

    def watched(self, root: int) -> Watched:
        """Return what of the bundle its metrics depend on.

        Raises:
            OSError: it cannot be listed.
        """
        names = _names(root, self.name)
        grows = _SEALED_GROWS if layout.MANIFEST in names else _GROWS
        first = [file for file in grows if file in names]
        then = sorted(_SHOWN.intersection(names).difference(first))
        if layout.DRILLS in names:
            with contextlib.suppress(OSError):  # said when it is read
                then += self._drill_files(root)[:MAX_DRILLS]
        return Watched((self.name, *(f"{self.name}/{file}" for file in (*first, *then))), 1 + len(first))

    def read(self, root: int) -> RunRecord:
        """Return what the bundle says.

        Raises:
            OSError: the directory cannot be listed.
        """
        reading = _Reading(root, self.name, frozenset(_names(root, self.name)))
        # Before the journals, which only grow: what these two say of them must not be news to what is counted.
        metadata = reading.file(Metadata, layout.METADATA)
        manifest = reading.file(records.Manifest, layout.MANIFEST)
        journals = tuple(self._counted(reading, is_final=_has_ended(reading, metadata)))
        if metadata is None:
            metadata = self._told(reading)
        if _has_ended(reading, metadata):
            self._require_whole(reading, metadata, manifest)
        metrics = reading.file(records.Metrics, layout.METRICS)
        if metrics is None and metadata is not None and metadata.status in _WITH_METRICS:
            reading.problem(layout.METRICS, f"is missing from a run that is {metadata.status}")
        return RunRecord(
            name=self.name,
            metadata=metadata,
            metrics=metrics,
            readiness=reading.file(records.Readiness, READINESS),
            probe=reading.file(records.Probe, PROBE),
            reconciliation=reading.file(records.Reconciliation, RECONCILIATION),
            drills=self._drills(reading),
            journals=journals,
            problems=tuple(reading.problems.items()),
        )

    def _counted(self, reading: _Reading, *, is_final: bool) -> Iterator[JournalCount]:
        for file in _JOURNALS:
            count = self.journals.setdefault(file, JournalCount())
            try:
                count.read(reading.root, f"{self.name}/{file}", is_final=is_final)
            except FileNotFoundError:
                del self.journals[file]
                if file == layout.JOURNAL:
                    reading.problem(file, "is missing")
                continue
            except (OSError, ValueError) as error:
                del self.journals[file]
                reading.problem(file, why(error))
                continue
            if count.broken:
                reading.problem(file, f"has {count.broken} lines that are no event")
            yield count

    def _require_whole(self, reading: _Reading, metadata: Metadata | None, manifest: Manifest | None) -> None:
        journal, post = (self.journals.get(file) for file in _JOURNALS)
        if journal is not None and (reason := journal.shortfall(manifest.journal.lines if manifest else None)):
            reading.problem(layout.JOURNAL, reason)
        # What came later may be in the middle of being written, so that its last line need not be whole.
        told, lines = metadata.post.lines if metadata and metadata.post else 0, post.lines if post else 0
        if lines < told:
            reading.problem(layout.POST, f"has {lines} whole lines, {layout.METADATA} tells of {told}")

    def _told(self, reading: _Reading) -> Metadata | None:
        """Return what the journal says of a run that has no metadata: one that still runs, or that died."""
        count = self.journals.get(layout.JOURNAL)
        try:
            first = first_event(reading.root, f"{self.name}/{layout.JOURNAL}") if count else None
        except (OSError, ValueError) as error:
            reading.problem(layout.JOURNAL, why(error))
            first = None
        if count is None or first is None or first.run_id != self.name:
            reading.problem(layout.METADATA, "is missing, and the journal does not say what the run is")
            return None
        return _started(first, count.terminal)

    def _drills(self, reading: _Reading) -> tuple[Drill, ...]:
        if layout.DRILLS not in reading.names:
            return ()
        try:
            files = self._drill_files(reading.root)
        except OSError as error:
            reading.problem(layout.DRILLS, why(error))
            return ()
        if len(files) > MAX_DRILLS:
            reading.problem(layout.DRILLS, f"holds {len(files)} reports, more than {MAX_DRILLS}")
        found = (reading.file(records.Drill, file) for file in files[:MAX_DRILLS])
        return tuple(drill for drill in found if drill is not None)

    def _drill_files(self, root: int) -> list[str]:
        names = _names(root, f"{self.name}/{layout.DRILLS}")
        return sorted(f"{layout.DRILLS}/{name}" for name in names if name.endswith(".json") and name[0] != ".")


@dataclass(slots=True)
class _Reading:
    """One pass over a bundle, with the problems that it met."""

    root: int
    bundle: str
    names: frozenset[str]
    problems: dict[str, str] = field(default_factory=dict)

    def file[Kind: Record](self, kind: type[Kind], file: str) -> Kind | None:
        if file.partition("/")[0] not in self.names:
            return None
        try:
            return decoded(kind, read_regular(self.root, f"{self.bundle}/{file}"), self.bundle)
        except (OSError, ValueError) as error:
            self.problem(file, why(error))
            return None

    def problem(self, file: str, reason: str) -> None:
        self.problems.setdefault(file, reason)


def _has_ended(reading: _Reading, metadata: Metadata | None) -> bool:
    return layout.MANIFEST in reading.names or (metadata is not None and metadata.status in ENDED)


def why(error: Exception) -> str:
    """Return what an error says, on one line."""
    return one_line((isinstance(error, OSError) and error.strerror) or error or type(error).__name__, 200)


def _names(root: int, directory: str) -> list[str]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
    try:
        with os.scandir(descriptor) as found:
            return [entry.name for entry in found]
    finally:
        os.close(descriptor)


def _started(first: FirstEvent, end: Terminal | None) -> Metadata:
    spec = first.inputs.spec if first.inputs else records.StartedSpec()
    begun = first.event == "run_started"
    return Metadata(
        run_id=first.run_id,
        mode=first.mode,
        engine=first.engine,
        status=end.status if end else first.status,
        venue=spec.venue,
        instrument=spec.instrument,
        data=first.inputs.datasets[0] if first.inputs and first.inputs.datasets else None,
        created_at_utc=first.ts_utc,
        session_id=first.session_id,
        started_at_utc=first.ts_utc if begun else None,
        completed_at_utc=end.ts_utc if end else None,
    )
