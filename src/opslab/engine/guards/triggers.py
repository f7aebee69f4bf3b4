"""Pulls a run's kill switch when a limit of ``risk.limits`` is passed that asks for it.

Orders are counted where strategies submit them, before the engine sends them: the order that passes a limit does not
leave any more. Equity and the age of market data are looked at on a timer. What fires, and when, decides
``safety.triggers``; that it fires once, and that a switch which cannot be pulled is pulled again, ``safety.firing``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.data import Bar, OrderBookDelta, OrderBookDeltas, OrderBookDepth10, QuoteTick, TradeTick
from nautilus_trader.model.enums import AggregationSource
from nautilus_trader.model.events import OrderDenied, OrderInitialized, OrderRejected

from opslab.contract.execution import Profile
from opslab.engine.guards.equity import Equity
from opslab.engine.guards.market_questions import feeds_of
from opslab.engine.guards.site import Bystander, Site
from opslab.engine.guards.ticking import Errand, Ticking
from opslab.engine.guards.venue_time import VenueTime
from opslab.errors import EngineError, one_line
from opslab.safety.feed_age import Age
from opslab.safety.firing import Firing
from opslab.safety.triggers import LossFromPeak, PerMinute, Runaway, feed_age, mismatch, named_in

if TYPE_CHECKING:
    from opslab.contract.spec import Limits

NAME = "triggers"
_DOUBT, _TROUBLE = "max_loss_from_peak", "triggers_not_looked_at"
_LOOK_SECONDS = {Profile.FAST: 0.05, Profile.PRODUCTION: 0.5}
_EQUITY_SECONDS = {Profile.FAST: 0.1, Profile.PRODUCTION: 5.0}
_TIME_SECONDS = {Profile.FAST: 0.5, Profile.PRODUCTION: 30.0}
_WAIT_SECONDS = {Profile.FAST: 1.0, Profile.PRODUCTION: 10.0}
_MARKET = (QuoteTick, TradeTick, OrderBookDeltas, OrderBookDelta, OrderBookDepth10, Bar)
_NS_PER_MS = 1_000_000


def triggers_of(limits: Limits | None, profile: Profile) -> tuple[Triggers, ...]:
    """Return what a node needs for the limits that pull the switch: nothing where a spec names none."""
    return (Triggers(limits, profile),) if limits is not None and named_in(limits) else ()


class Triggers(Bystander):
    """Watches a node for everything that its spec's limits ask for.

    Args:
        limits: the spec's limits.
        profile: how impatient the node is: how often equity is asked for.
    """

    def __init__(self, limits: Limits, profile: Profile) -> None:
        self._limits, self._profile = limits, profile
        self._firing: Firing | None = None
        self._count_anew()
        self._feed_age, self._mismatch = feed_age(limits), mismatch(limits)
        self._ages: dict[Any, Age] = {}
        self._equities: list[Equity] = []
        self._times: list[VenueTime] = []
        self._asked: dict[str, float] = {}

    def _count_anew(self) -> None:
        limits = self._limits
        self._orders = _per_minute(limits, "max_orders_per_minute", "orders")
        self._rejects = _per_minute(limits, "max_rejects_per_minute", "orders denied or rejected")
        most, loss = limits.max_orders_between_data, limits.max_loss_from_peak
        self._runaway = None if most is None else Runaway(most)
        self._loss = None if loss is None else LossFromPeak(loss)

    def on_node(self, site: Site) -> None:
        """Follow orders and market data, and look at an interval.

        Raises:
            EngineError: the adapter cannot be asked what the account is worth, or what time it is.
        """
        wait = _WAIT_SECONDS[self._profile]
        if self._feed_age is not None:
            self._times = [VenueTime(client, NAME, wait) for client in site.data_clients]
        if self._loss is not None:
            self._equities = [Equity(client, site.kernel.cache, NAME, wait) for client in site.exec_clients]
        firing = self._firing = Firing(
            site.pull,
            site.tell,
            hold=lambda why: site.hold(NAME, why),
            release=lambda: site.release(NAME),
            is_active=lambda: site.read().blocked,
            anew=self._count_anew,
        )
        errands = {"equity": Errand(site.kernel), "time": Errand(site.kernel)}

        def trouble(error: Exception) -> None:
            site.hold(_TROUBLE, f"cannot be told: {type(error).__name__}: {one_line(error)}")

        bus = site.kernel.msgbus
        bus.subscribe(topic="events.order.*", handler=lambda event: self._follow(event, firing))
        if self._runaway is not None or self._feed_age is not None:
            bus.subscribe(topic="data.*", handler=self._came)
        Ticking(site.kernel, _LOOK_SECONDS[self._profile], lambda: self._look(site, firing, errands), trouble).start()

    def mismatch(self, since_ms: int | None) -> None:
        """Take in for how long the views have differed.

        Args:
            since_ms: in milliseconds; None: they agree.
        """
        if self._firing is not None and self._mismatch is not None:
            self._firing.fire(self._mismatch.read(since_ms))

    def _follow(self, event: Any, firing: Firing) -> None:
        now = time.monotonic_ns()
        firing.rearm()
        if isinstance(event, OrderInitialized):
            if self._runaway is not None:
                firing.fire(self._runaway.order())
            if self._orders is not None:
                firing.fire(self._orders.add(event.client_order_id, now))
        elif isinstance(event, OrderDenied | OrderRejected) and self._rejects is not None:
            firing.fire(self._rejects.add(event.client_order_id, now))

    def _came(self, data: Any) -> None:
        """Take market data in; bars that the engine makes itself come from a dead feed, too."""
        if not isinstance(data, _MARKET):
            return
        is_bar = isinstance(data, Bar)
        if is_bar and data.bar_type.aggregation_source == AggregationSource.INTERNAL:
            return
        if self._runaway is not None:
            self._runaway.data()
        if self._feed_age is not None:
            now = _now_ms()
            age = self._ages.setdefault(data.bar_type.instrument_id if is_bar else data.instrument_id, Age(now))
            # A bar's stamp lies an interval back: it is progress, and says nothing about age.
            age.came(None if is_bar or data.ts_event == data.ts_init else data.ts_event / _NS_PER_MS, now)

    def _look(self, site: Site, firing: Firing, errands: dict[str, Errand]) -> None:
        if firing.is_pending:
            firing.retry()
        firing.rearm()  # a person accepted what was: what comes from now on counts
        now = _now_ms()
        if self._feed_age is not None:
            self._look_at_age(site, firing, now)
            if self._is_due("time", _TIME_SECONDS, now):
                errands["time"].run(self._ask_time)
        if self._loss is not None and self._is_due("equity", _EQUITY_SECONDS, now):
            errands["equity"].run(lambda: self._ask_equity(site, firing))
        site.release(_TROUBLE)

    def _look_at_age(self, site: Site, firing: Firing, now: float) -> None:
        if self._feed_age is None:
            return
        venue = self._times[0].now_ms() if self._times else None
        for name in {feed.instrument_id for client in site.data_clients for feed in feeds_of(client)}:
            age = self._ages.setdefault(name, Age(now))  # what never brought anything is as old as its subscription
            firing.fire(self._feed_age.read(age.ms(venue, now), f"market data of {name}"))

    def _is_due(self, what: str, seconds: dict[Profile, float], now: float) -> bool:
        if now - self._asked.get(what, float("-inf")) < seconds[self._profile] * 1000:
            return False
        self._asked[what] = now
        return True

    async def _ask_time(self) -> None:
        for one in self._times:
            await one.ask()

    async def _ask_equity(self, site: Site, firing: Firing) -> None:
        """Take one reading of all accounts together; one that cannot be read makes the sum unknown."""
        if self._loss is None:
            return
        try:
            worth = [await one.ask() for one in self._equities]
            firing.rearm()  # before it is read: what a switch that was cleared meanwhile forgets is not this reading
        except EngineError as error:
            self._loss.unread(str(error.what))
        else:
            firing.fire(self._loss.read(sum(worth[1:], worth[0])))
        if (doubt := self._loss.doubt) is not None:
            site.hold(_DOUBT, f"equity is not known: {doubt}")
        else:
            site.release(_DOUBT)


def _per_minute(limits: Limits, name: str, what: str) -> PerMinute | None:
    most = getattr(limits, name)
    return None if most is None else PerMinute(name, most, what)


def _now_ms() -> float:
    return time.monotonic() * 1000
