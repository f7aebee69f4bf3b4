"""Tells a run's journal that market data still come, and when the newest of each kind came."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.data import Bar, OrderBookDelta, OrderBookDeltas, OrderBookDepth10, QuoteTick, TradeTick

from opslab.clock import to_stamp
from opslab.engine.guards.site import Bystander

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.engine.guards.site import Site

EVENT = "market_data_heard"
TOPIC = "data.*"
TELL_SECONDS = 5.0
"""It is told at most so often: what is shown of a feed's age is at most this much too old."""

_FEEDS: dict[type, str] = {
    QuoteTick: "quotes",
    TradeTick: "trades",
    OrderBookDelta: "book",
    OrderBookDeltas: "book",
    OrderBookDepth10: "book",
    Bar: "bars",
}


class Hearing(Bystander):
    """Notes the market data that a node publishes, and tells of them while they come.

    A node that hears nothing tells nothing: the age of what it told last is the age of its feeds.

    Args:
        monotonic: seconds that never go back.
        now: the time, with UTC.
        seconds: it is told at most so often, and not before so long after the node was built.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = TELL_SECONDS,
    ) -> None:
        self._monotonic, self._now, self._seconds = monotonic, now, seconds
        self._kinds: dict[type, str | None] = {}
        self._counts: dict[str, int] = {}
        self._last: dict[str, datetime] = {}
        self._told = monotonic()

    def on_node(self, site: Site) -> None:
        """Listen to what the node publishes."""
        self._site = site
        self._told = self._monotonic()
        site.kernel.msgbus.subscribe(topic=TOPIC, handler=self.hear)

    def hear(self, datum: Any) -> None:
        """Note one item, and tell when it is time to."""
        kind = type(datum)
        if kind not in self._kinds:
            self._kinds[kind] = _feed_of(kind)
        if (feed := self._kinds[kind]) is None:
            return
        self._counts[feed] = self._counts.get(feed, 0) + 1
        self._last[feed] = self._now()
        if self._monotonic() - self._told >= self._seconds:
            self._told = self._monotonic()
            rows = {
                name: {"count": count, "ts_utc": to_stamp(self._last[name])}
                for name, count in tuple(self._counts.items())
            }
            self._site.tell(EVENT, {"feeds": rows})


def _feed_of(kind: type) -> str | None:
    """Return which feed items of a type belong to: adapters have kinds of bars of their own."""
    return next((feed for base, feed in _FEEDS.items() if issubclass(kind, base)), None)
