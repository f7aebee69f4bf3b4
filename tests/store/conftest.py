from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opslab.contract.drill_events import FactRecorded
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parents[2] / "fixtures" / "bundles" / "v1-lab-0.9"


class SteppingClock:
    """Moves a second whenever it is asked."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def monotonic(self) -> float:
        return self.now().timestamp()


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def golden(tmp_path: Path) -> Callable[[str], Bundle]:
    """Return a maker of copies of golden bundles, to be broken."""

    def copy(name: str = "drilled") -> Bundle:
        shutil.copytree(GOLDEN / name, tmp_path / "runs" / name, dirs_exist_ok=True)
        return Bundle(tmp_path / "runs" / name)

    return copy


@pytest.fixture
def fact() -> FactRecorded:
    """Some event."""
    return FactRecorded(ts_utc="2026-01-01T00:00:00.000000Z", run_id="r1", drill_name="d", name="n", value="v")
