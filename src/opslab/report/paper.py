"""What is rendered of paper runs: their block of ``metadata.json`` and their numbers in ``metrics.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.contract.metadata import PaperExecution

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.contract.spec import RunSpec

SAFETY_CHECKED = "paper_safety_checked"
SAFETY_BLOCKED = "paper_safety_blocked"
STARTED = "paper_started"
COMPLETED = "paper_completed"
HEARTBEAT = "paper_heartbeat"
VIEWS = "views_taken"
LIVE_NODE = "live_node"

_LIVE_COUNTS = (
    "bars_seen",
    "data_seen",
    "orders_submitted",
    "orders_denied",
    "orders_stopped",
    "orders_rejected",
    "fills_count",
    "trading_ms",
)
_TOLD = {
    "OrderSubmitted": "orders_submitted",
    "OrderDenied": "orders_denied",
    "OrderRejected": "orders_rejected",
    "OrderFilled": "fills_count",
}

type Events = dict[str, dict[str, Any]]
"""The last event of each name."""


def is_placeholder(events: Events) -> bool:
    """Whether nothing was executed: the gate blocked the run. By contract a blocked paper run is a placeholder."""
    return SAFETY_BLOCKED in events


def has_executed(events: Events, terminal: dict[str, Any] | None) -> bool:
    """Whether a live node's strategy ever ran: a node that never got so far has executed nothing."""
    if HEARTBEAT in events or bool((_counters(events, terminal) or {}).get("strategy_started")):
        return True
    return _is_lost(terminal) and STARTED in events and VIEWS in events  # the first are taken once it has started


def paper_execution(spec: RunSpec, events: Events, terminal: dict[str, Any] | None) -> PaperExecution | None:
    """Return how a paper run fared, once its gate has decided; None for other runs."""
    blocked, started = events.get(SAFETY_BLOCKED), events.get(STARTED)
    if blocked is None and started is None:
        return None
    completed, begun = events.get(COMPLETED), started or events["run_started"]
    ended = completed or terminal
    return PaperExecution(
        status=_status(events, terminal),
        engine=spec.engine,
        connectivity="loopback_venue" if started else "none",
        session_type=LIVE_NODE if started else "blocked_kill_switch",
        started_at_utc=begun["ts_utc"],
        completed_at_utc=ended["ts_utc"] if ended else None,
        error=terminal.get("error") if terminal else None,
        **(_live(events, started, terminal) if started else {}),
    )


def paper_metrics(
    events: Events, terminal: dict[str, Any] | None, stream: Callable[[], list[dict[str, Any]]]
) -> dict[str, Any]:
    """Return the contract's numbers of a paper run; one that was blocked has no heartbeat and lasted no second.

    Args:
        events: the last event of each name.
        terminal: the event that ended the run.
        stream: reads the event stream, which tells what a node did that died before it could count.
    """
    blocked, started = events.get(SAFETY_BLOCKED), events.get(STARTED)
    is_lost = started is not None and _is_lost(terminal)
    counters = _recounted(stream()) if is_lost else _counters(events, terminal) or {}
    return {
        "connectivity": "loopback_venue" if started else "none",
        "paper_lifecycle": blocked["result"] if blocked else LIVE_NODE if started else None,
        "heartbeat_count": events.get(HEARTBEAT, {}).get("heartbeat_index", 0),
        "synthetic_duration_seconds": 0,
        **({name: counters.get(name, None if is_lost else 0) for name in _LIVE_COUNTS} if started else {}),
    }


def _status(events: Events, terminal: dict[str, Any] | None) -> Any:
    if SAFETY_BLOCKED in events:
        return "blocked"
    if COMPLETED in events:
        return "completed"
    return "failed" if terminal else "running"


def _live(events: Events, started: dict[str, Any], terminal: dict[str, Any] | None) -> dict[str, Any]:
    inputs = events["run_started"].get("inputs") or {}
    completed = events.get(COMPLETED, {})
    return {
        "nautilus_version": inputs.get("engine_version"),
        "venue": started["venue"],
        "profile": started["profile"],
        "counters": _counters(events, terminal),
        "books": completed.get("books") or (terminal or {}).get("books"),
        "ended_by": completed.get("ended_by"),
    }


def _counters(events: Events, terminal: dict[str, Any] | None) -> dict[str, Any] | None:
    told = events.get(COMPLETED) or terminal or events.get(HEARTBEAT) or {}
    found: dict[str, Any] | None = told.get("counters")
    return found


def _is_lost(terminal: dict[str, Any] | None) -> bool:
    """Whether the run's process died before it could count what it had done."""
    return terminal is not None and terminal.get("reason") == "interrupted" and not terminal.get("counters")


def _recounted(stream: list[dict[str, Any]]) -> dict[str, int]:
    """Return what an event stream tells; what it cannot tell is left out, since nobody knows it."""
    found = dict.fromkeys(_TOLD.values(), 0)
    for event in stream:
        if name := _TOLD.get(str(event.get("type"))):
            found[name] += 1
    return found
