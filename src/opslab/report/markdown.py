"""Renders ``report.md``: what a person reads first. No PnL, Sharpe or return figures, by contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.spec import Mode
from opslab.errors import one_line
from opslab.report.metadata import metadata_of, metrics_of
from opslab.report.paper import SAFETY_CHECKED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.contract.events import DatasetFacts
    from opslab.contract.metadata import Metadata, RunMetrics
    from opslab.store.reader import Bundle

_FILL = {
    "next_open": "What the strategy decides on a bar is filled at the open of the next one.",
    "same_close": "What the strategy decides on a bar is filled at the close of that same bar: it trades on a price "
    "that nobody could still get.",
}
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "[": "&#91;"}
"""What could end a table's cell, or turn a value into markup."""


def render_report(bundle: Bundle) -> bytes:
    """Return the content of ``report.md``."""
    metadata, metrics = metadata_of(bundle), metrics_of(bundle)
    sections = [
        *_OF_MODE[metadata.mode](metadata, metrics, bundle),
        _inputs(metadata),
        _timeline(bundle),
        _drills(metadata),
        _DISCLAIMER,
    ]
    return ("\n\n".join(section for section in sections if section) + "\n").encode()


_DISCLAIMER = """## Disclaimer

This report is evidence of an operational rehearsal on recorded or synthetic data. It claims nothing about profit,
and nothing in it reached a real venue."""


def _backtest(metadata: Metadata, metrics: RunMetrics, _bundle: Bundle) -> list[str]:
    return [_summary(metadata, metrics), _execution(metadata, metrics), _smoke(metadata, metrics)]


def _paper(metadata: Metadata, metrics: RunMetrics, bundle: Bundle) -> list[str]:
    return [_paper_summary(metadata, metrics), _paper_safety(bundle), _paper_session(metrics), _NON_FEATURES]


_NON_FEATURES = """## Explicit Non-Features

No order was sent, no market data was received and no engine was started: the gate forbade new risk before any of it."""


def _bullets(pairs: Iterable[tuple[str, object]]) -> str:
    return "\n".join(f"- {name}: {_plain(value)}" for name, value in pairs)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = "none" if value is None else one_line(value)
    return "".join(_ESCAPES.get(character, character) for character in text)


def _summary(metadata: Metadata, metrics: RunMetrics) -> str:
    names = ("dataset", "scenario_name", "scenario_version", "strategy_registered", "input_candles_count")
    pairs: list[tuple[str, object]] = [("status", metadata.status), ("engine", metadata.engine)]
    pairs += [(name, getattr(metrics, name)) for name in (*names, "bars_processed", "engine_duration_ms")]
    if metadata.error:
        pairs += [("error", metadata.error), ("failure_reason", metadata.failure_reason)]
    return f"# Backtest report: {metadata.run_id}\n\n{_bullets(pairs)}"


def _execution(metadata: Metadata, metrics: RunMetrics) -> str:
    execution = metadata.engine_execution
    fill = _FILL[execution.fill] if execution and execution.fill else "The engine did not run."
    pairs = [
        ("fill", execution.fill if execution else None),
        ("bars_seen", metrics.bars_seen),
        ("deterministic_action_triggered", metrics.deterministic_action_triggered),
        ("nautilus_version", execution.nautilus_version if execution else None),
    ]
    return f"## Built-in Scenario Execution\n\n{fill}\n\n{_bullets(pairs)}"


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
    return f"## Smoke Backtest Summary\n\n{_bullets(pairs)}"


def _paper_summary(metadata: Metadata, metrics: RunMetrics) -> str:
    pairs: list[tuple[str, object]] = [
        (name, getattr(metadata, name)) for name in ("mode", "engine", "status", "config_sha256")
    ]
    pairs += [(name, getattr(metrics, name)) for name in ("heartbeat_count", "connectivity")]
    if metadata.error:
        pairs += [("error", metadata.error), ("failure_reason", metadata.failure_reason)]
    return f"# Paper report: {metadata.run_id}\n\n{_bullets(pairs)}"


def _paper_safety(bundle: Bundle) -> str:
    checked = next((event for event in bundle.journal if event["event"] == SAFETY_CHECKED), {})
    started = next((event for event in bundle.journal if event["event"] == "run_started"), {})
    names = ("kill_switch_state", "lifecycle_outcome", "control_signal")
    pairs: list[tuple[str, object]] = [(name, checked.get(name)) for name in names]
    pairs += [("reason", reason) for reason in (started.get("kill_switch") or {}).get("reasons", ())]
    pairs += [(f"limit {name}", value) for name, value in (checked.get("limits") or {}).items() if value is not None]
    return f"## Safety status\n\n{_bullets(pairs)}"


def _paper_session(metrics: RunMetrics) -> str:
    names = ("paper_lifecycle", "heartbeat_count", "synthetic_duration_seconds")
    return f"## Skeleton Session Summary\n\n{_bullets((name, getattr(metrics, name)) for name in names)}"


def _inputs(metadata: Metadata) -> str:
    if metadata.inputs is None:
        return ""
    rows = "\n".join(
        f"| {_plain(item.dataset)} | {item.instrument} | {_origin(item)} | `{item.fingerprint}` |"
        for item in metadata.inputs.datasets
    )
    pairs = [("inputs_sha256", metadata.inputs_sha256), ("config_sha256", metadata.config_sha256)]
    return f"## Inputs\n\n{_bullets(pairs)}\n\n| dataset | instrument | data | fingerprint |\n|---|---|---|---|\n{rows}"


def _origin(dataset: DatasetFacts) -> str:
    return "synthetic" if dataset.synthetic else "recorded"


def _timeline(bundle: Bundle) -> str:
    rows = [f"| {event['ts_utc']} | {_plain(event['event'])} | {_moment(event)} |" for event in bundle.journal]
    return "## Timeline\n\n| time (UTC) | event | |\n|---|---|---|\n" + "\n".join(rows)


def _moment(event: dict[str, object]) -> str:
    keys = ("error", "note", "drill_name", "phase", "fault", "outcome")
    return ", ".join(_plain(event[key]) for key in keys if event.get(key))


def _drills(metadata: Metadata) -> str:
    return (
        "## Drills\n\n" + _bullets((name, f"drills/{name}.json") for name in metadata.drills) if metadata.drills else ""
    )


_OF_MODE = {Mode.BACKTEST: _backtest, Mode.PAPER: _paper}
