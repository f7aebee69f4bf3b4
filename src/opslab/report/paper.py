"""What is rendered of paper runs: their block of ``metadata.json`` and their numbers in ``metrics.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.contract.metadata import PaperExecution

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec

SAFETY_CHECKED = "paper_safety_checked"
SAFETY_BLOCKED = "paper_safety_blocked"


def is_placeholder(events: dict[str, dict[str, Any]]) -> bool:
    """Whether nothing was executed: the gate blocked the run. By contract a blocked paper run is a placeholder."""
    return SAFETY_BLOCKED in events


def paper_execution(
    spec: RunSpec, events: dict[str, dict[str, Any]], terminal: dict[str, Any] | None
) -> PaperExecution | None:
    """Return how a paper run fared, once its gate has decided; None for other runs."""
    blocked = events.get(SAFETY_BLOCKED)
    if blocked is None:
        return None
    return PaperExecution(
        status="blocked",
        engine=spec.engine,
        connectivity="none",
        session_type=blocked["result"],
        started_at_utc=events["run_started"]["ts_utc"],
        completed_at_utc=terminal["ts_utc"] if terminal else None,
        error=terminal.get("error") if terminal else None,
    )


def paper_metrics(events: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the contract's numbers of a paper run; one that was blocked has no heartbeat and lasted no second."""
    blocked = events.get(SAFETY_BLOCKED)
    return {
        "connectivity": "none",
        "paper_lifecycle": blocked["result"] if blocked else None,
        "heartbeat_count": 0,
        "synthetic_duration_seconds": 0,
    }
