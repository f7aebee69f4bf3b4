"""A strategy that sends in a storm is stopped, once, by name, and only while a switch is active."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.model.identifiers import StrategyId, TraderId
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.execution import TestExecStubs
from nautilus_trader.trading.config import StrategyConfig
from nautilus_trader.trading.strategy import Strategy

from opslab.engine.guards.site import Site
from opslab.engine.guards.storm import Storms
from opslab.safety.gate import GateDecision
from opslab.safety.storm import MOST

TRADER = TraderId("T-001")
OPEN = GateDecision(blocked=False, state="absent", decided_by=None, reasons=())
PULLED = GateDecision(blocked=True, state="active", decided_by=None, reasons=("pulled by ann: enough",))


class RaisesAtItsEnd(Strategy):
    def on_stop(self):
        raise RuntimeError("no")


class World:
    """Two strategies on a bus, and a clock that stands still."""

    def __init__(self, **config) -> None:
        clock = TestClock()
        self.bus, self.now, self.told, self.answer = MessageBus(trader_id=TRADER, clock=clock), 0.0, [], PULLED
        self.one, self.other = (RaisesAtItsEnd(StrategyConfig(order_id_tag=tag, **config)) for tag in ("1", "2"))
        for strategy in (self.one, self.other):
            portfolio, cache = TestComponentStubs.portfolio(), TestComponentStubs.cache()
            strategy.register(TRADER, portfolio, self.bus, cache, clock)
            strategy.start()
        kernel = SimpleNamespace(msgbus=self.bus, trader=SimpleNamespace(strategies=lambda: [self.one, self.other]))
        self.site = Site(None, kernel, self.read, lambda _reason: None, self.tell)
        Storms(lambda: self.now).on_node(self.site)

    def read(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def tell(self, event, facts):
        self.told.append((event, facts["strategy"]))

    def sends(self, count, strategy=None, apart=0.0):
        who = (strategy or self.one).id
        event = TestExecStubs.limit_order(
            instrument=TestInstrumentProvider.btcusdt_perp_binance(), strategy_id=StrategyId(who.value)
        ).init_event
        for _ in range(count):
            self.now += apart
            self.bus.publish(topic=f"events.order.{who.value}", msg=event)


@pytest.mark.parametrize("config", [{}, {"manage_stop": True}])
@pytest.mark.parametrize("answer", [PULLED, OSError("stale file handle")])
def test_it_is_stopped_once_and_named_whatever_its_end_does(config, answer):
    world = World(**config)
    world.answer = answer
    world.sends(MOST)
    assert world.one.is_running
    world.sends(2 * MOST)
    assert (world.one.is_running, world.other.is_running) == (False, True)
    assert world.told == [("strategy_stopped", world.one.id.value)]
    assert "was stopped: it sent more than" in world.site.stopped[world.one.id.value]


def test_what_two_send_together_is_no_storm_of_one():
    world = World()
    world.sends(MOST)
    world.sends(MOST, world.other)
    assert (world.one.is_running, world.other.is_running, world.told) == (True, True, [])


def test_what_is_sent_slowly_is_none():
    world = World()
    world.sends(3 * MOST, apart=1.01 / MOST)
    assert world.one.is_running


def test_while_no_switch_is_active_nobody_is_stopped():
    world = World()
    world.answer = OPEN
    world.sends(3 * MOST)
    assert world.one.is_running
    world.answer = PULLED
    world.sends(2 * MOST)
    assert not world.one.is_running
