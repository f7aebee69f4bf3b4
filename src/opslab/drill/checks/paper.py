"""Checks on paper runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

BLOCKED_LIFE = ("run_started", "paper_safety_checked", "paper_safety_blocked", "run_completed")
"""The life of a blocked paper run, in the contract's order (4.3)."""


@check("paper.blocked")
def paper_blocked(history: History, _spec: RunSpec | None) -> Judgement:
    """The only run was stopped by the gate before anything was connected, and says why."""
    if not history.runs:
        return failed("OPS-PAPER-NOT-BLOCKED", "no run was recorded as blocked")
    run = history.run
    status = run.metadata.status.value
    if status != "safety_blocked" or run.metrics.engine_executed:
        observed = {"status": status, "engine_executed": run.metrics.engine_executed}
        return failed("OPS-PAPER-NOT-BLOCKED", f"the run ended as {status}", observed=observed)
    if run.event_names[: len(BLOCKED_LIFE)] != BLOCKED_LIFE:
        seen = list(run.event_names)
        return failed("OPS-PAPER-LIFE", "not the life of a blocked run", expected=list(BLOCKED_LIFE), observed=seen)
    reasons = ((run.metadata.safety or {}).get("at_start") or {}).get("reasons")
    if not reasons:
        return failed("OPS-PAPER-UNEXPLAINED", "the run does not say why it was blocked", observed=run.metadata.safety)
    return passed(f"blocked: {reasons[0]}")
