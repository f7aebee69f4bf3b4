"""Reads a directory of runs again and again, each time only the bundles that changed since the time before."""

from __future__ import annotations

import os
import stat
import time
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.errors import one_line
from opslab.report.metrics import catalogue as of
from opslab.report.metrics.bundle import BundleReader, Watched, why
from opslab.report.metrics.exposition import Block, Page, block_of, page_of
from opslab.report.metrics.files import SETTLE_NS, STAMP_SIZE, last_change, open_directory, packed, stamp_of
from opslab.report.metrics.values import RUNNING, Sample, core_labels, run_samples, status_of
from opslab.store import layout
from opslab.store.lock import is_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from opslab.report.metrics.records import RunRecord

FULL_CHECKS = 50
"""At least so many runs that have ended are looked at file by file in each scan, in turns; of the others, what the lab
itself can change. Only a file of theirs that something else overwrites in place is seen some scans later."""
ROUND = 20
"""Within so many scans each run that has ended is looked at file by file, however many there are."""

_BUNDLE = "bundle"
_EMPTY = Block((b"", b"", b""), b"", ())


@dataclass(frozen=True, slots=True)
class RunScan:
    """What one scan found.

    Attributes:
        page: the lines of every run, sorted by directory name.
        statuses: runs by where they are in their life.
        problems: what cannot be read: bundle, file and reason.
        read: how many bundles were read because they changed.
        is_readable: whether the directory of runs could be listed.
        comments: what a reader of the text should know.
    """

    page: Page
    statuses: Counter[str]
    problems: tuple[tuple[str, str, str], ...]
    read: int
    is_readable: bool
    comments: tuple[str, ...]

    def samples(self) -> Iterator[Sample]:
        """Yield the samples about the scan itself."""
        for status in (*of.STATUSES, *sorted(set(self.statuses) - set(of.STATUSES))):
            yield Sample(of.RUNS, self.statuses[status], (status,))
        yield Sample(of.ROOT_READABLE, int(self.is_readable))
        yield Sample(of.UNREADABLE, len({bundle for bundle, _, _ in self.problems}))
        for file, count in sorted(Counter(file.partition("/")[0] for _, file, _ in self.problems).items()):
            yield Sample(of.FILES_UNREADABLE, count, (file,))
        yield Sample(of.SCAN_READ, self.read)


@dataclass(slots=True)
class _Entry:
    """One bundle as it was read last.

    Attributes:
        stamp: of all that is watched.
        is_settled: whether every later change must show in the stamp.
        telling: what of a run that has ended shows every change by the lab; nothing while the run has not ended.
        is_alive: matters only to a run that says it runs.
    """

    reader: BundleReader
    watched: Watched
    stamp: bytes
    is_settled: bool
    telling: tuple[str, ...] = ()
    block: Block = _EMPTY
    status: str | None = None
    is_alive: bool | None = None
    problems: tuple[tuple[str, str], ...] = ()

    def told(self) -> bytes:
        """Return the part of the stamp that is about ``telling``."""
        return self.stamp[: STAMP_SIZE * len(self.telling)]


@dataclass(frozen=True, slots=True)
class _Quiet:
    """The bundles of settled runs that have ended, taken together: one comparison tells that nothing happened there."""

    names: frozenset[str]
    telling: tuple[str, ...]
    told: bytes

    @classmethod
    def of(cls, entries: Mapping[str, _Entry]) -> _Quiet:
        quiet = {name: entry for name, entry in entries.items() if entry.telling and entry.is_settled}
        telling = tuple(path for entry in quiet.values() for path in entry.telling)
        return cls(frozenset(quiet), telling, b"".join(entry.told() for entry in quiet.values()))

    def is_calm(self, root: int) -> bool:
        try:
            return stamp_of(root, self.telling) == self.told
        except OSError:
            return False


