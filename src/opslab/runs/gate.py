"""Asks the kill switches before a run, and says what they answered as facts of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.clock import to_stamp
from opslab.contract.events import SwitchFacts

if TYPE_CHECKING:
    from opslab.clock import Clock
    from opslab.safety.switches import KillSwitches


def asked_switches(switches: KillSwitches, run_id: str, clock: Clock) -> SwitchFacts:
    """Return what ``switches`` say of ``run_id`` now: its own and the global one."""
    decision = switches.gate(run_id)
    record = decision.decided_by.record or {}
    return SwitchFacts(
        state=decision.state,
        checked_at_utc=to_stamp(clock.now()),
        last_reason=record.get("last_reason"),
        source=str(switches.root),
        reasons=decision.reasons,
    )
