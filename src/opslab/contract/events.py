"""Journal events: what a run says while it happens. One model an event; the journal adds the chain to each line."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from opslab.contract.base import Artifact, Sha256, UtcStamp
from opslab.contract.spec import Mode


class Status(StrEnum):
    """Where a run is in its life."""

    INITIALIZED = "initialized"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SAFETY_BLOCKED = "safety_blocked"


TERMINAL_EVENTS = frozenset({"run_completed", "run_failed"})


class Event(Artifact):
    """What every journal line has: its name, time and run."""

    event: str
    ts_utc: UtcStamp
    run_id: str


class LifecycleEvent(Event):
    """An event of the run's life cycle.

    Attributes:
        artifacts_dir: the bundle's directory when the event was written; bundles may be moved later.
    """

    mode: Mode
    engine: Literal["nautilus"]
    status: Status
    config_sha256: Sha256
    artifacts_dir: str


class LabFacts(Artifact):
    """Which lab wrote a run: its root, what decided the root, and its version."""

    root: str
    root_source: str
    version: str


class DatasetFacts(Artifact):
    """A dataset as it was measured when the run began."""

    dataset: str
    fingerprint: Sha256
    recorded_fingerprint: Sha256
    version: int
    synthetic: bool
    instrument: str


class InputFacts(Artifact):
    """Everything that decides a run's result; ``inputs_sha256`` is the digest of this block's compact JSON."""

    spec: dict[str, Any]
    datasets: tuple[DatasetFacts, ...]
    strategy_code_sha256: Sha256
    engine_version: str
    lab_version: str


class RunInitialized(LifecycleEvent):
    """The run directory was made without starting the run."""

    event: Literal["run_initialized"] = "run_initialized"
    spec_path: str
    spec_run_id: str
    lab: LabFacts


class RunStarted(LifecycleEvent):
    """The run began, on these inputs."""

    event: Literal["run_started"] = "run_started"
    spec_path: str
    spec_run_id: str
    session_id: str | None = None
    lab: LabFacts
    python_version: str
    inputs: InputFacts
    inputs_sha256: Sha256


class BacktestStarted(LifecycleEvent):
    """The engine is about to run."""

    event: Literal["backtest_started"] = "backtest_started"
    note: str


class EventStreamFacts(Artifact):
    """The digest of ``events.jsonl`` and of the market data that caused it."""

    events: int
    sha256: Sha256
    market_data_sha256: Sha256


class EngineCounters(Artifact):
    """What the engine counted.

    Attributes:
        input_candles_count: candles of all datasets.
        bars_processed: bars that the engine went through.
        bars_seen: bars that the strategy was handed.
        synthetic_ticks: ticks made from candle opens so that orders fill at the next open.
        orders_denied: orders that ``risk.limits`` or the engine's risk checks stopped before they left.
        engine_duration_ms: wall time of the engine's run alone.
    """

    input_candles_count: int
    bars_processed: int
    scenario_name: str
    scenario_version: str
    strategy_registered: bool
    bars_seen: int
    orders_submitted: int
    fills_count: int
    deterministic_action_triggered: bool
    orders_denied: int = 0
    synthetic_ticks: int = 0
    engine_duration_ms: int = 0


class BacktestCompleted(LifecycleEvent, EngineCounters):
    """The engine ran to the end of its data."""

    event: Literal["backtest_completed"] = "backtest_completed"
    result: Literal["engine_smoke_completed"] = "engine_smoke_completed"
    event_stream: EventStreamFacts


class RunCompleted(LifecycleEvent):
    """The run ended as it should, or was blocked as it should."""

    event: Literal["run_completed"] = "run_completed"


class RunFailed(LifecycleEvent):
    """The run ended otherwise.

    Attributes:
        error: one line.
        reason: ``error``, or ``interrupted`` when the run's process was found gone.
        counters: what the engine had counted by then, if it had started.
    """

    event: Literal["run_failed"] = "run_failed"
    error: str
    reason: Literal["error", "interrupted"] = "error"
    counters: EngineCounters | None = None
    event_stream: EventStreamFacts | None = None


class JournalRepaired(Event):
    """A writer found a line that another one had left unfinished, and cut it: it was never acknowledged."""

    event: Literal["journal_repaired"] = "journal_repaired"
    torn_bytes: int
    torn_sha256: Sha256


class DrillPhaseEntered(Event):
    """A drill crossed a phase boundary."""

    event: Literal["drill_phase_entered"] = "drill_phase_entered"
    drill_name: str
    phase: str


class FaultInjected(Event):
    """A drill broke something."""

    event: Literal["fault_injected"] = "fault_injected"
    drill_name: str
    fault: str


class FaultHealed(Event):
    """A drill undid what it broke; ``fired`` says whether the fault ever took effect."""

    event: Literal["fault_healed"] = "fault_healed"
    drill_name: str
    fault: str
    fired: bool


class CheckEvaluated(Event):
    """A check was asked, and answered."""

    event: Literal["check_evaluated"] = "check_evaluated"
    drill_name: str
    phase: str
    check: str
    result: str
    code: str
    details: str


class FactRecorded(Event):
    """A drill wrote down something that its checks judge."""

    event: Literal["fact_recorded"] = "fact_recorded"
    drill_name: str
    name: str
    value: Any


class FailureDrillExecuted(Event):
    """A drill ended; its report lies beside this journal."""

    event: Literal["failure_drill_executed"] = "failure_drill_executed"
    drill_name: str
    outcome: str
    status: Literal["completed"] = "completed"
    report_path: str
    report_sha256: Sha256


class CheckSeverity(StrEnum):
    """How a check came out, best first; the worst of a result's checks is its status."""

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    MISMATCH = "mismatch"


class SeverityCounts(Artifact):
    """How many checks came out how."""

    ok: int = 0
    warning: int = 0
    mismatch: int = 0
    unknown: int = 0


class ReconciliationChecked(Event):
    """Two files were compared; the result lies beside this journal.

    Attributes:
        result_path: where the latest result is rendered, below the lab's root.
        report_path: where this result is kept, below the bundle.
        report_sha256: digest of that file.
    """

    event: Literal["reconciliation_checked"] = "reconciliation_checked"
    status: CheckSeverity
    summary: SeverityCounts
    result_path: str
    report_path: str
    report_sha256: Sha256


EVENTS: dict[str, type[Event]] = {
    model.model_fields["event"].default: model
    for model in (
        RunInitialized,
        RunStarted,
        BacktestStarted,
        BacktestCompleted,
        RunCompleted,
        RunFailed,
        JournalRepaired,
        DrillPhaseEntered,
        FaultInjected,
        FaultHealed,
        CheckEvaluated,
        FactRecorded,
        FailureDrillExecuted,
        ReconciliationChecked,
    )
}
"""Every event the lab writes, by name."""
