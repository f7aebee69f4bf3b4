"""Renders ``metadata.json`` and ``metrics.json`` from a run's spec and journal: pure functions of the bundle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from opslab.contract.encoding import pretty_json
from opslab.contract.events import TERMINAL_EVENTS, Status
from opslab.contract.kill_switch import KILL_EVENTS
from opslab.contract.metadata import (
    DataIdentity,
    EngineExecution,
    Metadata,
    ObservabilityIdentity,
    PostFacts,
    RiskIdentity,
    RunMetrics,
    StrategyIdentity,
)
from opslab.contract.spec import Mode
from opslab.report.connectivity import PROBE_EVENT, READINESS_EVENT, connectivity_block
from opslab.report.containment import containment_metrics
from opslab.report.paper import SAFETY_CHECKED, STARTED, has_executed, is_placeholder, paper_execution, paper_metrics
from opslab.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.contract.spec import RunSpec
    from opslab.store.reader import Bundle

type Lifecycle = Literal["backtest_nautilus_smoke", "paper_skeleton", "paper_live_node"]
_COUNTERS = (
    "scenario_name",
    "scenario_version",
    "strategy_registered",
    "bars_seen",
    "orders_submitted",
    "fills_count",
    "deterministic_action_triggered",
    "orders_denied",
)
_ENGINE_METRICS = (*_COUNTERS, "input_candles_count", "bars_processed", "engine_duration_ms", "synthetic_ticks")
_NOTHING_COUNTED = {
    "strategy_registered": False,
    "bars_seen": 0,
    "orders_submitted": 0,
    "fills_count": 0,
    "deterministic_action_triggered": False,
    "orders_denied": 0,
    "input_candles_count": 0,
    "bars_processed": 0,
    "engine_duration_ms": 0,
    "synthetic_ticks": 0,
}


def render_metadata(bundle: Bundle) -> bytes:
    """Return the content of ``metadata.json``."""
    dumped = metadata_of(bundle).model_dump(mode="json")
    return pretty_json({name: value for name, value in dumped.items() if value is not None})


def render_metrics(bundle: Bundle) -> bytes:
    """Return the content of ``metrics.json``: what the run counted, whatever its end."""
    return pretty_json(metrics_of(bundle).model_dump(mode="json", exclude_none=True))


def metadata_of(bundle: Bundle) -> Metadata:
    """Return the metadata that the spec and the journal, later events included, amount to."""
    spec, events = bundle.spec, _by_name(bundle)
    first, started = bundle.journal[0], events.get("run_started", {})
    terminal = bundle.terminal
    post = bundle.post_chain
    inputs = started.get("inputs")
    return Metadata(
        run_id=bundle.run_id,
        mode=spec.mode,
        engine=spec.engine,
        status=_status(terminal, started),
        created_at_utc=first["ts_utc"],
        spec_path=first.get("spec_path", ""),
        artifacts_dir=first["artifacts_dir"],
        config_sha256=first["config_sha256"],
        venue=spec.venue,
        instrument=spec.instrument,
        strategy=StrategyIdentity(name=spec.strategy.name, version=spec.strategy.version),
        data=_data(spec, inputs),
        risk=RiskIdentity(profile=spec.risk.profile),
        observability=ObservabilityIdentity(**spec.observability.model_dump()),
        started_at_utc=started.get("ts_utc"),
        lifecycle=_lifecycle(spec, events) if started else None,
        is_placeholder=is_placeholder(events) if started else None,
        completed_at_utc=terminal["ts_utc"] if terminal else None,
        engine_execution=_engine_execution(spec, events, terminal),
        paper_execution=paper_execution(spec, events, terminal),
        safety=_safety(bundle, events),
        connectivity_readiness=connectivity_block(events, READINESS_EVENT),
        connectivity_probe=connectivity_block(events, PROBE_EVENT),
        spec_run_id=first.get("spec_run_id"),
        session_id=started.get("session_id"),
        failure_reason=terminal.get("reason") if terminal else None,
        error=terminal.get("error") if terminal else None,
        lab=first.get("lab"),
        python_version=started.get("python_version"),
        inputs=inputs,
        inputs_sha256=started.get("inputs_sha256"),
        event_stream=_ended(events, terminal).get("event_stream"),
        drills=_drills(post.events),
        post=PostFacts(lines=post.head.lines, head_sha256=post.head.sha256) if post.events else None,
    )


def _data(spec: RunSpec, inputs: dict[str, Any] | None) -> DataIdentity:
    measured = inputs["datasets"][0]["fingerprint"] if inputs else None
    return DataIdentity(dataset=spec.data.dataset, fingerprint=spec.data.fingerprint, measured_fingerprint=measured)


def _drills(later: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted({event["drill_name"] for event in later if event["event"] == "failure_drill_executed"}))


def metrics_of(bundle: Bundle) -> RunMetrics:
    """Return what the run counted; a run that failed before its engine ran counts zero of everything."""
    spec, events, terminal = bundle.spec, _by_name(bundle), bundle.terminal
    return RunMetrics(
        run_id=bundle.run_id,
        mode=spec.mode,
        engine=spec.engine,
        status=_status(terminal, events.get("run_started", {})),
        is_placeholder=is_placeholder(events),
        engine_executed="backtest_started" in events or has_executed(events, terminal),
        **(
            paper_metrics(events, terminal, lambda: _stream(bundle)) | containment_metrics(bundle.journal)
            if spec.mode is Mode.PAPER
            else _engine_metrics(spec, events, terminal)
        ),
    )


def _stream(bundle: Bundle) -> list[dict[str, Any]]:
    """Return the whole lines of the event stream: a process that dies may leave half a line."""
    lines = bundle.read(layout.EVENTS).split(b"\n")[:-1] if bundle.has(layout.EVENTS) else []
    return [json.loads(line) for line in lines]


def _engine_metrics(
    spec: RunSpec, events: dict[str, dict[str, Any]], terminal: dict[str, Any] | None
) -> dict[str, Any]:
    counters = {**_NOTHING_COUNTED, **_identity(spec), **_counted(events, terminal)}
    return {"dataset": spec.data.dataset, **{name: counters[name] for name in _ENGINE_METRICS}}


def _lifecycle(spec: RunSpec, events: dict[str, dict[str, Any]]) -> Lifecycle:
    if spec.mode is Mode.BACKTEST:
        return "backtest_nautilus_smoke"
    return "paper_live_node" if STARTED in events else "paper_skeleton"


def _safety(bundle: Bundle, events: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return the switch as it stands now in the facts; what the run found when it began is kept beside it."""
    asked = events.get("run_started", {}).get("kill_switch")
    changes = [event for event in bundle.journal if event["event"] in KILL_EVENTS]
    if not asked and not changes:
        return None
    current = asked and {name: asked[name] for name in ("state", "checked_at_utc", "last_reason", "source")}
    if changes:
        last = changes[-1]
        current = {
            "state": last["new_state"],
            "checked_at_utc": last["ts_utc"],
            "last_reason": last["reason"],
            "source": asked["source"] if asked else last["source"],
        }
    outcome = {name: events[SAFETY_CHECKED][name] for name in ("lifecycle_outcome",) if SAFETY_CHECKED in events}
    return {"kill_switch": current, **outcome, **({"at_start": asked} if asked else {})}


