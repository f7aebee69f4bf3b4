"""What ``report.md`` says of a paper run: its gate, its node, its venue, and whether the three views agreed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.contract.events import Status
from opslab.report.containment import containment_section
from opslab.report.paper import HEARTBEAT, SAFETY_CHECKED, STARTED
from opslab.report.plain_text import bullets, plain
from opslab.report.pulls import dead_man_section, owner_line, pulls_section
from opslab.report.strays import strays_section

if TYPE_CHECKING:
    from opslab.contract.metadata import Metadata, RunMetrics
    from opslab.store.reader import Bundle

MAX_CHANGES, MAX_SHOWN = 50, 3
"""How many changes of what differed are shown, and how many differences of each."""

_BLOCKED = """## Explicit Non-Features

No order was sent, no market data was received and no engine was started: the gate forbade new risk before any of it."""

_NOT_STARTED = """## Explicit Non-Features

No order was sent and no market data was received: the run ended before its node started."""

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
        _triggers(bundle) if is_live else "",
        pulls_section(bundle),
        containment_section(bundle) if is_live else "",
        dead_man_section(bundle) if is_live else "",
        _views(bundle) if is_live else "",
        _reconciliation(bundle) if is_live else "",
        strays_section(bundle) if is_live else "",
        _non_features(metadata, is_live=is_live),
    ]


def _non_features(metadata: Metadata, *, is_live: bool) -> str:
    if is_live:
        return _LIVE
    return _BLOCKED if metadata.status == Status.SAFETY_BLOCKED else _NOT_STARTED


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


def _triggers(bundle: Bundle) -> str:
    """Return which limits pulled the kill switch; nothing when none did."""
    fired = [event for event in bundle.journal if event["event"] == "trigger_fired"]
    rows = "\n".join(f"| {event['ts_utc']} | {plain(event['trigger'])} | {plain(event['detail'])} |" for event in fired)
    head = f"## Triggers\n\n**A limit of the spec pulled the run's kill switch**; {owner_line(bundle)}."
    return f"{head}\n\n| time (UTC) | limit | what |\n|---|---|---|\n{rows}" if fired else ""


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


def _reconciliation(bundle: Bundle) -> str:
    """Return when the views began to differ, differed otherwise and agreed again, and how the run's end was judged."""
    changes = [event for event in bundle.journal if event["event"] == "views_differed"]
    kept = [event for event in bundle.journal if event["event"] == "reconciliation_checked"]
    found = bundle.spec.execution.reconcile_seconds
    every = f"Compared every {found:g} s while the run lived" if found is not None else "Compared at the end only"
    latest = {event.get("source") or "views": event for event in kept}
    last = "".join(
        f"; the latest result of the {source} is **{event['status']}** (`{event['report_path']}`)"
        for source, event in sorted(latest.items(), reverse=True)
    )
    if not changes:
        status = latest["views"]["status"] if "views" in latest else "unknown"
        end = "" if status in ("mismatch", "unknown") else " Nothing differed for longer than it takes to arrive."
        if "views" not in latest:
            end = " The views were not compared at the end."
        return f"## Reconciliation\n\n{every}{last}.{end}"
    rows = "\n".join(
        f"| {event['ts_utc']} | {'agree again' if event['agree'] else '**differ**'} | {event['since_ms'] / 1000:.1f} | "
        f"{_first_differences(event)} |"
        for event in changes[:MAX_CHANGES]
    )
    more = f"\n\n{len(changes) - MAX_CHANGES} more changes are in the journal." if len(changes) > MAX_CHANGES else ""
    head = "| time (UTC) | the views | for s | what |\n|---|---|---|---|"
    return f"## Reconciliation\n\n{every}{last}.\n\n{head}\n{rows}{more}"


def _first_differences(event: dict[str, Any]) -> str:
    told = [f"{item['view']}: {item['kind']} {item['subject']} {item['key']}".strip() for item in event["differences"]]
    more = f" (and {event['differences_total'] - MAX_SHOWN} more)" if event["differences_total"] > MAX_SHOWN else ""
    return f"{plain('; '.join(told[:MAX_SHOWN]))}{more}"
