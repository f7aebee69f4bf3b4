from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from opslab.clock import SystemClock
from opslab.report.metrics.exporter import Exporter
from opslab.report.metrics.exposition import Format
from opslab.report.metrics.family import PREFIX
from opslab.report.metrics.global_switch import GlobalSwitch
from opslab.root import find_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CORE = {"mode": "backtest", "engine": "nautilus", "venue": "binance", "instrument": "BTCUSDT"}
STAMP = "2026-01-01T00:00:{:02d}.000001Z"
EVENTS = ("run_started", "backtest_started", "backtest_completed", "run_completed")


def metadata(run_id: str, **changes: Any) -> dict[str, Any]:
    fields = {"schema_version": "v1", "run_id": run_id, "status": "completed", **CORE, "data": {"dataset": "sample"}}
    times = {"created_at_utc": STAMP.format(0), "started_at_utc": STAMP.format(1), "completed_at_utc": STAMP.format(3)}
    return {**fields, **times, "is_placeholder": False, **changes}


def metrics(run_id: str, **changes: Any) -> dict[str, Any]:
    fields = {"schema_version": "v1", "run_id": run_id, "engine_executed": True, "dataset": "sample"}
    counts = {"input_candles_count": 20, "bars_processed": 19, "bars_seen": 18, "orders_submitted": 4, "fills_count": 3}
    names = {"scenario_name": "demo", "scenario_version": "0.1.0", "strategy_registered": True}
    return {**fields, **counts, **names, "deterministic_action_triggered": False, "engine_duration_ms": 1234, **changes}


@dataclass
class Place:
    """A directory of runs and one of evidence, and an exporter over them."""

    root: Path
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runs.mkdir(parents=True)
        self.lab = find_lab(self.root, {}, [self.root])
        switch = GlobalSwitch(self.lab, SystemClock())
        self.exporter = Exporter(self.runs, self.evidence, only=None, tell=self.told.append, switch=switch)

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def evidence(self) -> Path:
        return self.root / "evidence"

    def write(self, path: str, content: object) -> Path:
        """Write a file below the directory of runs: text and bytes as they are, anything else as JSON."""
        target = self.runs / path
        target.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        return target

    def run(self, run_id: str = "r1", **changes: Any) -> Path:
        """Write a run that completed; ``changes`` go into its metadata."""
        self.write(f"{run_id}/metadata.json", metadata(run_id, **changes))
        self.write(f"{run_id}/metrics.json", metrics(run_id))
        self.write(f"{run_id}/journal.jsonl", "".join(json.dumps({"event": name}) + "\n" for name in EVENTS))
        return self.runs / run_id

    def sealed(self, run_id: str, lines: int) -> None:
        """Write the manifest of a run whose journal has ``lines``."""
        head = {"lines": lines, "head_sha256": "0" * 64}
        self.write(f"{run_id}/manifest.json", {"schema_version": "v1", "run_id": run_id, "journal": head})

    def started(self, run_id: str, *events: str) -> Path:
        """Write a run that has a journal only: it still runs, or its process died."""
        inputs = {"spec": {"venue": "binance", "instrument": "BTCUSDT"}, "datasets": [{"dataset": "sample"}]}
        first = {"event": "run_started", "run_id": run_id, "status": "running", "ts_utc": STAMP.format(5), **CORE}
        lines = [{**first, "inputs": inputs}, *({"event": name, "status": "failed"} for name in events)]
        return self.write(f"{run_id}/journal.jsonl", "".join(json.dumps(line) + "\n" for line in lines)).parent

    def text(self, form: Format = Format.TEXT) -> str:
        document = self.exporter.scrape(form)
        content = document.content()
        assert document.size == len(content)
        return content.decode()

    def samples(self) -> dict[tuple[str, ...], float]:
        return samples_of(self.text())

    def of_run(self, run_id: str) -> dict[tuple[str, ...], float]:
        return {key: value for key, value in self.samples().items() if len(key) > 1 and key[1] == run_id}


def samples_of(text: str) -> dict[tuple[str, ...], float]:
    """Return each sample by its short name and label values; a sample that stands twice is an error."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name.removeprefix(PREFIX), *sample.labels.values())
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


@pytest.fixture(scope="module")
def new_place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Place]:
    """Return a maker of empty places, for many examples in one test."""
    path = tmp_path_factory.mktemp("examples") / "place"

    def make() -> Place:
        shutil.rmtree(path, ignore_errors=True)
        return Place(path)

    return make


@pytest.fixture(scope="session")
def parse() -> Callable[[str], dict[tuple[str, ...], float]]:
    return samples_of
