"""One containment, begun and ended: the engine is told, then the venue is asked until its books are flat."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nautilus_trader.model.enums import TradingState

from opslab.clock import from_stamp
from opslab.engine.guards.tally import Tally
from opslab.errors import one_line
from opslab.safety.containing import Step, next_step, pause_between

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opslab.engine.guards.engine_path import EnginePath
    from opslab.engine.guards.outside import Looked, Outside
    from opslab.engine.guards.site import Site

LOOK_SECONDS = 0.005
"""How often the engine is looked at while it does what it was told; it needs the loop for that itself."""

UNDER_WAY_SECONDS = 0.05
"""How often a pause is looked up from: it may be over sooner."""

_NOTHING: Mapping[str, str] = MappingProxyType({})

type Source = Literal["switch", "stop"]


class Why(NamedTuple):
    """What an attempt to empty the venue is about.

    Attributes:
        cause: why, in a line.
        source: what led to it.
        attempt: its number, of those that one pull led to.
        since: what its times are counted from, by the monotonic clock; None: from its beginning.
        asks_first: the venue wanted nothing to be sent when the last one ended: one question, whose answer says until
            when, goes before everything else.
    """

    cause: str
    source: Source
    attempt: int = 1
    since: float | None = None
    asks_first: bool = False


class Episode:
    """One attempt to empty the venue.

    Args:
        site: the node.
        engine: the way through its engine.
        outside: the way past it.
        why: what it is about.
        is_look: the venue was flat: it is only asked, and nothing is told while it still is.
        known_short: what was missing when the last one ended, and was told; while just that is missing, nothing is.
        may_go_on: whether there still is a reason to go on.

    Attributes:
        began: what its times are counted from.
        is_flat: whether the venue said that nothing is left.
        is_told: whether it was written into the journal, as something was left to be ended.
        known_at_end: what the engine believed to be open when it ended.
        is_shut_out: whether it ended because the venue wants nothing to be sent for longer than it may take.
    """

    def __init__(
        self,
        site: Site,
        engine: EnginePath,
        outside: Outside,
        why: Why,
        *,
        is_look: bool = False,
        known_short: Mapping[str, str] = _NOTHING,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._site, self._engine, self._outside = site, engine, outside
        self._why, self._is_look, self._may_go_on = why, is_look, may_go_on
        self._known_short = known_short
        self.began, self._seen = time.monotonic() if why.since is None else why.since, datetime.now(UTC)
        self.is_flat = self.is_told = self.is_shut_out = False
        self.known_at_end: dict[str, str] = {}
        self._tally = Tally(engine)
        self._contained: float | None = None
        self._flat: float | None = None
        self._looked: Looked | None = None
        self._rounds = self._same = 0
        self._troubles: dict[str, None] = {}

    async def run(self, seconds: float) -> None:
        """Empty the venue, for ``seconds`` at most, and tell how it went."""
        try:
            if self._is_look:
                await self._ask()
            if not (self.is_flat or self._is_as_told()):
                await self._begin()
                if self._why.asks_first:
                    await self._ask()
                await self._empty(time.monotonic() + seconds)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and tried again
            self._troubles[f"{type(error).__name__}: {one_line(error)}"] = None
        finally:
            self.known_at_end = self._known()
            if self.is_told:
                self._end()

    async def _begin(self) -> None:
        """Tell the engine before anything else, and the journal when the requests are out: milliseconds count."""
        self.is_told = True
        self._note()
        self._set_state(TradingState.REDUCING)
        self._told, self._tries = time.monotonic(), 0
        if not (self._outside.shut_seconds or self._why.asks_first):
            self._tell_engine()
            self._told, self._tries = time.monotonic(), 1
        await asyncio.sleep(LOOK_SECONDS)
        self._note()
        facts = {"cause": self._why.cause, "source": self._why.source, "attempt": self._why.attempt}
        self._tell("containment_began", {**facts, "detect_ms": self._detect_ms()})

    async def _empty(self, deadline: float) -> None:
        while not self.is_flat:
            self._watch()
            if self._outside.shut_seconds:
                if not await self._sit_out(deadline):
                    return
                continue
            step = next_step(self._tries, time.monotonic() - self._told, is_engine_done=self._is_engine_done())
            if step is Step.WAIT:
                await asyncio.sleep(LOOK_SECONDS)
            elif not self._may_go_on():  # reading the switch takes longer than a look at the engine
                return
            elif step is Step.TELL:
                self._tell_engine()
                self._told, self._tries = time.monotonic(), self._tries + 1
            else:
                self._note()
                await self._ask()
                if self.is_flat or self.short or time.monotonic() >= deadline:
                    return
                await self._end_the_rest(deadline)

    @property
    def short(self) -> Mapping[str, str]:
        """What is missing on spot, where that alone keeps the venue from being flat: nothing can be done about it."""
        return self._looked.short if self._looked is not None and self._looked.is_past_mending else _NOTHING

    def _is_as_told(self) -> bool:
        return bool(self.short) and self.short == self._known_short

    async def _end_the_rest(self, deadline: float) -> None:
        """End at the venue what the engine could not; where that is not possible, begin anew with the engine."""
        if self._outside.shut_seconds:
            return
        ended = None
        if self._looked is None or not self._looked.is_flat:  # else only an order that is under way is waited for
            ended = await self._outside.flatten(f"c{secrets.token_hex(5)}", deadline - time.monotonic())
            if ended is None:
                self._tries = 0
            else:
                self._rounds += ended.rounds
                self._tally.flattened(ended, self._outside.names())
        if ended is None or not ended.is_flat or self._same:
            await self._pause(min(time.monotonic() + pause_between(self._same), deadline))

    async def _pause(self, until: float) -> None:
        """Wait, for less long if the engine hears what became of an order, or nothing is to be done any more."""
        before = self._names_under_way()
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, UNDER_WAY_SECONDS))
            if self._names_under_way() != before or not self._may_go_on():
                return

    async def _sit_out(self, deadline: float) -> bool:
        """Send nothing while the venue takes nothing; return whether to go on after that, anew with the engine.

        A question comes first: it is one request, and the answer to it says until when, as the engine's do not.
        """
        while (left := self._outside.shut_seconds) and self._may_go_on():
            if time.monotonic() + left >= deadline:
                self.is_shut_out = True
                return False
            await asyncio.sleep(min(left, UNDER_WAY_SECONDS))
        if self._may_go_on():
            await self._ask()
        self._told, self._tries = time.monotonic(), 0
        return self._may_go_on()

    async def _ask(self) -> None:
        """Ask the venue what is left; only its answer proves that it is flat."""
        self._rounds += 1
        before = self._looked
        self._looked = looked = await self._outside.remains()
        self._same = self._same + 1 if looked == before else 0
        self._tally.looked(looked)
        now = time.monotonic()
        self._contained = (self._contained or now) if not looked.orders and not looked.unknown else None
        self._flat = (self._flat or now) if looked.is_flat else None
        self.is_flat = looked.is_flat and not self._engine.names_under_way()

    def _watch(self) -> None:
        """Note when the engine had no order left, and none and no position: the venue's answer confirms it or not."""
        now = time.monotonic()
        with contextlib.suppress(Exception):
            self._contained = (self._contained or now) if not self._engine.has_orders() else None
            self._flat = (self._flat or now) if self._is_engine_done() else None

    def _is_engine_done(self) -> bool:
        try:
            return self._engine.is_done()
        except Exception:  # noqa: BLE001 - an engine that cannot say it is told no more
            return True

    def _tell_engine(self) -> None:
        for act in (partial(self._engine.close, unhindered=True), self._engine.cancel, self._engine.close):
            try:
                act()
            except Exception as error:  # noqa: BLE001 - the next step is made whatever this one does
                self._troubles[f"the engine: {type(error).__name__}: {one_line(error)}"] = None

    def _note(self) -> None:
        with contextlib.suppress(Exception):  # what cannot be counted is ended all the same
            self._tally.note()

    def _counted(self, count: Callable[[Looked | None], int]) -> int:
        with contextlib.suppress(Exception):
            return count(self._looked)
        return 0

    def _known(self) -> dict[str, str]:
        try:
            return self._engine.known()
        except Exception:  # noqa: BLE001 - an engine that cannot say knows nothing
            return {}

    def _end(self) -> None:
        if self.is_flat:
            self._set_state(TradingState.HALTED)
        looked = self._looked
        left = looked.left() if looked is not None else {"orders": [], "positions": {}}
        unknown = [*(looked.unknown if looked is not None else ("the venue was not asked",))]
        unknown += [f"order {name} is under way" for name in self._names_under_way()]
        unknown += [shut] if (shut := self._outside.shut) else []
        facts: dict[str, Any] = {
            "is_flat": self.is_flat,
            "orders_cancelled": self._counted(self._tally.orders),
            "positions_closed": self._counted(self._tally.positions),
            "rounds": self._rounds,
            "contain_ms": self._since_ms(self._contained),
            "flat_ms": self._since_ms(self._flat) if self.is_flat else None,
            "left": left,
            "unknown": unknown if not self.is_flat else [],
        }
        if not self.is_flat:
            facts["unknown"] += [*self._troubles, *self._engine.troubles]
        self._tell("containment_ended", facts)

    def _names_under_way(self) -> list[str]:
        with contextlib.suppress(Exception):
            return self._engine.names_under_way()
        return []

    def _since_ms(self, moment: float | None) -> float | None:
        return None if moment is None else round((moment - self.began) * 1000, 3)

    def _detect_ms(self) -> float | None:
        """Return how long ago the deciding switch was activated when it was first read; None where it cannot say.

        Another attempt has nothing to detect: that was done by the first.
        """
        if self._why.source != "switch" or self._why.attempt > 1:
            return None
        with contextlib.suppress(Exception):
            since = self._site.read().decided_by.since
            if since is not None:
                waited = (self._seen - from_stamp(since)).total_seconds()
                return round(max(0.0, waited) * 1000, 3)
        return None

    def _set_state(self, state: Any) -> None:
        with contextlib.suppress(Exception):
            if self._site.kernel.risk_engine.trading_state != state:
                self._site.kernel.risk_engine.set_trading_state(state)

    def _tell(self, event: str, facts: dict[str, Any]) -> None:
        with contextlib.suppress(Exception):  # a journal that cannot be written must not end what empties the venue
            self._site.tell(event, facts)
