"""The file check from end to end: read two files, judge them, keep the result in the run's bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.clock import to_stamp
from opslab.contract.reconciliation import DifferenceRecord, ReconciliationResult, ResultInputs
from opslab.errors import one_line
from opslab.reconcile.file_check import judge
from opslab.reconcile.input_file import read_input
from opslab.reconcile.keeping import RESULT, Kept, keep
from opslab.store.reader import open_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.reconcile.file_check import Judgement
    from opslab.reconcile.input_file import ReadInput
    from opslab.root import Lab

MAX_DIFFERENCES = 1000
"""How many differences a result lists; ``differences_total`` counts them all."""


@dataclass(frozen=True)
class CheckedFiles:
    """A check that was kept.

    Attributes:
        result: what came out.
        kept: where it was kept.
        result_path: the rendering of the latest result, relative to the lab's root where it lies below it.
    """

    result: ReconciliationResult
    kept: Kept
    result_path: str


def check_files(
    lab: Lab,
    run_id: str,
    expected: Path,
    observed: Path,
    clock: Clock,
    render: Callable[[Path], None] = lambda _bundle: None,
) -> CheckedFiles:
    """Compare two files of a run and keep the result in its bundle.

    Args:
        lab: where the runs are.
        run_id: the run that both files are of.
        expected: the file that is trusted.
        observed: the file that is judged.
        clock: the time of the check.
        render: see ``keep``.

    Raises:
        IdError: ``run_id`` is unsafe.
        StoreError: there is no such run, or the result cannot be written.
        ContractError: a file cannot be used; nothing was written.
        RootError: a symlink is in the way.
    """
    bundle = open_bundle(lab.runs, run_id).path
    sides = read_input(expected, run_id), read_input(observed, run_id)
    now = clock.now()
    result = result_of(run_id, sides, judge(sides[0].content, sides[1].content, now), now)
    path = bundle / RESULT
    shown = path.relative_to(lab.root) if path.is_relative_to(lab.root) else path
    result_path = one_line(shown.as_posix(), 1024)
    kept = keep(bundle, result, result_path, clock, render)
    return CheckedFiles(kept.result or result, kept, result_path)


def result_of(
    run_id: str, sides: tuple[ReadInput, ReadInput], judgement: Judgement, now: datetime
) -> ReconciliationResult:
    """Return the result file's content."""
    expected, observed = sides
    return ReconciliationResult(
        run_id=run_id,
        ts_utc=to_stamp(now),
        status=judgement.status,
        inputs=ResultInputs(
            expected_path=expected.path,
            observed_path=observed.path,
            expected_sha256=expected.sha256,
            observed_sha256=observed.sha256,
        ),
        checks=judgement.checks,
        summary=judgement.summary,
        passed=judgement.passed,
        differences=tuple(
            DifferenceRecord(
                kind=item.kind, subject=item.subject, key=item.key, expected=item.expected, observed=item.observed
            )
            for item in judgement.differences[:MAX_DIFFERENCES]
        ),
        differences_total=len(judgement.differences),
        source="files",
    )
