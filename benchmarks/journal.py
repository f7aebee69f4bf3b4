"""What the chain, the lock and durability cost a line of the journal, over a plain append of the same JSON."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.ratio import Ratio, interleaved, ratio
from opslab.store.journal import Journal

EVENT: dict[str, Any] = {
    "artifacts_dir": "/srv/lab/artifacts/runs/btcusdt-round-trip-20260101t000000z-0000-main-1",
    "config_sha256": "0" * 64,
    "engine": "nautilus",
    "event": "backtest_started",
    "mode": "backtest",
    "note": "orders that a bar causes are filled at the open of the next bar",
    "run_id": "btcusdt-round-trip-20260101t000000z-0000-main-1",
    "status": "running",
    "ts_utc": "2026-01-01T00:00:00.000000Z",
}


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratios per line: chained over plain, and durable over chained, which is shown only."""
    lines, rounds = (2_000, 5) if quick else (20_000, 9)
    durable_lines = lines // 20
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        folder = Path(directory)
        contestants = {
            "plain": lambda: _plain(folder / "plain.jsonl", lines),
            "chained": lambda: _chained(folder / "chained.jsonl", lines, durable=False),
            "durable": lambda: _chained(folder / "durable.jsonl", durable_lines, durable=True),
        }
        seconds = interleaved(contestants, rounds, time.perf_counter)
    scaled = [taken * lines / durable_lines for taken in seconds["durable"]]
    return [
        ratio(f"{lines:,} journal lines / json.dumps appends", seconds["chained"], seconds["plain"], 3.0),
        ratio("a journal line with fsync / without", scaled, seconds["chained"], None),
    ]


def _plain(path: Path, lines: int) -> None:
    """Append as a careful program does without a journal: each line reaches the kernel when it is written."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for _ in range(lines):
        os.write(descriptor, (json.dumps(EVENT) + "\n").encode())
    os.close(descriptor)


def _chained(path: Path, lines: int, *, durable: bool) -> None:
    journal = Journal(path, "bench")
    for _ in range(lines):
        journal.append(EVENT, durable=durable)
    journal.close()
