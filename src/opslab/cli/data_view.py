"""How ``tc data`` shows datasets and progress; imported by the commands when they run."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from opslab.contract.encoding import pretty_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opslab.contract.dataset import CheckResult, DatasetRecord
    from opslab.data.source import Progress as Report
    from opslab.errors import DataError

PROGRESS_FROM_BYTES = 8 << 20
"""Sources below this size are read before a bar could be seen."""

PIPE_WIDTH = 160
"""Columns of a table that goes into a file or pipe."""


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
        typer.echo(pretty_json(content).decode(), nl=False)
        return
    kind = "synthetic, " if record.synthetic else ""
    table = Table(title=f"{record.dataset} ({kind}{record.status.value}, version {record.version})")
    for column in ("check", "status", "findings", "first"):
        table.add_column(column, overflow="fold")
    for found in checks:
        first = found.ranges[0] if found.ranges else None
        place = f"rows {first.first_row}-{first.last_row}: {first.reason}" if first else ""
        table.add_row(found.name, found.status.value, str(found.count), Text(place))
    _print(table)


def show_list(entries: list[tuple[str, DatasetRecord | DataError]]) -> None:
    """Print one row a dataset; a damaged one shows what is wrong with it."""
    table = Table()
    for column in ("dataset", "state", "version", "rows", "first close", "last close", "fingerprint"):
        table.add_column(column, overflow="fold")
    for name, entry in entries:
        if isinstance(entry, Exception):
            table.add_row(name, "damaged", "", "", "", "", Text(str(entry)))
            continue
        state = f"{entry.status.value}{', synthetic' if entry.synthetic else ''}"
        stamps = (entry.first_close_utc or "", entry.last_close_utc or "")
        table.add_row(name, state, str(entry.version), str(entry.rows), *stamps, (entry.dataset_sha256 or "")[:12])
    _print(table)


def _print(table: Table) -> None:
    """Print to the terminal's width; where there is none, as wide as it needs, so that nothing is torn apart."""
    console = Console()
    console.print(table) if console.is_terminal else Console(width=PIPE_WIDTH).print(table)


@contextlib.contextmanager
def progress_over(source: Path) -> Iterator[Report | None]:
    """Give what shows progress on a terminal's stderr for a long source, None otherwise."""
    if not sys.stderr.isatty() or _size(source) < PROGRESS_FROM_BYTES:
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
