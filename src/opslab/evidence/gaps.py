"""What a comparison cannot tell, and what it never claims; the ids are the contract's (4.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.evidence import Named

if TYPE_CHECKING:
    from opslab.evidence.side import Side

_ALWAYS = {
    "backtest_no_safety_gate": "a backtest records the kill switch and runs on; only a paper run has a gate",
    "external_state_not_available": "the venue is the lab's own: nothing of a real exchange's state is known",
    "pnl_not_available": "profit is not evidence of operations and is not told",
    "reconciliation_not_cross_run": "a reconciliation compares views of one run, not of two",
    "returns_sharpe_not_available": "returns are not evidence of operations and are not told",
}
_NON_GOALS = {
    "alpha": "no claim about an edge",
    "live_paper_trading": "nothing leaves this machine",
    "order_execution": "no order reaches an exchange",
    "pnl": "no profit or loss is told",
    "returns": "no return is told",
    "sharpe": "no ratio of returns is told",
    "strategy_optimization": "no setting is recommended",
}


def known_gaps(backtest: Side, paper: Side) -> tuple[Named, ...]:
    """Return what the comparison of two whole runs cannot tell, by id; gaps that real runs closed are gone."""
    found = dict(_ALWAYS)
    executed = bool(paper.metrics.engine_executed)
    streams = [side.stream for side in (backtest, paper)]
    if backtest.metadata.config_sha256 != paper.metadata.config_sha256:
        found["config_hash_mismatch_expected"] = "the digest covers run id and mode, so it differs"
    if not executed:
        found["paper_no_engine_execution"] = "the paper run executed nothing"
        found["paper_no_market_data"] = "the paper run was handed no market data"
    if not all(stream is not None and stream.fills for stream in streams):
        found["fill_quality_not_available_no_fills"] = "one of the runs filled nothing"
    if not all(stream is not None and stream.deeds for stream in streams):
        found["slippage_not_available_no_orders"] = "one of the runs made no order"
    if not paper.spec.execution.recordings:
        found["orderbook_not_available_candle_only"] = "the venue's book is made up around candles"
    if not all(side.metadata.connectivity_readiness and side.metadata.connectivity_probe for side in (backtest, paper)):
        found["readiness_probe_optional"] = "not both runs have a readiness check and a probe"
    if backtest.metadata.venue.casefold() != paper.metadata.venue.casefold():
        found["venue_label_mismatch_allowed"] = "the labels of the venue differ and mean the same"
    return tuple(Named(id=name, description=text) for name, text in sorted(found.items()))


def non_goals() -> tuple[Named, ...]:
    """Return what a comparison never claims."""
    return tuple(Named(id=name, description=text) for name, text in sorted(_NON_GOALS.items()))
