"""Says at once, in a line, that a paper run passed a limit, and what became of its kill switch: once each time.

Who is called stands in the line. What is said stays unacknowledged until a person clears the switch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.errors import one_line
from opslab.safety import dead_man, pulling
from opslab.safety.firing import EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opslab.contract.spec import RunSpec

RUNBOOK, DEAD_MAN_RUNBOOK = "trigger-fired", "dead-man"
"""The pages of ``docs/runbooks`` that say what to do."""

NOT_NAMED = "not named"

type Tell = Callable[[str, Mapping[str, Any]], None]


class Alerting:
    """Tells a run's journal, and people too when a trigger fires; them also when the journal cannot be.

    Args:
        tell: writes into the journal.
        alert: is given the line.
        run_id: whose journal it is.
        is_active: reads the run's kill switch.
        owner: who is called, as the spec names it.
    """

    def __init__(
        self,
        tell: Tell,
        alert: Callable[[str], None],
        run_id: str,
        is_active: Callable[[], bool],
        owner: str | None = None,
    ) -> None:
        self._tell, self._alert, self._run_id, self._is_active = tell, alert, run_id, is_active
        self._owner = owner or NOT_NAMED
        self._untold: set[str] = set()
        self._is_new = self._is_late = False

    def __call__(self, event: str, facts: Mapping[str, Any]) -> None:
        """Tell of an event; raises as the journal does."""
        if event == pulling.EVENT:
            self._pulled()
        elif event == EVENT and facts["trigger"] not in self._untold:
            self._untold.add(facts["trigger"])
            self._say(f"{facts['trigger']} of run {self._run_id}: {facts['detail']}; {self._switch()}")
        elif event == dead_man.EVENT and facts["action"] == "lost":
            self._say(f"dead man's switch of run {self._run_id}: {facts['detail']}", DEAD_MAN_RUNBOOK)
        self._tell(event, facts)
        self._untold.discard(facts.get("trigger"))

    def _pulled(self) -> None:
        if self._is_late:
            self._say(f"run {self._run_id}: its kill switch is pulled now")
        self._is_new, self._is_late = not self._is_late, False

    def _switch(self) -> str:
        if self._is_new:
            self._is_new = False
            return "its kill switch is pulled"
        if self._is_active():
            return "its kill switch was pulled already"
        self._is_late = True
        return "its kill switch is NOT pulled yet, and it is tried again"

    def _say(self, what: str, runbook: str = RUNBOOK) -> None:
        self._alert(one_line(f"alert: critical: {what}; owner: {self._owner}; see the runbook {runbook}"))


def owned(spec: RunSpec, event: str) -> dict[str, Any]:
    """Return what the journal's event of an alert holds beside its own facts: who is called."""
    return {"owner": spec.risk.owner} if event == EVENT else {}
