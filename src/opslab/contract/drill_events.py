"""Journal events of drills: phases, faults, checks, facts, and the report at the end."""

from __future__ import annotations

from typing import Any, Literal

from opslab.contract.base import Sha256
from opslab.contract.events import CheckSeverity, Event


class DrillPhaseEntered(Event):
    """A drill crossed a phase boundary."""

    event: Literal["drill_phase_entered"] = "drill_phase_entered"
    drill_name: str
    phase: str


class FaultInjected(Event):
    """A drill broke something."""

    event: Literal["fault_injected"] = "fault_injected"
    drill_name: str
    fault: str


class FaultHealed(Event):
    """A drill undid what it broke; ``fired`` says whether the fault ever took effect."""

    event: Literal["fault_healed"] = "fault_healed"
    drill_name: str
    fault: str
    fired: bool


class CheckEvaluated(Event):
    """A check was asked, and answered."""

    event: Literal["check_evaluated"] = "check_evaluated"
    drill_name: str
    phase: str
    check: str
    result: str
    code: str
    details: str


class FactRecorded(Event):
    """A drill wrote down something that its checks judge."""

    event: Literal["fact_recorded"] = "fact_recorded"
    drill_name: str
    name: str
    value: Any


class FailureDrillExecuted(Event):
    """A drill ended; its report lies beside this journal.

    Attributes:
        outcome: the report's outcome.
        reconciliation_status: what the last comparison of files came out as, where the drill made one.
        simulated: true for a drill that recovers a run's record and no live position; null for all others.
    """

    event: Literal["failure_drill_executed"] = "failure_drill_executed"
    drill_name: str
    outcome: str
    status: Literal["completed"] = "completed"
    report_path: str
    report_sha256: Sha256
    reconciliation_status: CheckSeverity | None = None
    simulated: Literal[True] | None = None


DRILL_EVENTS: dict[str, type[Event]] = {
    model.model_fields["event"].default: model
    for model in (
        DrillPhaseEntered,
        FaultInjected,
        FaultHealed,
        CheckEvaluated,
        FactRecorded,
        FailureDrillExecuted,
    )
}
"""The events of drills, by name."""
