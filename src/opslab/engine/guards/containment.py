"""Containment inside a node: it follows the kill switch, and empties the venue once new risk is forbidden.

The door denies new risk from the very order on that comes after the pull. What is there already is ended here: every
order of every strategy is cancelled and every position closed through the engine, in the name of whom they belong to;
then the venue itself is asked, and what it still has (orders of others, what the engine does not know or cannot do) is
ended past the engine. Each step stands alone: an engine that is deaf or raises keeps nothing else from being done.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.enums import TradingState

from opslab.engine.guards.engine_path import EnginePath
from opslab.engine.guards.episode import Episode, Why
from opslab.engine.guards.heeding import heed
from opslab.engine.guards.outside import Outside, asked_client
from opslab.engine.guards.site import Bystander
from opslab.errors import one_line
from opslab.safety.calm import Calm
from opslab.safety.containing import is_new, pause_after
from opslab.safety.guard import cause_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping
    from decimal import Decimal

    from opslab.contract.execution import Profile
    from opslab.engine.guards.episode import Source
    from opslab.engine.guards.site import Site

POLL_SECONDS = 0.005
"""How often the switch is read while the node's loop runs."""

SECONDS: dict[str, float] = {"production": 30.0, "fast": 3.0}
"""How long one attempt to empty the venue goes on, by the node's profile.

While the switch is active the next attempt follows after a pause.
"""


class Containment(Bystander):
    """Empties the venue of a node whose kill switch was pulled, or that stops.

    Args:
        profile: how impatient the node is.
        follows: whether it follows the kill switch; else it acts only when it is asked to.
        keep: of spot: base units by asset that are not sold, because the account held them before.
    """

    def __init__(self, profile: Profile, *, follows: bool = True, keep: Mapping[str, Decimal] | None = None) -> None:
        self._follows, self.seconds, self._keep = follows, SECONDS[profile], keep
        self._calm = Calm()
        self._site: Site | None = None
        self._task: asyncio.Task[Episode] | None = None
        self._last: Episode | None = None
        self._looks, self._due = 0, 0.0
        self._attempts = 0  # of one pull, those that were told
        self._since: float | None = None  # the venue was to be flat from then on, and is not yet
        self._state_before: Any = None
        self._is_stopping = False

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Hear what the venue tells the engine of limits and bans: what empties the account heeds that, too."""
        if client.id.value == asked_client(site.config):
            heed(client, self._calm)

    def on_node(self, site: Site) -> None:
        """Follow the switch from the node's first turn on; what an emergency needs is imported now."""
        self._site, self._engine = site, EnginePath(site.kernel, self._keep)
        self._outside = Outside(site.config, site.kernel.cache, self._keep, site.intents, self._calm)
        self._outside.get_ready()
        if self._follows:
            site.kernel.loop.call_soon(self._tick)

    @property
    def is_working(self) -> bool:
        """Whether the venue is being emptied now."""
        return self._task is not None and not self._task.done()

    @property
    def unfinished(self) -> str | None:
        """Say in a line that the venue was to be emptied and is not for certain; None when nothing is to be done."""
        if self.is_working or (self._last is not None and not self._last.is_flat):
            return "the venue was to be emptied, and nothing proves that it is"
        return None

    async def settle(self) -> None:
        """End what was begun, and what a switch that is active by now still asks for; for a node that is to stop."""
        if self._follows and not self.is_working and (cause := self._cause()) and self._is_due():
            self._start(cause)
        await self._finished()

    async def empty(self, cause: str) -> None:
        """Deny new risk from now on and empty the venue, whatever the switch says: the node stops.

        Args:
            cause: why, in a line.
        """
        self._is_stopping = True
        self._here.hold("stop", cause)
        await self._finished()
        if self._last is None or not self._last.is_flat or self._knows_more():
            self._begin(self._episode(cause, "stop"))
            await self._finished()

    async def _finished(self) -> None:
        if self._task is not None:
            with contextlib.suppress(Exception):
                await self._task

    def _tick(self) -> None:
        self._here.kernel.loop.call_later(POLL_SECONDS, self._tick)
        with contextlib.suppress(Exception):  # whatever went wrong, it is tried again at the next turn
            self._follow()

    def _follow(self) -> None:
        if self.is_working or self._is_stopping:
            return
        cause = self._cause()
        if cause is None:
            self._let_go()
        elif self._is_due():
            self._start(cause)

    def _start(self, cause: str) -> None:
        last = None if self._knows_more() else self._last
        is_look, short = (last.is_flat, last.short) if last is not None else (False, {})
        words: dict[str, Any] = {"is_look": is_look or bool(short), "known_short": short}
        self._begin(self._episode(cause, "switch", **words, may_go_on=lambda: self._cause() is not None))

    def _episode(self, cause: str, source: Source, **words: Any) -> Episode:
        asks_first = self._last is not None and self._last.is_shut_out
        if source == "switch" and not self._attempts and self._outside.shut_seconds:
            # The engine was told, of one request perhaps: whether it is so for a containment, the venue is asked once.
            self._calm.lift()
            asks_first = True
        why = Why(cause, source, self._attempts + 1, self._since, asks_first)
        return Episode(self._here, self._engine, self._outside, why, **words)

    def _begin(self, episode: Episode) -> None:
        self._task = self._here.kernel.loop.create_task(self._run(episode))

    async def _run(self, episode: Episode) -> Episode:
        before = self._state()
        try:
            await episode.run(self.seconds)
        finally:
            self._ended(episode, before)
        return episode

    def _ended(self, episode: Episode, before: Any) -> None:
        """Remember how it ended, and when to look again."""
        if episode.is_told:
            self._attempts += 1
            self._since = None if episode.is_flat else episode.began
            self._state_before = before if self._state_before is None else self._state_before
        is_like_before = self._last is not None and self._last.is_flat == episode.is_flat
        self._looks = self._looks + 1 if is_like_before else 0
        shut = self._outside.shut_seconds
        self._last, self._due = episode, time.monotonic() + (shut or pause_after(self._looks))

    def _is_due(self) -> bool:
        """Return whether there is something to do: a new pull, something new, or time for another look.

        Nothing is begun again while the venue wants nothing to be sent.
        """
        if self._last is None:
            return True
        is_time = time.monotonic() >= self._due or (self._last.is_flat and self._knows_more())
        return is_time and not self._outside.shut_seconds

    def _knows_more(self) -> bool:
        return self._last is not None and is_new(self._engine.known(), self._last.known_at_end)

    def _let_go(self) -> None:
        """The switch was cleared: forget what was, and let the engine trade again as it did."""
        if self._last is None:
            return
        self._last, self._looks = None, 0
        self._attempts, self._since = 0, None
        state, self._state_before = self._state_before, None
        if state is not None and self._state() in (TradingState.REDUCING, TradingState.HALTED):
            self._here.kernel.risk_engine.set_trading_state(state)

    def _state(self) -> Any:
        return self._here.kernel.risk_engine.trading_state

    def _cause(self) -> str | None:
        try:
            return cause_of(self._here.read())
        except Exception as error:  # noqa: BLE001 - a switch that nobody can read counts as active
            return f"the kill switch cannot be read: {type(error).__name__}: {one_line(error)}"

    @property
    def _here(self) -> Site:
        if self._site is None:
            raise RuntimeError("the containment stands at no node")
        return self._site
