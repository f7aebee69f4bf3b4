"""The course of a drill: which phase it is in, how long each took, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from opslab.clock import to_stamp
from opslab.contract.drill import Phase, PhaseTiming
from opslab.contract.drill_events import DrillPhaseEntered
from opslab.errors import DrillError

if TYPE_CHECKING:
    from opslab.clock import Clock
    from opslab.contract.events import Event


class Listener(Protocol):
    """Somebody who follows a drill while it goes on: a journal, Allure's steps."""

    def entered(self, phase: Phase) -> None:
        """The drill crossed into ``phase``."""
        ...

    def told(self, event: Event) -> None:
        """Something happened: a fault, a check, a fact."""
        ...

    def ended(self) -> None:
        """The last phase is over."""
        ...


class Course:
    """Phases as they are entered, timed and told.

    Args:
        slug: the drill's own name.
        run_id: what journal lines of the drill bear as their run.
        listeners: who follows it.
        clock: stamps and durations.
    """

    def __init__(self, slug: str, run_id: str, listeners: tuple[Listener, ...], clock: Clock) -> None:
        self.phase: Phase | None = None
        self.timings: list[PhaseTiming] = []
        self.began = 0.0
        self._slug, self._run_id, self._listeners, self._clock = slug, run_id, listeners, clock
        self._has_ended = False

    def enter(self, phase: Phase) -> None:
        """Cross into ``phase``; being there already, nothing happens.

        Raises:
            DrillError: the drill has ended.
        """
        self._require_going_on()
        if phase is self.phase:
            return
        self._close_phase()
        self.phase, self.began = phase, self._clock.monotonic()
        self.timings.append(PhaseTiming(phase=phase, started_at_utc=self.stamp(), seconds=0.0))
        self.tell(DrillPhaseEntered, phase=phase)
        for listener in self._listeners:
            listener.entered(phase)

    def tell(self, event: type[Event], **fields: Any) -> None:
        """Tell every listener of an event.

        Raises:
            DrillError: the drill has ended.
        """
        self._require_going_on()
        told = event(ts_utc=self.stamp(), run_id=self._run_id, drill_name=self._slug, **fields)  # type: ignore[call-arg]
        for listener in self._listeners:
            listener.told(told)

    def end(self) -> None:
        """Close the last phase; done twice, the second has no effect."""
        if self._has_ended:
            return
        self._has_ended = True
        self._close_phase()
        for listener in self._listeners:
            listener.ended()

    def stamp(self) -> str:
        """Return the time as records bear it."""
        return to_stamp(self._clock.now())

    def _require_going_on(self) -> None:
        if self._has_ended:
            raise DrillError(
                "the drill has ended and is judged",
                where=self._slug,
                fix="inject, heal and ask inside the test's body, not in a fixture's teardown",
            )

    def _close_phase(self) -> None:
        if self.timings:
            took = round(self._clock.monotonic() - self.began, 6)
            self.timings[-1] = self.timings[-1].model_copy(update={"seconds": took})
