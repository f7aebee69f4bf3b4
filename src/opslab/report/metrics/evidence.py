"""Sums up the comparisons of backtests with paper runs; a malformed one costs only itself, and is counted."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from opslab.errors import one_line
from opslab.report.metrics import catalogue as of
from opslab.report.metrics.bundle import why
from opslab.report.metrics.exposition import label
from opslab.report.metrics.files import open_directory, read_regular, stamp_of
from opslab.report.metrics.records import Record, decoded
from opslab.report.metrics.values import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE = "backtest_vs_paper_evidence.json"
CLASSES = frozenset({"direct", "contextual", "mode_specific", "gap", "future_candidate"})
SIDES = ("backtest", "paper")
MAX_ARTIFACTS = 50
"""So many artifact names are told apart, those of most pairs first."""


class ComparedField(msgspec.Struct, frozen=True, gc=False):
    """One compared field."""

    comparable: str | None = None


class JournalSummary(msgspec.Struct, frozen=True, gc=False):
    """What both journals have."""

    shared_events: tuple[str, ...] = ()


class Evidence(Record, frozen=True, gc=False):
    """The comparison of two bundles, as far as its metrics go."""

    comparison_status: str | None = None
    compared_fields: tuple[ComparedField, ...] = ()
    artifact_presence: dict[str, dict[str, bool]] = msgspec.field(default_factory=dict)
    journal_summary: JournalSummary = JournalSummary()
    known_gaps: tuple[msgspec.Raw, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    stamp: bytes
    counts: Counter[tuple[str, ...]]
    problem: str | None = None


class EvidenceScanner:
    """Keeps what the comparisons below a directory said.

    Args:
        evidence: the directory with one directory a pair.
    """

    def __init__(self, evidence: Path) -> None:
        self._evidence = evidence
        self._entries: dict[str, _Entry] = {}

    def scan(self) -> tuple[list[Sample], tuple[str, ...]]:
        """Return the samples of all pairs, and a comment for each that cannot be read; nothing makes it raise."""
        try:
            root = open_directory(self._evidence)
        except OSError:
            self._entries.clear()  # a lab that compared nothing has no such directory
            return [], ()
        try:
            with os.scandir(root) as found:
                names = sorted(e.name for e in found if e.name[0] != "." and e.is_dir(follow_symlinks=False))
            self._entries = {name: entry for name in names if (entry := self._entry(root, name)) is not None}
        finally:
            os.close(root)
        problems = [(name, entry.problem) for name, entry in self._entries.items() if entry.problem]
        comments = tuple(one_line(f"skipped evidence {name}/{FILE}: {reason}") for name, reason in problems)
        return list(_samples(self._entries.values(), len(problems))), comments

    def _entry(self, root: int, name: str) -> _Entry | None:
        known, file = self._entries.get(name), f"{name}/{FILE}"
        try:
            stamp = stamp_of(root, (file,))
        except OSError:
            return None  # a pair that is being compared has no result yet
        if known is not None and known.stamp == stamp:
            return known
        try:
            return _Entry(stamp, _counts(decoded(Evidence, read_regular(root, file), None)))
        except Exception as error:  # noqa: BLE001 - one file, however broken, costs only itself
            return _Entry(stamp, Counter(), why(error))


def _counts(found: Evidence) -> Counter[tuple[str, ...]]:
    status = label(found.comparison_status)
    counts: Counter[tuple[str, ...]] = Counter()
    counts["status", status if status in of.EVIDENCE_STATUS.encoding else "unknown"] = 1
    for side in SIDES:
        for artifact, is_present in found.artifact_presence.get(side, {}).items():
            counts["artifact", side, label(artifact)] += is_present
    for compared in found.compared_fields:
        counts["field", compared.comparable if compared.comparable in CLASSES else "unknown"] += 1
    counts["gaps",] += len(found.known_gaps)
    counts["shared",] += len(found.journal_summary.shared_events)
    return counts


def _samples(entries: Iterable[_Entry], unreadable: int) -> Iterator[Sample]:
    total: Counter[tuple[str, ...]] = Counter()
    for entry in entries:
        for key, count in entry.counts.items():
            total[key] += count
    yield Sample(of.EVIDENCE_UNREADABLE, unreadable)
    if not total:
        return
    yield Sample(of.EVIDENCE_GAPS, total["gaps",])
    yield Sample(of.EVIDENCE_SHARED, total["shared",])
    artifacts = [(key, count) for key, count in total.items() if key[0] == "artifact"]
    for key, count in sorted(artifacts, key=lambda row: (-row[1], row[0]))[: MAX_ARTIFACTS * len(SIDES)]:
        yield Sample(of.EVIDENCE_ARTIFACTS, count, key[1:])
    for key, count in sorted(total.items()):
        if key[0] == "status":
            yield Sample(of.EVIDENCE_PAIRS, count, key[1:])
            yield Sample(of.EVIDENCE_STATUS, of.EVIDENCE_STATUS.encode(key[1]), key[1:])
        elif key[0] == "field":
            yield Sample(of.EVIDENCE_FIELDS, count, key[1:])
