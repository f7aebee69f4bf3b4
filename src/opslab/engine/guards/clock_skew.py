"""Keeps a node with a wrong clock from trading: before it starts, and while it runs.

Every signed request bears the node's time; a venue refuses what is too old or from the future, cancels too. The
adapter of NautilusTrader 1.231 asks the venue for its time when it connects, and only logs it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from opslab.contract.execution import Guard, Profile
from opslab.engine.guards.site import Bystander, Site
from opslab.engine.guards.ticking import Errand, Ticking, require_names
from opslab.engine.guards.venue_time import VenueTime
from opslab.errors import EngineError, one_line
from opslab.safety.skew import KEPT, Standing, standing, told

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

NAME = Guard.CLOCK_SKEW.value
_SECONDS = {Profile.FAST: 0.1, Profile.PRODUCTION: 10.0}
_WAIT_SECONDS = {Profile.FAST: 0.5, Profile.PRODUCTION: 5.0}
UNANSWERED = 3
"""So many questions in a row without an answer hold new risk."""


class ClockSkew(Bystander):
    """Refuses to start with a clock that the venue would refuse, holds new risk near that, and pulls beyond it.

    Args:
        profile: how impatient the node is: how often the venue is asked for its time.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._clocks: list[_Clock] = []
        self._refused: str | None = None
        self._has_pulled = False

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Ask for the venue's time before the client connects.

        Raises:
            EngineError: the adapter has not the names that the guard stands on.
        """
        require_names(client, ("_connect", "_recv_window", "_http_market", "_clock"), NAME)
        clock = _Clock(client, site, _WAIT_SECONDS[self._profile])
        self._clocks.append(clock)
        client._connect = self._asking_first(client._connect, clock, site)  # noqa: SLF001

    def on_node(self, site: Site) -> None:
        """End the node's start when it was refused, and look at an interval."""
        require_names(site.kernel, ("_check_engines_connected",), NAME)
        connected = site.kernel._check_engines_connected  # noqa: SLF001
        site.kernel._check_engines_connected = self._unless_refused(connected, site)  # noqa: SLF001

        def trouble(error: Exception) -> None:
            site.hold(NAME, f"cannot be told: {type(error).__name__}: {one_line(error)}")

        Ticking(site.kernel, _SECONDS[self._profile], lambda: self._look(site), trouble).start()
        site.tell("guard_acted", {"guard": NAME, "action": "installed", "detail": "compares the clocks"})

    def _asking_first(
        self, connect: Callable[[], Coroutine[Any, Any, None]], clock: _Clock, site: Site
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        async def connected() -> None:
            for _ in range(KEPT):
                await clock.time.ask()
            if clock.standing is not Standing.FINE:
                self._refuse(clock, site)
            await connect()

        return connected

    def _refuse(self, clock: _Clock, site: Site) -> None:
        why = f"it may not start: {clock.told}"
        self._refused = why
        site.hold(NAME, why)
        site.tell("guard_acted", {"guard": NAME, "action": "refused", "detail": why, "facts": clock.facts})
        raise EngineError(why, fix="set the machine's clock (NTP), then start it again")

    def _unless_refused(
        self, check: Callable[[], Coroutine[Any, Any, bool]], site: Site
    ) -> Callable[[], Coroutine[Any, Any, bool]]:
        """Return what waits for the connections as before, and raises as soon as the start was refused."""

        async def checked() -> bool:
            waiting = site.kernel.loop.create_task(check())
            try:
                while not waiting.done() and self._refused is None:
                    await asyncio.wait({waiting}, timeout=0.01)
                if self._refused is not None:
                    raise EngineError(self._refused, fix="set the machine's clock (NTP), then start it again")
                return bool(waiting.result())
            finally:
                waiting.cancel()

        return checked

    def _look(self, site: Site) -> None:
        troubled = None
        for clock in self._clocks:
            clock.errand.run(clock.time.ask)
            now = clock.standing
            if now is Standing.BEYOND and not self._has_pulled:
                self._pull(clock, site)
            if now is not Standing.FINE:
                troubled = troubled or clock
        if troubled is None:
            if site.release(NAME):
                detail = self._clocks[0].told
                site.tell("guard_acted", {"guard": NAME, "action": "released", "detail": detail})
        elif site.hold(NAME, troubled.told):
            facts = {"detail": troubled.told, "facts": troubled.facts}
            site.tell("guard_acted", {"guard": NAME, "action": "held", **facts})

    def _pull(self, clock: _Clock, site: Site) -> None:
        """Pull the switch; if that fails new risk is held all the same, and the next look tries again."""
        site.hold(NAME, clock.told)
        site.pull(f"{NAME}: {clock.told}")
        self._has_pulled = True
        site.tell("guard_acted", {"guard": NAME, "action": "pulled", "detail": clock.told, "facts": clock.facts})


class _Clock:
    """The venue's clock as one execution client meets it."""

    def __init__(self, client: Any, site: Site, seconds: float) -> None:
        self.time, self.errand = VenueTime(client, NAME, seconds), Errand(site.kernel)
        self._window_ms = float(client._recv_window)  # noqa: SLF001

    @property
    def standing(self) -> Standing:
        """Whether the venue takes what is stamped by our clock."""
        if self.time.failures >= UNANSWERED:
            return Standing.NEAR
        return standing(self.time.estimate(), self._window_ms)

    @property
    def told(self) -> str:
        """The estimate in a line."""
        if self.time.failures >= UNANSWERED:
            return f"the venue did not answer {self.time.failures} questions for its time"
        return told(self.time.estimate(), self._window_ms)

    @property
    def facts(self) -> dict[str, Any]:
        """The estimate, for the journal."""
        found = self.time.estimate()
        if found is None:
            return {"failures": self.time.failures}
        return {"offset_ms": found.offset_ms, "doubt_ms": found.doubt_ms, "samples": found.samples}
