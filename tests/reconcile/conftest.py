from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from opslab.contract.events import RunCompleted, RunInitialized
from opslab.root import Lab, find_lab
from opslab.store.writer import BundleWriter

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = "r1"
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "fixtures" / "reconciliation"


class FixedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    root = tmp_path / "lab"
    root.mkdir()
    return find_lab(root, {}, [root])


@pytest.fixture
def make_run(lab: Lab, clock: FixedClock) -> Callable[..., Path]:
    """Make a run's bundle: living (its lock held), ended without a seal, or sealed."""

    def make(state: str = "sealed", run_id: str = RUN) -> Path:
        common: dict[str, Any] = {
            "ts_utc": "2026-06-01T07:00:00.000000Z",
            "run_id": run_id,
            "mode": "backtest",
            "engine": "nautilus",
            "config_sha256": "0" * 64,
            "artifacts_dir": str(lab.runs / run_id),
        }
        facts = {"root": str(lab.root), "root_source": "option", "version": "0"}
        first = RunInitialized(status="initialized", spec_path="s", spec_run_id=run_id, lab=facts, **common)
        writer = BundleWriter.create(lab.runs, run_id, b"run_id: r1\n", first, clock)
        if state != "living":
            writer.append(RunCompleted(status="completed", **common))
        if state == "sealed":
            writer.seal()
        writer.close()
        return writer.path

    return make


@pytest.fixture
def situation(tmp_path: Path) -> Callable[..., Path]:
    """Write a fixture's content, changed, as a file of run ``RUN``."""

    def write(name: str, _as: str | None = None, **changes: Any) -> Path:
        content = json.loads((FIXTURES / f"{name}.json").read_text()) | {"run_id": RUN} | changes
        path = tmp_path / f"{_as or name}.json"
        path.write_text(json.dumps(content))
        return path

    return write
