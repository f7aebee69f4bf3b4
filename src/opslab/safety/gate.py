"""The gate: may a run take new risk? A pure decision over readings; the global switch covers every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opslab.safety.reading import State, SwitchReading


@dataclass(frozen=True)
class GateDecision:
    """What the gate says.

    Attributes:
        blocked: whether new risk is forbidden.
        state: the effective state: ``active`` if any switch is, else the run's own.
        decided_by: the reading that decided: the global one only when the run's own is not active, one of another root
            only when both are not.
        reasons: why it is blocked, each in one line; empty when it is not.
    """

    blocked: bool
    state: State
    decided_by: SwitchReading
    reasons: tuple[str, ...]


def decide(run: SwitchReading, everything: SwitchReading, *elsewhere: SwitchReading) -> GateDecision:
    """Return whether the run may take new risk.

    Args:
        run: the run's own switch.
        everything: the global switch.
        elsewhere: the same switches in the other roots that the lab used.
    """
    active = [reading for reading in (run, everything, *elsewhere) if reading.state == "active"]
    reasons = dict.fromkeys(reason for reading in active for reason in _reasons(reading))
    return GateDecision(bool(active), "active" if active else run.state, (active or [run])[0], tuple(reasons))


def _reasons(reading: SwitchReading) -> list[str]:
    record = reading.record or {}
    reasons = [*reading.doubts, *reading.trips.values()]
    if not reading.doubts and record.get("state") == "active":
        reasons.append(f"{reading.run_id} activated by {record.get('last_actor')}: {record.get('last_reason')}")
    return [f"{reason} (in {reading.elsewhere})" for reason in reasons] if reading.elsewhere else reasons
