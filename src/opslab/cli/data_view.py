"""How ``tc data`` shows datasets and progress; imported by the commands when they run."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from opslab.cli.progress import is_shown
from opslab.cli.table import print_table
from opslab.cli.told import tell_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opslab.contract.dataset import CheckResult, DatasetRecord
    from opslab.data.source import Progress as Report
    from opslab.errors import DataError

PROGRESS_FROM_BYTES = 8 << 20
"""Sources below this size are read before a bar could be seen."""


def show_checks(record: DatasetRecord, checks: list[CheckResult], measured: str | None, *, as_json: bool) -> None:
    """Print what each check of the gate found, as a table or as JSON."""
    if as_json:
        content = {
            "dataset": record.dataset,
            "status": record.status.value,
            "synthetic": record.synthetic,
            "recorded_sha256": record.dataset_sha256,
            "measured_sha256": measured,
            "checks": [found.to_dict() for found in checks],
        }
        tell_json(content)
        return
    kind = "synthetic, " if record.synthetic else ""
    rows = []
    for found in checks:
        first = found.ranges[0] if found.ranges else None
        place = f"rows {first.first_row}-{first.last_row}: {first.reason}" if first else ""
        rows.append((found.name, found.status.value, str(found.count), place))
    title = f"{record.dataset} ({kind}{record.status.value}, version {record.version})"
    print_table(("check", "status", "findings", "first"), rows, title)


def show_list(entries: list[tuple[str, DatasetRecord | DataError]]) -> None:
    """Print one row a dataset; a damaged one shows what is wrong with it."""
    rows = []
    for name, entry in entries:
        if isinstance(entry, Exception):
            rows.append((name, "damaged", "", "", "", "", str(entry)))
            continue
        state = f"{entry.status.value}{', synthetic' if entry.synthetic else ''}"
        stamps = (entry.first_close_utc or "", entry.last_close_utc or "")
        rows.append((name, state, str(entry.version), str(entry.rows), *stamps, (entry.dataset_sha256 or "")[:12]))
    print_table(("dataset", "state", "version", "rows", "first close", "last close", "fingerprint"), rows)


@contextlib.contextmanager
def progress_over(source: Path) -> Iterator[Report | None]:
    """Give what shows progress on a terminal's stderr for a long source, None otherwise."""
    if not is_shown(sys.stderr, os.environ) or _size(source) < PROGRESS_FROM_BYTES:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading and checking")

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def _size(source: Path) -> int:
    try:
        return source.stat().st_size
    except (OSError, ValueError):
        return 0
