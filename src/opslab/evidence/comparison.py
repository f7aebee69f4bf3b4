"""Compares a backtest with a paper run. Pure: what it reads are two bundles, what it returns is a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.clock import from_stamp, to_stamp
from opslab.contract.evidence import (
    ALIKE,
    OF_THE_MODES,
    ArtifactPresence,
    Comparable,
    ComparisonStatus,
    ConnectivitySummary,
    Evidence,
    JournalOfSide,
    JournalSummary,
    SafetySummary,
    Sides,
    StreamOfSide,
)
from opslab.contract.spec import Mode
from opslab.evidence.areas import compared
from opslab.evidence.causes import explained
from opslab.evidence.gaps import known_gaps, non_goals
from opslab.evidence.market import Market
from opslab.evidence.notes import not_compared, notes_of
from opslab.evidence.side import NEEDED, Side
from opslab.store.reader import open_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from opslab.contract.evidence import ComparedField, StreamDifference
    from opslab.store.reader import Bundle

MAX_DIFFERENCES = 1_000
"""How many differences a comparison lists; ``differences_total`` counts them all."""

_JUDGED = (Comparable.DIRECT, Comparable.CONTEXTUAL)


def compare(
    runs: Path,
    backtest_run_id: str,
    paper_run_id: str,
    now: datetime,
    *,
    require: Callable[[Bundle], None] | None = None,
    market_of: Callable[[Bundle], Market] | None = None,
) -> Evidence:
    """Return the comparison of two runs.

    Args:
        runs: where the bundles are.
        backtest_run_id: the backtest.
        paper_run_id: the paper run.
        now: when it is made.
        require: refuses a bundle that is not as it was sealed; None: nothing is verified.
        market_of: returns the candles that a backtest was handed; none, or None: nobody can tell, nothing is called cut
            off, and no other price follows from the market.

    Raises:
        IdError: an id is unsafe.
        StoreError: a run does not exist, or a file of it cannot be used.
        RootError: a symlink is in the way.
        OpsLabError: as ``require``.
    """
    backtest, paper = Side(open_bundle(runs, backtest_run_id)), Side(open_bundle(runs, paper_run_id))
    status, notes = _status_of_files(backtest, paper)
    fields: tuple[ComparedField, ...] = ()
    told: list[StreamDifference] = []
    if status is None:
        if require is not None:
            require(backtest.bundle)
            require(paper.bundle)
        fields = compared(backtest, paper)
        market = market_of(backtest.bundle) if market_of is not None else Market()
        told, inputs = explained(backtest, paper, market)
        notes += notes_of(backtest, paper, inputs, told, has_candles=bool(market.by_symbol))
        status = _status(fields, told, inputs, backtest, paper)
    is_compared = bool(fields)
    return Evidence(
        created_at_utc=to_stamp(now),
        backtest_run_id=backtest.run_id,
        paper_run_id=paper.run_id,
        comparison_status=status,
        compared_fields=fields,
        mode_summary=Sides(backtest=_of_backtest(backtest), paper=_of_paper(paper)),
        artifact_presence=ArtifactPresence(backtest=backtest.presence, paper=paper.presence),
        journal_summary=_journals(backtest, paper),
        safety_summary=_safety(backtest, paper),
        connectivity_summary=_connectivity(backtest, paper),
        known_gaps=known_gaps(backtest, paper) if is_compared else (),
        notes=tuple(notes),
        non_goals=non_goals(),
        event_streams=_streams(backtest, paper) if is_compared else None,
        timings=Sides(backtest=_timings(backtest), paper=_timings(paper)) if is_compared else None,
        differences=tuple(told[:MAX_DIFFERENCES]),
        differences_total=len(told),
        unexplained_total=sum(item.cause not in OF_THE_MODES for item in told),
        not_compared=not_compared(backtest, paper) if is_compared else notes[0],
    )


def _status_of_files(backtest: Side, paper: Side) -> tuple[ComparisonStatus | None, list[str]]:
    """Return why nothing can be compared, if that is so."""
    missing = [
        f"{name} of the {what} is missing"
        for what, side in (("backtest", backtest), ("paper run", paper))
        for name in NEEDED
        if not side.presence[name]
    ]
    if missing:
        return ComparisonStatus.MISSING_ARTIFACTS, missing
    if (backtest.mode, paper.mode) != (Mode.BACKTEST, Mode.PAPER):
        return ComparisonStatus.INCOMPATIBLE, [
            f"the modes are {backtest.mode} and {paper.mode}, not backtest and paper"
        ]
    return None, []


def _status(
    fields: tuple[ComparedField, ...], told: list[StreamDifference], inputs: list[str], backtest: Side, paper: Side
) -> ComparisonStatus:
    """Return whether nothing differs beyond what the modes explain; runs that executed nothing do not match."""
    is_real = bool(backtest.metrics.engine_executed and paper.metrics.engine_executed)
    is_same = all(field.match is not False for field in fields if field.comparable in _JUDGED)
    is_explained = not inputs and all(item.cause in ALIKE for item in told)
    has_streams = backtest.stream is not None and paper.stream is not None
    matched = is_real and is_same and is_explained and has_streams and bool(backtest.inputs and paper.inputs)
    return ComparisonStatus.MATCHED if matched else ComparisonStatus.DIFFERENT


def _of_backtest(side: Side) -> dict[str, Any]:
    if not side.is_whole:
        return {"status": "unknown"}
    metadata, metrics = side.metadata, side.metrics
    return {
        "lifecycle": metadata.lifecycle,
        "is_placeholder": metrics.is_placeholder,
        "status": str(metadata.status),
        "engine_executed": metrics.engine_executed,
        "scenario_name": metrics.scenario_name,
        "scenario_version": metrics.scenario_version,
        "bars_seen": metrics.bars_seen,
        "orders_submitted": metrics.orders_submitted,
        "fills_count": metrics.fills_count,
        "deterministic_action_triggered": metrics.deterministic_action_triggered,
    }


def _of_paper(side: Side) -> dict[str, Any]:
    if not side.is_whole:
        return {"status": "unknown"}
    metadata, metrics = side.metadata, side.metrics
    return {
        "lifecycle": metadata.lifecycle,
        "is_placeholder": metrics.is_placeholder,
        "status": str(metadata.status),
        "engine_executed": metrics.engine_executed,
        "paper_lifecycle": metrics.paper_lifecycle,
        "heartbeat_count": metrics.heartbeat_count,
        "connectivity": metrics.connectivity,
        "safety_lifecycle_outcome": (metadata.safety or {}).get("lifecycle_outcome"),
        "bars_seen": metrics.bars_seen,
        "orders_submitted": metrics.orders_submitted,
        "fills_count": metrics.fills_count,
    }


def _journals(backtest: Side, paper: Side) -> JournalSummary:
    first, second = (
        JournalOfSide(event_total=len(side.events), events=tuple(sorted(set(side.events))))
        for side in (backtest, paper)
    )
    shared = tuple(sorted(set(first.events) & set(second.events)))
    return JournalSummary(backtest=first, paper=second, shared_events=shared)


def _safety(backtest: Side, paper: Side) -> SafetySummary:
    told = (paper.metadata.safety or {}) if paper.mode is not None else {}
    asked = told.get("at_start") or told.get("kill_switch") or {}
    return SafetySummary(
        paper_kill_switch_state=asked.get("state"),
        paper_lifecycle_outcome=told.get("lifecycle_outcome"),
        backtest_safety_evaluated=bool(backtest.mode is not None and backtest.metadata.safety),
    )


def _connectivity(backtest: Side, paper: Side) -> ConnectivitySummary:
    def state(side: Side, block: str) -> str | None:
        found = getattr(side.metadata, block) if side.mode is not None else None
        return str(found["state"]) if found else None

    return ConnectivitySummary(
        backtest_readiness=state(backtest, "connectivity_readiness"),
        paper_readiness=state(paper, "connectivity_readiness"),
        backtest_probe=state(backtest, "connectivity_probe"),
        paper_probe=state(paper, "connectivity_probe"),
        backtest_reconciliation=backtest.reconciliation,
        paper_reconciliation=paper.reconciliation,
    )


def _streams(backtest: Side, paper: Side) -> dict[str, StreamOfSide]:
    return {
        name: StreamOfSide(
            events=stream.events,
            sha256=stream.sha256,
            orders=len(stream.deeds),
            fills=stream.fills,
            positions=stream.positions,
        )
        for name, stream in (("backtest", backtest.stream), ("paper", paper.stream))
        if stream is not None
    }


def _timings(side: Side) -> dict[str, Any]:
    """Return durations in ms: of the run by its stamps, and of the engine's own work."""
    metadata, metrics = side.metadata, side.metrics
    begun, ended = metadata.started_at_utc, metadata.completed_at_utc
    whole = int((from_stamp(ended) - from_stamp(begun)).total_seconds() * 1000) if begun and ended else None
    return {"run_ms": whole, "engine_ms": metrics.engine_duration_ms, "trading_ms": metrics.trading_ms}
