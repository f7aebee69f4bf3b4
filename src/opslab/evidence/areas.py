"""The contract's fifteen areas: a value of each side, how far they can be compared, and whether they match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.contract.evidence import Comparable, ComparedField
from opslab.store import layout

if TYPE_CHECKING:
    from opslab.evidence.side import Side

EXECUTED_VENUES = ("binance", "binance_testnet")
"""Labels that mean the same: a paper run's venue is the lab's own, whatever its spec calls it."""


def compared(backtest: Side, paper: Side) -> tuple[ComparedField, ...]:
    """Return every area of two whole runs, in the contract's order."""
    groups = (_direct, _contextual, _of_modes, _open)
    return tuple(field for group in groups for field in group(backtest, paper))


def _direct(backtest: Side, paper: Side) -> list[ComparedField]:
    shared = sorted(set(backtest.events) & set(paper.events))
    names = {"engine": "the engine that executed", "instrument": "what was traded"}
    return [
        *(
            _field(name, getattr(backtest.metadata, name), getattr(paper.metadata, name), Comparable.DIRECT, note)
            for name, note in names.items()
        ),
        _presence("metrics_artifact_presence", layout.METRICS, backtest, paper),
        _presence("report_presence", layout.REPORT, backtest, paper),
        ComparedField(
            area="journal_shared_events",
            backtest=len(set(backtest.events)),
            paper=len(set(paper.events)),
            comparable=Comparable.DIRECT,
            match=bool(shared),
            note=f"{len(shared)} names of events stand in both journals",
        ),
    ]


def _contextual(backtest: Side, paper: Side) -> list[ComparedField]:
    first, second = backtest.metadata, paper.metadata
    labels = first.venue.casefold(), second.venue.casefold()
    ran, runs = (f"{one.strategy.name} {one.strategy.version}" for one in (first, second))
    return [
        ComparedField(
            area="venue",
            backtest=first.venue,
            paper=second.venue,
            comparable=Comparable.CONTEXTUAL,
            match=labels[0] == labels[1] or set(labels) <= set(EXECUTED_VENUES),
            note="binance and binance_testnet mean the same: the lab's own venue",
        ),
        _field("strategy_scenario_identity", ran, runs, Comparable.CONTEXTUAL, "name and version of the strategy"),
        ComparedField(
            area="config_hash",
            backtest=first.config_sha256,
            paper=second.config_sha256,
            comparable=Comparable.CONTEXTUAL,
            match=None,
            note="it covers run id and mode, so it always differs; what decides the result is compared apart",
        ),
        _field("status", str(first.status), str(second.status), Comparable.CONTEXTUAL, "how the runs ended"),
    ]


def _of_modes(backtest: Side, paper: Side) -> list[ComparedField]:
    def field(area: str, left: Any, right: Any, note: str) -> ComparedField:
        return ComparedField(
            area=area, backtest=left, paper=right, comparable=Comparable.MODE_SPECIFIC, match=None, note=note
        )

    return [
        field(
            "engine_executed",
            backtest.metrics.engine_executed,
            paper.metrics.engine_executed,
            "a paper run that was blocked executed nothing",
        ),
        field(
            "is_placeholder",
            backtest.metrics.is_placeholder,
            paper.metrics.is_placeholder,
            "a paper run that was blocked is a placeholder",
        ),
        field(
            "backtest_bars_vs_paper_heartbeat",
            backtest.metrics.bars_seen,
            paper.metrics.heartbeat_count,
            "bars of the one, heartbeats of the other: they count different things",
        ),
    ]


def _open(backtest: Side, paper: Side) -> list[ComparedField]:
    def of(side: Side, block: str) -> str | None:
        found = getattr(side.metadata, block)
        return str(found["state"]) if found else None

    def switch(side: Side) -> str | None:
        return str(((side.metadata.safety or {}).get("kill_switch") or {}).get("state") or "") or None

    note = "optional in both modes"
    return [
        _field(
            "safety_state",
            switch(backtest),
            switch(paper),
            Comparable.GAP,
            "a backtest records the switch, it has no gate",
        ),
        _field(
            "readiness_state",
            of(backtest, "connectivity_readiness"),
            of(paper, "connectivity_readiness"),
            Comparable.FUTURE_CANDIDATE,
            note,
        ),
        _field(
            "probe_state",
            of(backtest, "connectivity_probe"),
            of(paper, "connectivity_probe"),
            Comparable.FUTURE_CANDIDATE,
            note,
        ),
    ]


def _presence(area: str, name: str, backtest: Side, paper: Side) -> ComparedField:
    return _field(area, backtest.presence[name], paper.presence[name], Comparable.DIRECT, f"whether {name} is there")


def _field(area: str, backtest: Any, paper: Any, comparable: Comparable, note: str) -> ComparedField:
    return ComparedField(
        area=area, backtest=backtest, paper=paper, comparable=comparable, match=backtest == paper, note=note
    )
