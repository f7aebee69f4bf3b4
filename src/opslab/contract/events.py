"""Journal events: what a run says while it happens. One model an event; the journal adds the chain to each line."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from opslab.contract.base import Artifact, Sha256, UtcStamp
from opslab.contract.left import BooksFacts, LeftAtVenue
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


class SwitchFacts(Artifact):
    """What the kill switches said when a run began; a backtest records it and goes on.

    Attributes:
        state: ``active`` if the run's switch or the global one was, or if either could not be trusted.
        checked_at_utc: when they were asked.
        last_reason: why, as the deciding switch tells it; null when it was absent or could not be read.
        source: the directory of the switches.
        reasons: why it is active, each in one line; empty otherwise.
    """

    state: Literal["absent", "active", "cleared"]
    checked_at_utc: UtcStamp
    last_reason: str | None
    source: str
    reasons: tuple[str, ...]


class RunStarted(LifecycleEvent):
    """The run began, on these inputs.

    Attributes:
        inputs: null when the run was blocked before anything was measured.
        inputs_sha256: null as ``inputs``.
    """

    event: Literal["run_started"] = "run_started"
    spec_path: str
    spec_run_id: str
    session_id: str | None = None
    lab: LabFacts
    python_version: str
    inputs: InputFacts | None = None
    inputs_sha256: Sha256 | None = None
    kill_switch: SwitchFacts | None = None


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


class PaperCounters(Artifact):
    """What a live node did.

    Attributes:
        bars_seen: bars that the strategy was handed.
        orders_submitted: orders that left for the venue.
        orders_denied: orders that a limit, the engine's risk checks or the kill switch stopped before they left.
        orders_stopped: of these, orders and changes that the kill switch stopped at the last door.
        orders_rejected: orders that the venue refused.
        fills_count: fills.
        data_seen: market data of every kind, bars included, that strategies and actors were handed.
        strategy_started: whether the strategy ran: connected, reconciled and started.
        trading_ms: wall time from the strategy's start to the stop of the node.
    """

    bars_seen: int = 0
    orders_submitted: int = 0
    orders_denied: int = 0
    orders_stopped: int = 0
    orders_rejected: int = 0
    fills_count: int = 0
    data_seen: int = 0
    strategy_started: bool = False
    trading_ms: int = 0


class BacktestCompleted(LifecycleEvent, EngineCounters):
    """The engine ran to the end of its data.

    Attributes:
        views_sha256: digest of ``views.jsonl``.
    """

    event: Literal["backtest_completed"] = "backtest_completed"
    result: Literal["engine_smoke_completed"] = "engine_smoke_completed"
    event_stream: EventStreamFacts
    views_sha256: Sha256 | None = None


class LifecycleOutcome(StrEnum):
    """What the gate decided before a paper run."""

    CONTINUE = "checked_continue"
    BLOCKED = "blocked_kill_switch"


class RunCompleted(LifecycleEvent):
    """The run ended as it should, or was blocked as it should."""

    event: Literal["run_completed"] = "run_completed"


class RunFailed(LifecycleEvent):
    """The run ended otherwise.

    Attributes:
        error: one line.
        reason: ``error``, or ``interrupted`` when the run's process was found gone.
        counters: what the engine had counted by then, if it had started.
        left: what is left at the venue; null where nobody asked it.
        views_sha256: of a backtest: digest of ``views.jsonl``, if it was written.
    """

    event: Literal["run_failed"] = "run_failed"
    error: str
    reason: Literal["error", "interrupted"] = "error"
    counters: EngineCounters | PaperCounters | None = None
    event_stream: EventStreamFacts | None = None
    books: BooksFacts | None = None
    left: LeftAtVenue | None = None
    views_sha256: Sha256 | None = None


class JournalRepaired(Event):
    """A writer found a line that another one had left unfinished, and cut it: it was never acknowledged."""

    event: Literal["journal_repaired"] = "journal_repaired"
    torn_bytes: int
    torn_sha256: Sha256


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
    """Two files were compared, or the views of a run; the result lies beside this journal.

    Attributes:
        source: what was compared; null in runs of earlier labs.
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
    source: Literal["files", "views"] | None = None


RUN_EVENTS: dict[str, type[Event]] = {
    model.model_fields["event"].default: model
    for model in (
        RunInitialized,
        RunStarted,
        BacktestStarted,
        BacktestCompleted,
        RunCompleted,
        RunFailed,
        JournalRepaired,
        ReconciliationChecked,
    )
}
"""The events of runs and drills, by name; ``registry`` adds those of kill switches."""
