"""Answers a scrape: runs, evidence and the facts of the scan in one document; and the export of one run."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from opslab.errors import StoreError
from opslab.ids import checked_id
from opslab.report.metrics import catalogue as of
from opslab.report.metrics.bundle import BundleReader, why
from opslab.report.metrics.evidence import EvidenceScanner
from opslab.report.metrics.exposition import Document, Format, block_of, document, page_of
from opslab.report.metrics.files import open_directory
from opslab.report.metrics.scan import RunScanner
from opslab.report.metrics.values import RUNNING, Sample, core_labels, run_samples, status_of
from opslab.root import confined
from opslab.store import layout
from opslab.store.lock import is_alive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab.report.metrics.global_switch import GlobalSwitch
    from opslab.report.metrics.records import RunRecord

MAX_TOLD = 20
"""So many newly found problems of one scan are told one by one."""


class Exporter:
    """What ``/metrics`` answers; any number of threads may ask at once.

    Args:
        runs: the directory of runs.
        evidence: the directory of comparisons.
        only: the one run that is shown; all of them when None.
        tell: is given one line for each problem when it appears.
        switch: the lab's global switch; None where no lab is at hand, and it is not shown.
    """

    def __init__(
        self,
        runs: Path,
        evidence: Path,
        *,
        only: str | None,
        tell: Callable[[str], None],
        switch: GlobalSwitch | None = None,
    ) -> None:
        self._runs, self._evidence = RunScanner(runs, only=only), EvidenceScanner(evidence)
        self._tell, self._switch = tell, switch
        self._told: frozenset[str] = frozenset()
        self._mutex = threading.Lock()

    def scrape(self, form: Format) -> Document:
        """Return the metrics as they are now; nothing in any file makes it raise."""
        with self._mutex:
            begun = time.perf_counter()
            scan = self._runs.scan()
            evidence, others = self._evidence.scan()
            switch, doubts = self._switch.samples() if self._switch else ([], ())
            comments = (*doubts, *scan.comments, *others)
            self._report(comments)
        duration = Sample(of.SCAN_DURATION, time.perf_counter() - begun)
        facts = page_of([block_of([*switch, *scan.samples(), duration, *evidence])])
        return document([scan.page, facts], form, comments)

    def _report(self, comments: tuple[str, ...]) -> None:
        found = frozenset(comments)
        fresh = [comment for comment in comments if comment not in self._told]
        self._told = found
        for comment in fresh[:MAX_TOLD]:
            self._tell(comment)
        if len(fresh) > MAX_TOLD:
            self._tell(f"and {len(fresh) - MAX_TOLD} more")


def export_run(runs: Path, run_id: str, *, include_journal: bool = True) -> bytes:
    """Return the metrics of one run that has ended or was initialized, in the text format.

    Args:
        runs: the directory of runs.
        run_id: the run.
        include_journal: whether the journal's counts belong to it.

    Raises:
        IdError: ``run_id`` is unsafe.
        RootError: the run's directory is a symlink.
        StoreError: there is no such run, ``metadata.json`` or ``metrics.json`` are missing, or a file is malformed;
            only a malformed report of a drill is passed over, with a comment.
    """
    path = confined(runs, checked_id(run_id))
    if not path.is_dir():
        raise StoreError(f"there is no run {run_id!r}", where=runs, fix="`tc run list` names the runs there are")
    for file in (layout.METADATA, layout.METRICS):
        if not (path / file).exists():
            raise StoreError(
                "is missing", where=path / file, fix="a run has it once it ended; `tc metrics serve` shows the others"
            )
    record = _read(runs, run_id)
    drills = f"{layout.DRILLS}/"
    for file, reason in record.problems:
        is_journal = file in (layout.JOURNAL, layout.POST, layout.MANIFEST)  # the last says how long the first is
        if not file.startswith(drills) and (include_journal or not is_journal):
            raise StoreError(reason, where=path / file, fix="restore it from a copy")
    if record.metadata is None:
        raise StoreError("cannot be read", where=path / layout.METADATA, fix="restore it from a copy")
    is_living = record.metadata.status == RUNNING and is_alive(path)
    status = status_of(record.metadata, is_alive=is_living)
    block = block_of(run_samples(record, status, include_journal=include_journal), core_labels(record))
    comments = [f"skipped {file}: {reason}" for file, reason in record.problems if file.startswith(drills)]
    return document([page_of([block])], Format.TEXT, comments).content()


def _read(runs: Path, run_id: str) -> RunRecord:
    try:
        root = open_directory(runs)
        try:
            return BundleReader(run_id).read(root)
        finally:
            os.close(root)
    except OSError as error:
        raise StoreError(f"cannot be read: {why(error)}", where=runs / run_id, fix="check its rights") from error