def _engine_execution(
    spec: RunSpec, events: dict[str, dict[str, Any]], terminal: dict[str, Any] | None
) -> EngineExecution | None:
    started = events.get("backtest_started")
    if started is None:
        return None
    completed = events.get("backtest_completed")
    ended = completed or terminal
    counters = {**_NOTHING_COUNTED, **_identity(spec), **_counted(events, terminal)}
    return EngineExecution(
        status="completed" if completed else "failed" if terminal else "running",
        engine=spec.engine,
        nautilus_version=events["run_started"]["inputs"]["engine_version"],
        started_at_utc=started["ts_utc"],
        completed_at_utc=ended["ts_utc"] if ended else None,
        error=None if completed or not terminal else terminal.get("error"),
        fill=spec.execution.fill,
        **{name: counters[name] for name in _COUNTERS},
    )


def _identity(spec: RunSpec) -> dict[str, str]:
    return {"scenario_name": spec.strategy.name, "scenario_version": spec.strategy.version}


def _ended(events: dict[str, dict[str, Any]], terminal: dict[str, Any] | None) -> dict[str, Any]:
    return events.get("backtest_completed") or events.get("paper_completed") or terminal or {}


def _counted(events: dict[str, dict[str, Any]], terminal: dict[str, Any] | None) -> dict[str, Any]:
    ended = _ended(events, terminal)
    return (ended.get("counters") or {}) if ended.get("event") in TERMINAL_EVENTS else ended


def _status(terminal: dict[str, Any] | None, started: dict[str, Any]) -> Status:
    if terminal is not None:
        return Status(terminal["status"])
    return Status.RUNNING if started else Status.INITIALIZED


def _by_name(bundle: Bundle) -> dict[str, dict[str, Any]]:
    return {event["event"]: event for event in bundle.journal}
