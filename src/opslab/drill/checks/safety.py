"""Checks on kill switches: does everything doubtful read as active, and is what they said written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History


@check("kill_switch.active")
def kill_switch_active(history: History, _spec: RunSpec | None) -> Judgement:
    """The switch reads as active and says why; judges the fact ``switch``: ``{state, reasons}``."""
    fact = history.fact("switch")
    if fact["state"] != "active":
        return failed("OPS-KILL-OPEN", f"the switch reads as {fact['state']}", expected="active", observed=fact)
    if not fact["reasons"]:
        return failed("OPS-KILL-UNEXPLAINED", "the switch is active without a reason", observed=fact)
    return passed(fact["reasons"][0])


@check("kill_switch.recorded")
def kill_switch_recorded(history: History, _spec: RunSpec | None) -> Judgement:
    """The run wrote down what the switch said when it began; judges the fact ``switch`` against the run's metadata."""
    expected = history.fact("switch")["state"]
    safety = history.run.metadata.safety or {}
    recorded = safety.get("at_start", {}).get("state")
    if recorded != expected:
        return failed("OPS-KILL-NOT-RECORDED", "the run says otherwise", expected=expected, observed=recorded)
    return passed(f"the run says {recorded}")
