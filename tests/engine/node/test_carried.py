"""What one node knew is what the next one's cache holds."""

from __future__ import annotations

from nautilus_trader.cache.cache import Cache
from nautilus_trader.model.enums import OmsType
from nautilus_trader.model.identifiers import ClientId, PositionId
from nautilus_trader.model.position import Position
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.events import TestEventStubs
from nautilus_trader.test_kit.stubs.execution import TestExecStubs

from opslab.engine.node.carried import Carried


def test_an_order_is_known_by_all_its_names_and_open():
    before, after = Cache(database=None), Cache(database=None)
    order = TestExecStubs.make_accepted_order()
    before.add_order(order, PositionId("P-1"), ClientId("BINANCE"))
    Carried(before).put(after)
    name = order.client_order_id
    assert after.order(name) is order
    assert after.orders_open() == [order]
    assert after.client_order_id(order.venue_order_id) == name
    assert (after.position_id(name), after.client_id(name)) == (PositionId("P-1"), ClientId("BINANCE"))


def test_an_order_without_position_and_client_has_none_afterwards():
    before, after = Cache(database=None), Cache(database=None)
    order = TestExecStubs.make_submitted_order()
    before.add_order(order)
    Carried(before).put(after)
    assert after.orders_inflight() == [order]
    assert (after.position_id(order.client_order_id), after.client_id(order.client_order_id)) == (None, None)


def test_a_position_is_open_in_the_next_cache():
    before, after = Cache(database=None), Cache(database=None)
    instrument = TestInstrumentProvider.default_fx_ccy("AUD/USD")
    order = TestExecStubs.limit_order(instrument=instrument)
    filled = TestEventStubs.order_filled(order, instrument=instrument, position_id=PositionId("P-1"))
    position = Position(instrument, filled)
    before.add_position(position, OmsType.NETTING)
    Carried(before).put(after)
    assert after.positions_open() == [position]


def test_what_was_taken_survives_the_cache_that_it_came_from():
    before, after = Cache(database=None), Cache(database=None)
    order = TestExecStubs.make_accepted_order()
    before.add_order(order)
    carried = Carried(before)
    before.reset()
    carried.put(after)
    assert after.orders() == [order]
