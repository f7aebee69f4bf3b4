"""Says at once, in a line, that a paper run passed a limit, and what became of its kill switch: once each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.errors import one_line
from opslab.safety import pulling
from opslab.safety.firing import EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RUNBOOK = "trigger-fired"
"""The page of ``docs/runbooks`` that says what to do."""

type Tell = Callable[[str, Mapping[str, Any]], None]


class Alerting:
    """Tells a run's journal, and people too when a trigger fires; them also when the journal cannot be.

    Args:
        tell: writes into the journal.
        alert: is given the line.
        run_id: whose journal it is.
        is_active: reads the run's kill switch.
    """

    def __init__(self, tell: Tell, alert: Callable[[str], None], run_id: str, is_active: Callable[[], bool]) -> None:
        self._tell, self._alert, self._run_id, self._is_active = tell, alert, run_id, is_active
        self._untold: set[str] = set()
        self._is_new = self._is_late = False

    def __call__(self, event: str, facts: Mapping[str, Any]) -> None:
        """Tell of an event; raises as the journal does."""
        if event == pulling.EVENT:
            self._pulled()
        elif event == EVENT and facts["trigger"] not in self._untold:
            self._untold.add(facts["trigger"])
            self._say(f"{facts['trigger']} of run {self._run_id}: {facts['detail']}; {self._switch()}")
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

    def _say(self, what: str) -> None:
        self._alert(one_line(f"alert: critical: {what}; see the runbook {RUNBOOK}"))
