"""What ``report.md`` says of a paper run: its gate, its node, its venue, and whether the three views agreed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.report.paper import HEARTBEAT, SAFETY_CHECKED, STARTED
from opslab.report.plain_text import bullets, plain

if TYPE_CHECKING:
    from opslab.contract.metadata import Metadata, RunMetrics
    from opslab.store.reader import Bundle

_BLOCKED = """## Explicit Non-Features

No order was sent, no market data was received and no engine was started: the gate forbade new risk before any of it."""

_LIVE = """## Explicit Non-Features

The venue is the lab's own, on loopback; its market data was recorded or made up before. Nothing here left the machine,
and timings of the fast profile are no timings of production."""


def paper_sections(metadata: Metadata, metrics: RunMetrics, bundle: Bundle) -> list[str]:
    """Return the sections of a paper run, in order; the headings are the contract's (4.11), then the lab's own."""
    events = {event["event"]: event for event in bundle.journal}
    is_live = STARTED in events
    return [
        _summary(metadata, metrics),
        _safety(events),
        _session(metrics),
        _live(metadata, events) if is_live else "",
        _views(bundle) if is_live else "",
        _LIVE if is_live else _BLOCKED,
    ]


def _summary(metadata: Metadata, metrics: RunMetrics) -> str:
    pairs: list[tuple[str, object]] = [
        (name, getattr(metadata, name)) for name in ("mode", "engine", "status", "config_sha256")
    ]
    pairs += [(name, getattr(metrics, name)) for name in ("heartbeat_count", "connectivity")]
    if metadata.error:
        pairs += [("error", metadata.error), ("failure_reason", metadata.failure_reason)]
    return f"# Paper report: {metadata.run_id}\n\n{bullets(pairs)}"


def _safety(events: dict[str, Any]) -> str:
    checked = events.get(SAFETY_CHECKED, {})
    asked = events.get("run_started", {}).get("kill_switch") or {}
    names = ("kill_switch_state", "lifecycle_outcome", "control_signal")
    pairs: list[tuple[str, object]] = [(name, checked.get(name)) for name in names]
    pairs += [("reason", reason) for reason in asked.get("reasons", ())]
    pairs += [(f"limit {name}", value) for name, value in (checked.get("limits") or {}).items() if value is not None]
    return f"## Safety status\n\n{bullets(pairs)}"


def _session(metrics: RunMetrics) -> str:
    names = ("paper_lifecycle", "heartbeat_count", "synthetic_duration_seconds")
    return f"## Skeleton Session Summary\n\n{bullets((name, getattr(metrics, name)) for name in names)}"


def _live(metadata: Metadata, events: dict[str, Any]) -> str:
    execution, started = metadata.paper_execution, events[STARTED]
    counters = execution.counters if execution else None
    told = counters or events.get(HEARTBEAT, {}).get("counters") or {}
    pairs: list[tuple[str, object]] = [
        ("nautilus_version", execution.nautilus_version if execution else None),
        ("market", started["venue"]["market"]),
        ("venue", started["venue"]["http"]),
        ("instruments", ", ".join(started["instruments"])),
        ("profile", started["profile"]),
        ("pace", started["pace"]),
        ("ended_by", execution.ended_by if execution else None),
        *dict(told).items(),
    ]
    return f"## Live Session\n\n{bullets(pairs)}"


def _views(bundle: Bundle) -> str:
    taken = [event for event in bundle.journal if event["event"] == "views_taken"]
    rows = "\n".join(
        f"| {event['ts_utc']} | {plain(event['phase'])} | {'agree' if event['agree'] else '**differ**'} |"
        for event in taken
    )
    return (
        "## Views of Venue, Engine and Strategy\n\nThe venue's books are the truth; the rows are in `views.jsonl`.\n\n"
        f"| time (UTC) | phase | the three |\n|---|---|---|\n{rows}"
    )
