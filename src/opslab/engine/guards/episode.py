"""One containment, begun and ended: the engine is told, then the venue is asked until its books are flat."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nautilus_trader.model.enums import TradingState

from opslab.clock import from_stamp
from opslab.engine.guards.tally import Tally
from opslab.errors import one_line
from opslab.safety.containing import Step, next_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.engine.guards.engine_path import EnginePath
    from opslab.engine.guards.outside import Looked, Outside
    from opslab.engine.guards.site import Site

LOOK_SECONDS = 0.005
"""How often the engine is looked at while it does what it was told; it needs the loop for that itself."""

UNDER_WAY_SECONDS = 0.05
"""How soon the venue is asked again while nobody knows whether it has an order."""

type Source = Literal["switch", "stop"]


class Episode:
    """One attempt to empty the venue.

    Args:
        site: the node.
        engine: the way through its engine.
        outside: the way past it.
        cause: why, in a line.
        source: what led to it.
        is_look: the venue was flat: it is only asked, and nothing is told while it still is.
        may_go_on: whether there still is a reason to go on.

    Attributes:
        is_flat: whether the venue said that nothing is left.
        is_told: whether it was written into the journal, as something was left to be ended.
        known_at_end: what the engine believed to be open when it ended.
    """

    def __init__(
        self,
        site: Site,
        engine: EnginePath,
        outside: Outside,
        cause: str,
        source: Source,
        *,
        is_look: bool = False,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._site, self._engine, self._outside = site, engine, outside
        self._cause, self._source, self._is_look, self._may_go_on = cause, source, is_look, may_go_on
        self._began, self._seen = time.monotonic(), datetime.now(UTC)
        self.is_flat = self.is_told = False
        self.known_at_end: dict[str, str] = {}
        self._tally = Tally(engine)
        self._contained: float | None = None
        self._flat: float | None = None
        self._looked: Looked | None = None
        self._rounds = 0
        self._troubles: dict[str, None] = {}

    async def run(self, seconds: float) -> None:
        """Empty the venue, for ``seconds`` at most, and tell how it went."""
        try:
            if self._is_look:
                await self._ask()
            if not self.is_flat:
                await self._begin()
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
        self._tell_engine()
        self._told = time.monotonic()
        self._tries = 1
        await asyncio.sleep(LOOK_SECONDS)
        self._note()
        self._tell("containment_began", {"cause": self._cause, "source": self._source, "detect_ms": self._detect_ms()})

    async def _empty(self, deadline: float) -> None:
        while True:
            self._watch()
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
                if self.is_flat or time.monotonic() >= deadline:
                    return
                await self._end_the_rest(deadline)

    async def _end_the_rest(self, deadline: float) -> None:
        """End at the venue what the engine could not; where that is not possible, begin anew with the engine."""
        if self._looked is not None and self._looked.is_flat:
            await asyncio.sleep(UNDER_WAY_SECONDS)  # only an order that is under way is waited for
            return
        left = deadline - time.monotonic()
        ended = await self._outside.flatten(f"c{secrets.token_hex(5)}", left)
        if ended is None:
            await asyncio.sleep(UNDER_WAY_SECONDS)
            self._tries = 0
            return
        self._rounds += ended.rounds
        self._tally.flattened(ended, self._outside.names())

    async def _ask(self) -> None:
        """Ask the venue what is left; only its answer proves that it is flat."""
        self._rounds += 1
        self._looked = looked = await self._outside.remains()
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
        return None if moment is None else round((moment - self._began) * 1000, 3)

    def _detect_ms(self) -> float | None:
        """Return how long ago the deciding switch was activated when it was first read; None where it cannot say."""
        if self._source != "switch":
            return None
        with contextlib.suppress(Exception):
            record = self._site.read().decided_by.record
            if record is not None and record["state"] == "active":
                waited = (self._seen - from_stamp(record["active_since_utc"])).total_seconds()
                return round(max(0.0, waited) * 1000, 3)
        return None

    def _set_state(self, state: Any) -> None:
        with contextlib.suppress(Exception):
            if self._site.kernel.risk_engine.trading_state != state:
                self._site.kernel.risk_engine.set_trading_state(state)

    def _tell(self, event: str, facts: dict[str, Any]) -> None:
        with contextlib.suppress(Exception):  # a journal that cannot be written must not end what empties the venue
            self._site.tell(event, facts)
