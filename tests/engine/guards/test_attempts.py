"""The attempts that one pull leads to: which noticed it, and what their times are counted from."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from nautilus_trader.model.enums import TradingState

from opslab.contract.execution import Profile
from opslab.engine.guards import containment as module
from opslab.engine.guards.containment import Containment
from opslab.engine.guards.outside import Looked
from opslab.engine.guards.site import Site
from opslab.safety.gate import GateDecision

OPEN = GateDecision(blocked=False, state="absent", decided_by=None, reasons=())
STAMP = "2026-01-05T00:00:00.000000Z"
LEFT = Looked(orders=("o-1",))
ATTEMPT_SECONDS = 0.08


def pulled():
    return GateDecision(blocked=True, state="active", decided_by=SimpleNamespace(since=STAMP), reasons=("enough",))


class Engine:
    """An engine that owns nothing, and at most says that something came up."""

    def __init__(self) -> None:
        self.more: dict[str, str] = {}
        self.troubles: dict[str, None] = {}

    def known(self):
        return dict(self.more)

    def is_done(self):
        return True

    def has_orders(self):
        return False

    def names_under_way(self):
        return []

    def __getattr__(self, _name):
        return lambda *_words, **_named: set()


class Outside:
    """A venue that answers as it is told to."""

    def __init__(self) -> None:
        self.answer, self.asked = Looked(), 0
        self.shut_until, self.bans_for = 0.0, 0.0

    @property
    def shut_seconds(self):
        return max(0.0, self.shut_until - time.monotonic())

    @property
    def shut(self):
        return "the venue bans" if self.shut_seconds else None

    async def remains(self):
        self.asked += 1
        if self.bans_for:
            self.shut_until, self.bans_for = time.monotonic() + self.bans_for, 0.0
            return Looked(unknown=("banned",))
        return self.answer

    async def flatten(self, _name, _seconds):
        return None


class World:
    """A containment on a loop, with a risk engine that remembers its state."""

    def __init__(self, monkeypatch, loop) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.answer, self.changed = OPEN, asyncio.Event()
        self.risk = SimpleNamespace(trading_state=TradingState.ACTIVE, set_trading_state=self.set_state)
        self.engine, self.outside = Engine(), Outside()
        monkeypatch.setattr(module, "EnginePath", lambda *_words: self.engine)
        monkeypatch.setattr(module, "Outside", lambda *_words: SimpleNamespace(get_ready=lambda: None))
        kernel = SimpleNamespace(loop=loop, risk_engine=self.risk, cache=None)
        self.containment = Containment(Profile.FAST)
        self.containment.seconds = ATTEMPT_SECONDS
        self.containment.on_node(Site(None, kernel, lambda: self.answer, lambda _why: None, self.tell))
        self.containment._outside = self.outside

    def set_state(self, state):
        self.risk.trading_state = state
        self.changed.set()

    def tell(self, event, facts):
        self.told.append((event, facts))
        self.changed.set()

    def of(self, name):
        return [facts for event, facts in self.told if event == name]

    async def until(self, condition):
        async with asyncio.timeout(5):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def ended(self, count):
        await self.until(lambda: len(self.of("containment_ended")) >= count)
        return self.of("containment_began")[:count], self.of("containment_ended")[:count]


@pytest.fixture
def living(monkeypatch):
    def run(course):
        async def main():
            await course(World(monkeypatch, asyncio.get_running_loop()))

        asyncio.run(main())

    return run


def test_an_attempt_that_failed_is_followed_by_one_that_counts_from_the_first_notice(living):
    async def course(world):
        world.outside.answer, world.answer = LEFT, pulled()
        await world.ended(1)
        world.outside.answer = Looked()
        (first, second), (failed, flat) = await world.ended(2)
        assert (first["attempt"], second["attempt"]) == (1, 2)
        assert first["detect_ms"] > 0
        assert second["detect_ms"] is None
        assert (failed["is_flat"], failed["flat_ms"], flat["is_flat"]) == (False, None, True)
        assert flat["flat_ms"] > 1000 * (ATTEMPT_SECONDS + module.POLL_SECONDS)

    living(course)


def test_what_comes_up_after_the_venue_was_flat_has_times_of_its_own(living):
    async def course(world):
        world.answer = pulled()
        await world.ended(1)
        came_up = time.monotonic()
        world.engine.more = {"order o-2": "open"}
        (_, again), (_, flat) = await world.ended(2)
        assert (again["attempt"], again["detect_ms"]) == (2, None)
        assert flat["flat_ms"] <= 1000 * (time.monotonic() - came_up)

    living(course)


def test_another_pull_is_noticed_anew_and_the_state_is_as_before_in_between(living):
    async def course(world):
        for number in (1, 2):
            world.answer = pulled()
            began, ended = await world.ended(number)
            assert world.risk.trading_state == TradingState.HALTED
            assert (began[-1]["attempt"], ended[-1]["is_flat"]) == (1, True)
            assert began[-1]["detect_ms"] is not None
            world.answer = OPEN
            await world.until(lambda: world.risk.trading_state == TradingState.ACTIVE)

    living(course)


def test_a_node_that_stops_goes_on_where_the_pull_left_off(living):
    async def course(world):
        world.outside.answer, world.answer = LEFT, pulled()
        await world.ended(1)
        world.outside.answer = Looked()
        await world.containment.empty("the node stops")
        began, ended = world.of("containment_began"), world.of("containment_ended")
        assert (began[0]["source"], began[0]["attempt"]) == ("switch", 1)
        assert began[-1]["attempt"] == 2
        assert began[-1]["detect_ms"] is None
        assert ended[-1]["flat_ms"] > 1000 * ATTEMPT_SECONDS

    living(course)


BAN_SECONDS = 0.3


def test_nothing_is_asked_during_a_ban_and_the_venue_is_flat_right_after(living):
    async def course(world):
        world.outside.bans_for, world.answer = BAN_SECONDS, pulled()
        began = time.monotonic()
        _, (shut, flat) = await world.ended(2)
        assert (shut["is_flat"], flat["is_flat"]) == (False, True)
        assert shut["unknown"][-1] == "the venue bans"
        assert world.outside.asked == 2
        assert BAN_SECONDS <= time.monotonic() - began < BAN_SECONDS + 1.0

    living(course)


def test_the_engine_is_told_nothing_during_a_ban(living):
    async def course(world):
        told = []
        world.engine.cancel = lambda: told.append(world.outside.shut_seconds)
        world.outside.shut_until, world.answer = time.monotonic() + BAN_SECONDS, pulled()
        world.outside.answer = LEFT
        await world.ended(1)
        assert told == []
        world.engine.is_done = lambda: bool(told)
        await world.ended(2)
        assert told
        assert not any(told)

    living(course)


def test_a_ban_that_is_over_within_the_attempt_is_waited_for_in_it(living):
    async def course(world):
        world.containment.seconds = 5 * BAN_SECONDS
        world.outside.bans_for, world.answer = BAN_SECONDS, pulled()
        _, (flat,) = await world.ended(1)
        assert flat["is_flat"]
        assert world.outside.asked == 2

    living(course)


def test_rounds_that_learn_nothing_follow_ever_more_slowly(living):
    async def course(world):
        world.containment.seconds = 0.5
        world.outside.answer, world.answer = LEFT, pulled()
        _, (ended,) = await world.ended(1)
        assert not ended["is_flat"]
        assert world.outside.asked <= 5

    living(course)


def test_a_stop_during_a_ban_ends_at_once_and_says_why(living):
    async def course(world):
        world.outside.shut_until = time.monotonic() + 600
        await world.containment.empty("the node stops")
        (ended,) = world.of("containment_ended")
        assert ended["unknown"][-1] == "the venue bans"
        assert world.outside.asked == 0
        assert world.containment.unfinished

    living(course)
