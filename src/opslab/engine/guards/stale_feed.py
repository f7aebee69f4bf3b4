"""Keeps new risk from leaving while market data are stale: by the venue's time, not by when something arrived.

NautilusTrader 1.231 notices neither a silent socket nor old content (``docs/engine-defects/silent-feed.md``). The guard
looks at everything that a data client hands on. A feed that brings nothing for a while is compared with what the venue
answers over REST: if the venue has something newer the feed is dead, if not the market is quiet.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

from nautilus_trader.model.data import Bar, OrderBookDeltas, QuoteTick, TradeTick

from opslab.contract.execution import Guard, Profile
from opslab.engine.guards.market_questions import NAMES, SUBSCRIBED, Feed, MarketQuestions, feeds_of
from opslab.engine.guards.site import Bystander, Site
from opslab.engine.guards.ticking import Errand, Ticking, require_names
from opslab.engine.guards.venue_time import VenueTime
from opslab.errors import one_line
from opslab.safety.feed_age import FAST, PRODUCTION, FeedHealth, Pulse

NAME = Guard.STALE_FEED.value
_NS_PER_MS = 1_000_000
_TICK_SECONDS = {Profile.FAST: 0.05, Profile.PRODUCTION: 0.5}
_TIME_SECONDS = {Profile.FAST: 0.5, Profile.PRODUCTION: 30.0}
_AT_ONCE = {Profile.FAST: 10, Profile.PRODUCTION: 2}
"""So many questions at most are asked at a look: they cost weight, and the node needs its own."""


class StaleFeed(Bystander):
    """Holds new risk while any feed that the node takes is dead or late.

    Args:
        profile: how impatient the node is: data older than 0.4 s (``fast``) or 5 s (``production``) are suspect.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._clients: list[_Watched] = []

    def on_data_client(self, client: Any, site: Site) -> None:
        """See everything that the client hands on.

        Raises:
            EngineError: the adapter has not the names that the guard stands on.
        """
        require_names(client, ("_handle_data", *SUBSCRIBED.values()), NAME)
        self._clients.append(_Watched(client, site, self._profile))

    def on_node(self, site: Site) -> None:
        """Look at an interval."""

        def trouble(error: Exception) -> None:
            site.hold(NAME, f"cannot be told: {type(error).__name__}: {one_line(error)}")

        Ticking(site.kernel, _TICK_SECONDS[self._profile], lambda: self._look(site), trouble).start()
        site.tell("guard_acted", {"guard": NAME, "action": "installed", "detail": "looks at the age of market data"})

    def _look(self, site: Site) -> None:
        now = _now_ms()
        stale = [why for client in self._clients for why in client.look(now)]
        if stale:
            if site.hold(NAME, stale[0]):
                facts = {"feeds": stale[:20], "feeds_total": len(stale)}
                site.tell("guard_acted", {"guard": NAME, "action": "held", "detail": stale[0], "facts": facts})
        elif site.release(NAME):
            told = "every feed brings what is new, or its market is quiet"
            site.tell("guard_acted", {"guard": NAME, "action": "released", "detail": told})


class _Watched:
    """The feeds of one data client."""

    def __init__(self, client: Any, site: Site, profile: Profile) -> None:
        self._client, self._profile = client, profile
        self._patience = FAST if profile is Profile.FAST else PRODUCTION
        self._feeds: dict[Feed, FeedHealth] = {}
        self._newest: dict[Feed, Any] = {}
        seconds = self._patience.unanswered_ms / 1000
        self._time = VenueTime(client, NAME, seconds)
        self._questions = MarketQuestions(client, NAME, seconds)
        self._time_errand, self._errand = Errand(site.kernel), Errand(site.kernel)
        self._timed_ms = float("-inf")
        self._hand_on = client._handle_data  # noqa: SLF001 - the adapter has no public door
        client._handle_data = self._take  # noqa: SLF001

    def look(self, now_ms: float) -> list[str]:
        """Return why the client's feeds are stale, a line for each that is; start the questions that are due."""
        self._follow(now_ms)
        often = 0.0 if self._time.estimate() is None else _TIME_SECONDS[self._profile] * 1000
        if now_ms - self._timed_ms >= often and self._time_errand.run(self._time.ask):
            self._timed_ms = now_ms
        venue = self._time.now_ms()
        found = []
        for feed, health in self._feeds.items():
            if health.look(venue, now_ms, feed.interval_ms) is Pulse.STALE:
                found.append(f"{feed}: {health.why}")
        if not self._errand.is_open:
            waiting = (feed for feed, health in self._feeds.items() if health.is_due(now_ms))
            if due := list(islice(waiting, _AT_ONCE[self._profile])):
                self._errand.run(lambda: self._ask(due))
        return found

    def _follow(self, now_ms: float) -> None:
        """Watch what is subscribed to, from the subscription on, and nothing else."""
        wanted = feeds_of(self._client)
        for feed in wanted - self._feeds.keys():
            self._feeds[feed] = FeedHealth(self._patience, now_ms, is_stamped=feed.kind != "bars")
        for feed in self._feeds.keys() - wanted:
            del self._feeds[feed]
            self._newest.pop(feed, None)

    async def _ask(self, feeds: list[Feed]) -> None:
        for feed in feeds:
            answer = await self._questions.ask(feed)
            health = self._feeds.get(feed)
            if answer is None or health is None:
                continue
            health.answered(_now_ms(), has_newer=answer.is_newer_than(self._newest.get(feed)))

    def _take(self, data: Any) -> None:
        kind = NAMES.get(type(data))
        if kind is None and isinstance(data, Bar):
            kind = "bars"  # the adapter's own kind of bar
        if kind is not None:
            feed = Feed(kind, data.bar_type if kind == "bars" else data.instrument_id)
            self._newest[feed] = data
            if (health := self._feeds.get(feed)) is not None:
                health.came(_stamp_ms(data), _now_ms())
        self._hand_on(data)


def _stamp_ms(data: QuoteTick | TradeTick | OrderBookDeltas | Bar) -> float | None:
    """Return when something happened by the venue's time; None where the adapter made the stamp up.

    Where the venue sends none (spot quotes, depth snapshots) 1.231 puts its own time into both stamps.
    """
    return None if data.ts_event == data.ts_init else data.ts_event / _NS_PER_MS


def _now_ms() -> float:
    return time.monotonic() * 1000
