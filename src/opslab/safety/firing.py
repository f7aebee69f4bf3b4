"""What happens when a trigger fires: new risk is held, the switch pulled once, the journal told once.

Used in the node, where orders are counted, and in the run's process, where views are compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from opslab.safety.triggers import Fired

EVENT = "trigger_fired"


class Firing:
    """Fires each trigger once, and once more only after a person has cleared the switch that it pulled.

    Args:
        pull: pulls the run's kill switch; is given the reason, and may raise.
        tell: writes into the run's journal: an event's name and its own fields.
        hold: denies new risk for now; is given why.
        release: ends that.
        is_active: reads the switch; without it a trigger that has fired stays spent.
        anew: is called when a person cleared the switch: whoever counts begins anew.

    Attributes:
        fired: the triggers that fired since the switch was open last, in order.
    """

    def __init__(
        self,
        pull: Callable[[str], None],
        tell: Callable[[str, Mapping[str, Any]], None],
        *,
        hold: Callable[[str], object] = lambda _why: None,
        release: Callable[[], object] = lambda: None,
        is_active: Callable[[], bool] = lambda: False,
        anew: Callable[[], object] = lambda: None,
    ) -> None:
        self._pull, self._tell, self._hold, self._release, self._anew = pull, tell, hold, release, anew
        self.fired: list[str] = []
        self._unpulled: str | None = None
        self._is_active, self._is_pulled, self._is_latched = is_active, False, False
        self._untold: list[Fired] = []

    @property
    def is_pending(self) -> bool:
        """Whether the switch could not be pulled yet, or the journal not be told."""
        return self._unpulled is not None or bool(self._untold)

    def fire(self, fired: Fired | None) -> bool:
        """Hold new risk, pull the switch and tell the journal; return whether this trigger was not spent.

        A switch that was cleared meanwhile is pulled again, whichever trigger it is.

        Args:
            fired: what was passed; None: nothing.
        """
        if fired is None:
            return False
        self.rearm()
        if fired.trigger in self.fired:
            return False
        self.fired.append(fired.trigger)
        self._untold.append(fired)
        if not self._is_pulled and self._unpulled is None:
            self._unpulled = fired.reason
        self.retry()
        return True

    def rearm(self) -> bool:
        """Let every trigger fire again if the switch that was pulled has been cleared; return whether it was."""
        if not self._is_latched or self._is_active():
            return False
        self.fired.clear()
        self._is_pulled = self._is_latched = False
        self._anew()
        return True

    def retry(self) -> None:
        """Pull the switch and tell the journal, as far as that is still to be done; trouble is borne."""
        if self._unpulled is not None:
            self._hold(self._unpulled)
            try:
                self._pull(self._unpulled)
                self._is_latched = self._is_active()
            except Exception as error:  # noqa: BLE001 - whatever hinders it, new risk stays held and it is tried again
                self._hold(f"{self._unpulled}; the switch cannot be pulled: {one_line(error)}")
            else:
                self._unpulled, self._is_pulled = None, True
                self._release()
        while self._untold:
            one = self._untold[0]
            told = {"trigger": one.trigger, "value": one.value, "limit": one.limit, "detail": one.detail}
            try:
                self._tell(EVENT, told)
            except Exception:  # noqa: BLE001 - the switch matters more; it is tried again
                return
            self._untold.pop(0)
