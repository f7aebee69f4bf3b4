"""What is left of an order that an execution algorithm divides: as the engine has it, from events alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.config import ExecAlgorithmConfig
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.algorithm import ExecAlgorithm
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import OrderDenied
from nautilus_trader.model.identifiers import ExecAlgorithmId, StrategyId, TradeId, TraderId
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.events import TestEventStubs

from opslab.engine.node.belief import Belief

INSTRUMENT = TestInstrumentProvider.btcusdt_perp_binance()
TRADER, STRATEGY, NAME = TraderId("T-001"), StrategyId("S-001"), ExecAlgorithmId("PARTS")
ENDS = st.sampled_from(["denied", "rejected", "filled", "cancelled", "cancelled half filled", "open"])
PARTS = st.lists(st.tuples(st.integers(1, 400), ENDS), max_size=6)


def denied(order):
    name, instrument = order.client_order_id, order.instrument_id
    return OrderDenied(TRADER, STRATEGY, instrument, name, "no", UUID4(), 0)


class World:
    """A real algorithm, and a belief that hears of the same events; nothing else is there."""

    def __init__(self) -> None:
        clock = TestClock()
        self.bus, self.cache = MessageBus(trader_id=TRADER, clock=clock), TestComponentStubs.cache()
        self.cache.add_instrument(INSTRUMENT)
        for name in ("RiskEngine.execute", "ExecEngine.execute"):
            self.bus.register(endpoint=name, handler=lambda _command: None)
        self.algorithm = ExecAlgorithm(ExecAlgorithmConfig(exec_algorithm_id=NAME))
        portfolio = Portfolio(msgbus=self.bus, cache=self.cache, clock=clock)
        self.algorithm.register(TRADER, portfolio, self.bus, self.cache, clock)
        self.algorithm.start()
        self.belief = Belief(STRATEGY.value)
        self.belief.attach(self.bus)
        self.primary = self._submitted(OrderFactory(TRADER, STRATEGY, clock))
        self.trades = 0

    def _submitted(self, factory):
        size = INSTRUMENT.make_qty(Decimal("1.000"))
        order = factory.market(INSTRUMENT.id, OrderSide.BUY, size, exec_algorithm_id=NAME)
        self.cache.add_order(order, None)
        self.publish(order.init_event)
        self.bus.send(endpoint="PARTS.execute", msg=SubmitOrder(TRADER, STRATEGY, order, UUID4(), 0))
        return order

    def publish(self, event):
        self.bus.publish(topic=f"events.order.{STRATEGY.value}", msg=event)

    def happens(self, order, event):
        order.apply(event)
        self.cache.update_order(order)
        self.publish(event)

    def spawn(self, thousandths, *, reduce_primary=True):
        size = INSTRUMENT.make_qty(Decimal(thousandths) / 1000)
        order = self.algorithm.spawn_market(self.primary, size, reduce_primary=reduce_primary)
        self.algorithm.submit_order(order)
        return order

    def accept(self, order):
        self.happens(order, TestEventStubs.order_submitted(order))
        self.happens(order, TestEventStubs.order_accepted(order))

    def fill(self, order, thousandths=None):
        self.trades += 1
        size = order.leaves_qty if thousandths is None else INSTRUMENT.make_qty(Decimal(thousandths) / 1000)
        event = TestEventStubs.order_filled(order, INSTRUMENT, last_qty=size, trade_id=TradeId(str(self.trades)))
        self.happens(order, event)

    def end(self, order, how):
        if how == "denied":
            self.happens(order, denied(order))
        elif how == "rejected":
            self.happens(order, TestEventStubs.order_submitted(order))
            self.happens(order, TestEventStubs.order_rejected(order))
        else:
            self.accept(order)
            if how == "filled":
                self.fill(order)
            if how == "cancelled half filled" and order.quantity.as_decimal() > Decimal("0.001"):
                self.fill(order, 1)
            if how.startswith("cancelled"):
                self.happens(order, TestEventStubs.order_canceled(order))

    def row(self) -> dict[str, Any]:
        name = self.primary.client_order_id.value
        return next(row for row in self.belief.view()["orders"] if row["client_order_id"] == name)


@given(PARTS)
def test_what_is_left_is_what_the_engine_has(parts):
    world = World()
    for thousandths, how in parts:
        if Decimal(thousandths) / 1000 >= world.primary.quantity.as_decimal():
            continue  # the engine makes no order as small as nothing
        world.end(world.spawn(thousandths), how)
        assert Decimal(world.row()["quantity"]) == world.primary.quantity.as_decimal()
    assert world.row()["status"] == "INITIALIZED"


@given(PARTS)
def test_a_primary_that_is_sent_at_last_is_filled_when_the_rest_is(parts):
    world = World()
    for thousandths, how in parts:
        if Decimal(thousandths) / 1000 < world.primary.quantity.as_decimal():
            world.end(world.spawn(thousandths), how)
    world.accept(world.primary)
    world.fill(world.primary)
    assert (world.row()["status"], world.primary.status_string()) == ("FILLED", "FILLED")
    assert Decimal(world.row()["quantity"]) == world.primary.quantity.as_decimal()


def test_an_order_that_its_algorithm_did_not_make_smaller_is_whole_once_its_fills_say_so():
    world = World()
    world.end(world.spawn(600, reduce_primary=False), "filled")
    world.accept(world.primary)
    world.fill(world.primary, 500)
    assert (world.row()["quantity"], world.row()["status"]) == ("1.000", "PARTIALLY_FILLED")
    world.fill(world.primary)
    assert world.row()["status"] == "FILLED"


@pytest.mark.parametrize("how", ["denied", "filled"])
def test_parts_of_an_order_that_nobody_believed_in_change_nothing(how):
    world = World()
    world.belief.adopt([], [])
    world.end(world.spawn(600), how)
    assert len(world.belief.view()["orders"]) == 1
