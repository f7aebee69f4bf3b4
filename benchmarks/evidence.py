"""What comparing two long runs costs, next to reading both of their event streams."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.ratio import Ratio, interleaved, ratio
from opslab.contract.encoding import compact_json, pretty_json, sha256_hex
from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.registry import standard_registry
from opslab.evidence.comparison import compare
from opslab.root import find_lab
from opslab.runs.backtest import run_backtest
from opslab.samples import sample_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = 100_000
NOW = datetime(2026, 1, 5, tzinfo=UTC)
MOST_TIMES_READING = 3.0
MOST_OVER_LINEAR = 1.3


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the cost of a comparison as a multiple of reading, and of ten times fewer events."""
    repeats = 3 if quick else 7
    with tempfile.TemporaryDirectory() as directory:
        whole, tenth = (_runs(Path(directory) / str(count), count) for count in (EVENTS, EVENTS // 10))
        seconds = interleaved(
            {
                "compare": lambda: compare(whole, "backtest", "paper", NOW),
                "read": lambda: _read(whole),
                "tenth": lambda: [compare(tenth, "backtest", "paper", NOW) for _ in range(10)],
            },
            repeats,
        )
    return [
        ratio(
            f"evidence of two runs of {EVENTS} events / reading both",
            seconds["compare"],
            seconds["read"],
            MOST_TIMES_READING,
            "s",
        ),
        ratio(
            f"evidence of {EVENTS} events / ten times {EVENTS // 10}",
            seconds["compare"],
            seconds["tenth"],
            MOST_OVER_LINEAR,
            "s",
        ),
    ]


def _read(runs: Path) -> int:
    """Read both event streams: every line to its JSON value."""
    count = 0
    for name in ("backtest", "paper"):
        with (runs / name / "events.jsonl").open("rb") as file:
            for line in file:
                json.loads(line)
                count += 1
    return count


def _runs(root: Path, events: int) -> Path:
    """Make a backtest and a paper run of so many events, from one real backtest whose orders are repeated."""
    root.mkdir()
    lab = find_lab(root, {}, [root])
    prepare(lab, "btcusdt-sample")
    made = run_backtest(lab, read_spec(sample_spec()), standard_registry(), run_id="made")
    real = [json.loads(line) for line in made.read("events.jsonl").splitlines()]
    for name, mode in (("backtest", "backtest"), ("paper", "paper")):
        path = lab.runs / name
        shutil.copytree(made.path, path)
        content = b"".join(compact_json(event).encode() + b"\n" for event in _repeated(real, events))
        (path / "events.jsonl").write_bytes(content)
        metadata = json.loads((path / "metadata.json").read_bytes())
        metadata |= {"run_id": name, "mode": mode}
        metadata["event_stream"]["sha256"] = sha256_hex(content)
        (path / "metadata.json").write_bytes(pretty_json(metadata))
    return lab.runs


def _repeated(real: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """Produce ``count`` events, each round of them with orders of its own."""
    for number in range(count):
        event = dict(real[number % len(real)])
        if order := event.get("client_order_id"):
            event["client_order_id"] = f"{order}-{number // len(real)}"
        yield event
