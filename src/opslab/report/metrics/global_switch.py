"""Shows the lab's global kill switch, which covers every run: whatever cannot be told of it shows as active."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.switch_rules import GLOBAL
from opslab.errors import one_line
from opslab.report.metrics import catalogue as of
from opslab.report.metrics.bundle import why
from opslab.report.metrics.values import Sample
from opslab.safety.switches import KillSwitches

if TYPE_CHECKING:
    from opslab.clock import Clock
    from opslab.root import Lab
    from opslab.safety.watch import Watch


class GlobalSwitch:
    """Reads the global switch of a lab, its files only when they changed.

    Args:
        lab: the lab.
        clock: says what is from the future.
    """

    def __init__(self, lab: Lab, clock: Clock) -> None:
        self._lab, self._clock = lab, clock
        self._watch: Watch | None = None

    def samples(self) -> tuple[list[Sample], tuple[str, ...]]:
        """Return the switch's state, and a comment when it is active for a doubt; nothing makes it raise."""
        state, doubts = "active", tuple[str, ...]()
        try:
            self._watch = self._watch or KillSwitches.of(self._lab, self._clock).watch(GLOBAL)
            decision = self._watch.decision()
            state, doubts = decision.state, decision.decided_by.doubts
        except Exception as error:  # noqa: BLE001 - a switch that cannot be read is active, whatever the reason
            doubts = (why(error),)
        comments = [one_line(f"doubtful kill switch {self._lab.kill_switch}: {doubt}") for doubt in doubts[:1]]
        return [Sample(of.KILL_SWITCH_GLOBAL, of.KILL_SWITCH_GLOBAL.encode(state), (state,))], tuple(comments)
