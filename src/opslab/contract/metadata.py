"""``metadata.json`` and ``metrics.json``: renderings of a run's spec and journal."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from opslab.contract.base import Artifact, Sha256, UtcStamp
from opslab.contract.events import EventStreamFacts, InputFacts, LabFacts, PaperCounters, Status
from opslab.contract.execution import Profile
from opslab.contract.left import BooksFacts
from opslab.contract.paper_events import VenueFacts
from opslab.contract.spec import Mode


class StrategyIdentity(Artifact):
    """Which strategy ran."""

    name: str
    version: str


class DataIdentity(Artifact):
    """Which dataset was asked for; ``measured_fingerprint`` is what it was when the run began."""

    dataset: str
    fingerprint: str | None
    measured_fingerprint: Sha256 | None = None


class RiskIdentity(Artifact):
    """The risk profile's name."""

    profile: str


class ObservabilityIdentity(Artifact):
    """What the spec asked for; recorded."""

    journal: bool
    metrics: bool
    report: bool


class EngineExecution(Artifact):
    """How the engine fared."""

    status: Literal["running", "completed", "failed"]
    engine: Literal["nautilus"]
    scenario_name: str
    scenario_version: str
    strategy_registered: bool
    bars_seen: int
    orders_submitted: int
    fills_count: int
    deterministic_action_triggered: bool
    nautilus_version: str | None
    started_at_utc: UtcStamp
    completed_at_utc: UtcStamp | None
    error: str | None
    fill: str | None = None
    orders_denied: int = 0


class PaperExecution(Artifact):
    """How a paper run fared.

    Attributes:
        connectivity: ``none``: nothing was connected; ``loopback_venue``: the lab's own venue.
        session_type: ``live_node``: a real node traded; ``blocked_kill_switch``: the gate let no new risk through;
            ``synthetic_heartbeat``: a paper run of the earlier lab, which executed nothing.
        nautilus_version: version of the engine.
        venue: where it traded.
        profile: which intervals the node had.
        counters: what the node did.
        books: digest of the venue's books.
        ended_by: which bound ended the run.
    """

    status: Literal["running", "completed", "failed", "blocked"]
    engine: Literal["nautilus"]
    connectivity: Literal["none", "loopback_venue"]
    session_type: Literal["synthetic_heartbeat", "blocked_kill_switch", "live_node"]
    started_at_utc: UtcStamp
    completed_at_utc: UtcStamp | None
    error: str | None
    nautilus_version: str | None = None
    venue: VenueFacts | None = None
    profile: Profile | None = None
    counters: PaperCounters | None = None
    books: BooksFacts | None = None
    ended_by: str | None = None


class PostFacts(Artifact):
    """The head of ``post.jsonl``, so that a cut tail shows."""

    lines: int
    head_sha256: Sha256


class Metadata(Artifact):
    """``metadata.json``: the contract's fields, then what this lab adds."""

    schema_version: Literal["v1"] = "v1"
    run_id: str
    mode: Mode
    engine: Literal["nautilus"]
    status: Status
    created_at_utc: UtcStamp
    spec_path: str
    artifacts_dir: str
    config_sha256: Sha256
    venue: str
    instrument: str
    strategy: StrategyIdentity
    data: DataIdentity
    risk: RiskIdentity
    observability: ObservabilityIdentity
    started_at_utc: UtcStamp | None = None
    lifecycle: Literal["backtest_nautilus_smoke", "paper_skeleton", "paper_live_node"] | None = None
    is_placeholder: bool | None = None
    completed_at_utc: UtcStamp | None = None
    engine_execution: EngineExecution | None = None
    paper_execution: PaperExecution | None = None
    safety: dict[str, Any] | None = None
    connectivity_readiness: dict[str, Any] | None = None
    connectivity_probe: dict[str, Any] | None = None
    spec_run_id: str | None = None
    session_id: str | None = None
    failure_reason: Literal["error", "interrupted"] | None = None
    error: str | None = None
    lab: LabFacts | None = None
    python_version: str | None = None
    inputs: InputFacts | None = None
    inputs_sha256: Sha256 | None = None
    event_stream: EventStreamFacts | None = None
    drills: tuple[str, ...] = ()
    post: PostFacts | None = None


class RunMetrics(Artifact):
    """``metrics.json`` of a run, whatever its end."""

    schema_version: Literal["v1"] = "v1"
    run_id: str
    mode: Mode
    engine: Literal["nautilus"]
    status: Status
    is_placeholder: bool
    engine_executed: bool
    metrics: dict[str, Any] = Field(default_factory=dict)
    dataset: str | None = None
    scenario_name: str | None = None
    scenario_version: str | None = None
    strategy_registered: bool | None = None
    input_candles_count: int | None = None
    bars_processed: int | None = None
    engine_duration_ms: int | None = None
    bars_seen: int | None = None
    orders_submitted: int | None = None
    fills_count: int | None = None
    deterministic_action_triggered: bool | None = None
    orders_denied: int | None = None
    synthetic_ticks: int | None = None
    connectivity: str | None = None
    paper_lifecycle: str | None = None
    heartbeat_count: int | None = None
    synthetic_duration_seconds: int | None = None
    orders_stopped: int | None = None
    orders_rejected: int | None = None
    data_seen: int | None = None
    trading_ms: int | None = None
    containment_flat: bool | None = None
    containment_detect_ms: float | None = None
    containment_contain_ms: float | None = None
    containment_flat_ms: float | None = None
