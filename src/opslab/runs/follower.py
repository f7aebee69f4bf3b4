"""Tells a drill's living paper run what the drill does: a listener that imports no engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opslab.contract.drill import Phase
    from opslab.contract.events import Event
    from opslab.runs.rehearsal import Rehearsal


class Follower:
    """Follows a drill and tells its living run, while there is one.

    Args:
        rehearsal: has the run.
    """

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal

    def entered(self, phase: Phase) -> None:
        """Pass a phase on."""
        if self._rehearsal.living is not None:
            self._rehearsal.living.entered(phase)

    def told(self, event: Event) -> None:
        """Pass an event on."""
        if self._rehearsal.living is not None:
            self._rehearsal.living.told(event)

    def ended(self) -> None:
        """Nothing: the run ends by itself."""
