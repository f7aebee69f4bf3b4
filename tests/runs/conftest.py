"""A lab whose engine is a stand-in: what these tests judge is the life of a run around it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from opslab.contract.encoding import sha256_hex
from opslab.contract.events import DatasetFacts, InputFacts
from opslab.contract.spec_file import SpecFile, read_spec
from opslab.root import Lab, find_lab
from opslab.runs import backtest

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.store.reader import Bundle

SPEC = Path(__file__).parents[2] / "scenarios" / "runs" / "btcusdt_backtest.run.yaml"
EVENT_LINES = tuple(b'{"type":"OrderFilled","n":%d}\n' % number for number in range(40))


class SteppingClock:
    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def monotonic(self) -> float:
        return self.now().timestamp()


@dataclass(frozen=True)
class StandInPlan:
    """What ``plan_backtest`` returns, as far as a run looks at it."""

    spec: RunSpec
    inputs: InputFacts
    inputs_sha256: str = "0" * 64
    datasets: tuple[Any, ...] = ()
    factory: Any = None

    def require_inputs(self) -> None:
        """Everything is as it was recorded."""


@dataclass
class StandInResult:
    """What the engine returns, as far as a run looks at it."""

    input_candles_count: int = 5
    bars_processed: int = 5
    bars_seen: int = 5
    orders_submitted: int = 2
    orders_denied: int = 1
    fills_count: int = 1
    deterministic_action_triggered: bool = True
    strategy_registered: bool = True
    synthetic_ticks: int = 4
    duration_ns: int = 12_345_678
    event_lines: tuple[bytes, ...] = EVENT_LINES
    events_sha256: str = sha256_hex(b"".join(EVENT_LINES))
    market_data_sha256: str = "2" * 64
    view_line: bytes = b'{"view":"engine"}\n'


class Engine:
    """Stands for the engine; ``raises`` is raised instead of a result."""

    def __init__(self) -> None:
        self.raises: BaseException | None = None

    def __call__(self, **_: object) -> StandInResult:
        if self.raises is not None:
            raise self.raises
        return StandInResult()


def stand_in_plan(_lab: Lab, spec_file: SpecFile, _registry: object) -> StandInPlan:
    facts = DatasetFacts(
        dataset=spec_file.spec.data.dataset,
        fingerprint="3" * 64,
        recorded_fingerprint="3" * 64,
        version=1,
        synthetic=True,
        instrument="BTCUSDT.BINANCE",
    )
    inputs = InputFacts(
        spec=spec_file.spec.decisive(),
        datasets=(facts,),
        strategy_code_sha256="4" * 64,
        engine_version="1.231.0",
        lab_version="0.9.0",
    )
    return StandInPlan(spec_file.spec, inputs)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    root = tmp_path / "lab"
    root.mkdir()
    return find_lab(root, {}, [root])


@pytest.fixture
def spec_file() -> SpecFile:
    return read_spec(SPEC)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Replace the engine and the planning before it."""
    module = ModuleType("opslab.engine.backtest")
    made = Engine()
    module.Feed, module.run_backtest = object, made
    monkeypatch.setitem(sys.modules, "opslab.engine.backtest", module)
    monkeypatch.setattr(backtest, "plan_backtest", stand_in_plan)
    return made


@pytest.fixture
def run(lab: Lab, spec_file: SpecFile, engine: Engine, clock: SteppingClock):
    """Return a runner of the sample spec under any run id."""

    def start(run_id: str = "r1", session_id: str | None = None) -> Bundle:
        return backtest.run_backtest(lab, spec_file, None, clock=clock, run_id=run_id, session_id=session_id)

    return start
