"""Renders ``report.md``: what a person reads first. No PnL, Sharpe or return figures, by contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.spec import Mode
from opslab.report.connectivity import connectivity_sections
from opslab.report.markdown_paper import paper_sections
from opslab.report.metadata import metadata_of, metrics_of
from opslab.report.plain_text import bullets, plain
from opslab.report.timeline import timeline_section

if TYPE_CHECKING:
    from opslab.contract.events import DatasetFacts
    from opslab.contract.metadata import Metadata, RunMetrics
    from opslab.store.reader import Bundle

_FILL = {
    "next_open": "What the strategy decides on a bar is filled at the open of the next one.",
    "same_close": "What the strategy decides on a bar is filled at the close of that same bar: it trades on a price "
    "that nobody could still get.",
}


def render_report(bundle: Bundle) -> bytes:
    """Return the content of ``report.md``."""
    metadata, metrics = metadata_of(bundle), metrics_of(bundle)
    sections = [
        *_OF_MODE[metadata.mode](metadata, metrics, bundle),
        *connectivity_sections({event["event"]: event for event in bundle.journal}),
        _inputs(metadata),
        timeline_section(bundle),
        _drills(metadata),
        _DISCLAIMER,
    ]
    return ("\n\n".join(section for section in sections if section) + "\n").encode()


_DISCLAIMER = """## Disclaimer

This report is evidence of an operational rehearsal on recorded or synthetic data. It claims nothing about profit,
and nothing in it reached a real venue."""


def _backtest(metadata: Metadata, metrics: RunMetrics, _bundle: Bundle) -> list[str]:
    return [_summary(metadata, metrics), _execution(metadata, metrics), _smoke(metadata, metrics)]


def _summary(metadata: Metadata, metrics: RunMetrics) -> str:
    names = ("dataset", "scenario_name", "scenario_version", "strategy_registered", "input_candles_count")
    pairs: list[tuple[str, object]] = [("status", metadata.status), ("engine", metadata.engine)]
    pairs += [(name, getattr(metrics, name)) for name in (*names, "bars_processed", "engine_duration_ms")]
    if metadata.error:
        pairs += [("error", metadata.error), ("failure_reason", metadata.failure_reason)]
    return f"# Backtest report: {metadata.run_id}\n\n{bullets(pairs)}"


def _execution(metadata: Metadata, metrics: RunMetrics) -> str:
    execution = metadata.engine_execution
    fill = _FILL[execution.fill] if execution and execution.fill else "The engine did not run."
    pairs = [
        ("fill", execution.fill if execution else None),
        ("bars_seen", metrics.bars_seen),
        ("deterministic_action_triggered", metrics.deterministic_action_triggered),
        ("nautilus_version", execution.nautilus_version if execution else None),
    ]
    return f"## Built-in Scenario Execution\n\n{fill}\n\n{bullets(pairs)}"


def _smoke(metadata: Metadata, metrics: RunMetrics) -> str:
    stream = metadata.event_stream
    pairs = [
        ("orders_submitted", metrics.orders_submitted),
        ("fills_count", metrics.fills_count),
        ("orders_denied", metrics.orders_denied),
        ("synthetic_ticks", metrics.synthetic_ticks),
        ("events", stream.events if stream else None),
        ("event_stream_sha256", stream.sha256 if stream else None),
        ("market_data_sha256", stream.market_data_sha256 if stream else None),
    ]
    return f"## Smoke Backtest Summary\n\n{bullets(pairs)}"


def _inputs(metadata: Metadata) -> str:
    if metadata.inputs is None:
        return ""
    rows = "\n".join(
        f"| {plain(item.dataset)} | {item.instrument} | {_origin(item)} | `{item.fingerprint}` |"
        for item in metadata.inputs.datasets
    )
    pairs = [("inputs_sha256", metadata.inputs_sha256), ("config_sha256", metadata.config_sha256)]
    return f"## Inputs\n\n{bullets(pairs)}\n\n| dataset | instrument | data | fingerprint |\n|---|---|---|---|\n{rows}"


def _origin(dataset: DatasetFacts) -> str:
    return "synthetic" if dataset.synthetic else "recorded"


def _drills(metadata: Metadata) -> str:
    return (
        "## Drills\n\n" + bullets((name, f"drills/{name}.json") for name in metadata.drills) if metadata.drills else ""
    )


_OF_MODE = {Mode.BACKTEST: _backtest, Mode.PAPER: paper_sections}