class RunScanner:
    """Keeps what the bundles of a directory said.

    Args:
        runs: the directory of runs.
        only: the one run that is looked at; all of them when None.
        now_ns: the machine's clock, in nanoseconds since 1970.
    """

    def __init__(self, runs: Path, *, only: str | None = None, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._runs, self._only, self._now_ns = runs, only, now_ns
        self._entries: dict[str, _Entry] = {}
        self._last: RunScan | None = None
        self._listing: tuple[bytes, list[str]] = (b"", [])
        self._looked_at = ""
        self._quiet = _Quiet.of({})

    def scan(self) -> RunScan:
        """Return what the runs say now; nothing in any bundle makes it raise."""
        try:
            root = open_directory(self._runs)
        except OSError as error:
            self._entries.clear()
            self._quiet = _Quiet.of({})
            return self._gathered(0, f"no runs: {self._runs}: {why(error)}")
        try:
            names = self._listed(root)
            stale = self._stale(root, names)
            gone = self._entries.keys() - set(names)
            for name in gone:
                del self._entries[name]
            for name in stale:
                self._entries[name] = self._read(root, name)
            if gone or stale:
                self._quiet = _Quiet.of(self._entries)
        finally:
            os.close(root)
        if self._last is not None and self._last.is_readable and not gone and not stale:
            last = self._last
            return RunScan(last.page, last.statuses, last.problems, 0, last.is_readable, last.comments)
        return self._gathered(len(stale))

    def _listed(self, root: int) -> list[str]:
        if self._only is not None:
            return [self._only] if os.path.lexists(self._runs / self._only) else []
        found = os.fstat(root)
        stamp = packed(found)
        if stamp == self._listing[0]:
            return self._listing[1]
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in entries if entry.name[0] != "." and _is_bundle(entry))
        is_settled = found.st_ctime_ns + SETTLE_NS < self._now_ns()
        self._listing = (stamp if is_settled else b"", names)
        return names

    def _due(self, names: list[str]) -> frozenset[str]:
        """Return whose turn it is: those that follow, by name, on the last one of the scan before."""
        count = max(FULL_CHECKS, -(-len(names) // ROUND))
        begin = bisect_right(names, self._looked_at)
        due = (names[begin : begin + count] + names[:begin])[:count]
        self._looked_at = due[-1] if due else ""
        return frozenset(due)

    def _stale(self, root: int, names: list[str]) -> list[str]:
        due, quiet = self._due(names), self._quiet
        if quiet.is_calm(root):
            names = [name for name in names if name in due or name not in quiet.names]
        return [name for name in names if self._is_stale(root, name, is_due=name in due)]

    def _is_stale(self, root: int, name: str, *, is_due: bool) -> bool:
        entry = self._entries.get(name)
        if entry is None or not entry.is_settled:
            return True
        try:
            if entry.telling and not is_due:
                return stamp_of(root, entry.telling) != entry.told()
            is_changed = stamp_of(root, entry.watched.paths) != entry.stamp
        except OSError:
            return True
        return is_changed or (entry.is_alive is not None and entry.is_alive != self._lives(root, name))

    def _read(self, root: int, name: str) -> _Entry:
        known = self._entries.get(name)
        reader = known.reader if known else BundleReader(name)
        try:
            _require_bundle(root, name)
            watched = reader.watched(root)
            stamp = stamp_of(root, watched.paths)
            record = reader.read(root)
            # The stamp is older than what was read, so a change in between is seen the next time.
            entry = _Entry(reader, watched, stamp, last_change(stamp) + SETTLE_NS < self._now_ns())
            return self._rendered(root, entry, record)
        except Exception as error:  # noqa: BLE001 - one bundle, however broken, costs only itself
            return _Entry(BundleReader(name), Watched((), 0), b"", is_settled=False, problems=((_BUNDLE, why(error)),))

    def _rendered(self, root: int, entry: _Entry, record: RunRecord) -> _Entry:
        entry.problems = record.problems
        if record.metadata is not None:
            if record.metadata.status == RUNNING:
                entry.is_alive = self._lives(root, record.name)
            entry.status = status_of(record.metadata, is_alive=bool(entry.is_alive))
            entry.block = block_of(run_samples(record, entry.status), core_labels(record))
            if entry.status in of.ENDED:
                entry.telling = entry.watched.paths[: entry.watched.telling]
        return entry

    def _lives(self, root: int, name: str) -> bool:
        try:
            found = os.stat(f"{name}/{layout.LOCK}", dir_fd=root, follow_symlinks=False)
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and is_alive(self._runs / name)  # opening a pipe would wait

    def _gathered(self, read: int, trouble: str | None = None) -> RunScan:
        entries = sorted(self._entries.items())
        problems = tuple((name, *problem) for name, entry in entries for problem in entry.problems)
        comments = [one_line(f"skipped {name}/{file}: {reason}") for name, file, reason in problems]
        if not entries:
            comments.append(trouble or f"no runs in {self._runs}")
        self._last = RunScan(
            page=page_of(entry.block for _, entry in entries),
            statuses=Counter(entry.status for _, entry in entries if entry.status is not None),
            problems=problems,
            read=read,
            is_readable=trouble is None,
            comments=tuple(comments),
        )
        return self._last


def _is_bundle(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() or entry.is_dir(follow_symlinks=False)


def _require_bundle(root: int, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError("its name is not UTF-8, and no run's id") from None
    if stat.S_ISLNK(os.stat(name, dir_fd=root, follow_symlinks=False).st_mode):
        raise ValueError("is a symlink, which the lab does not follow")
