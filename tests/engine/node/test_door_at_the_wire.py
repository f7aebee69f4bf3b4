"""The door's second look, at each request: what waited since the first is stopped."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from nautilus_trader.adapters.binance.common.enums import BinanceFuturesPositionSide
from nautilus_trader.adapters.binance.http.error import BinanceClientError, should_retry
from nautilus_trader.model.enums import OrderSide, OrderStatus
from tests.engine.node.door_world import OPEN, PULLED, World

from opslab.engine.node import door
from opslab.engine.node.door import SwitchDoor
from opslab.errors import EngineError

LONG, SHORT = BinanceFuturesPositionSide.LONG, BinanceFuturesPositionSide.SHORT


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize("what", ["new_order", "new_algo_order"])
def test_the_second_look_stops_what_waited(world, monkeypatch, what):
    monkeypatch.setattr(door, "time", SimpleNamespace(monotonic=iter([1.0, 1.0011, 1.0012]).__next__))
    world.answer = OPEN
    order = world.order("BUY", "1")
    world.submit(order)
    world.answer = PULLED
    key = "new_client_order_id" if what == "new_order" else "client_algo_id"
    with pytest.raises(BinanceClientError, match="KILL_SWITCH") as told:
        world.request(what, **{key: order.client_order_id.value})
    assert not should_retry(told.value)
    assert len(world.client.sent) == 1


def test_a_reading_holds_for_less_than_a_millisecond(world, monkeypatch):
    monkeypatch.setattr(door, "time", SimpleNamespace(monotonic=iter([1.0, 1.0009]).__next__))
    world.answer = OPEN
    order = world.order("BUY", "1")
    world.submit(order)
    world.answer = PULLED
    world.request("new_order", new_client_order_id=order.client_order_id.value)
    assert len(world.client.sent) == 2


def test_a_change_that_waited_is_stopped(world):
    order = world.order("BUY", "1", status=OrderStatus.ACCEPTED)
    with pytest.raises(BinanceClientError, match="no position"):
        world.request("modify_order", order_id=1, quantity="1.000")
    world.holds("1")
    assert order.side == OrderSide.BUY
    with pytest.raises(BinanceClientError, match="add to"):
        world.request("modify_order", order_id=1, quantity="1.000")


@pytest.mark.parametrize(
    ("words", "is_stopped"),
    [
        ({"reduce_only": "True"}, False),
        ({"reduce_only": "False"}, True),
        ({}, True),
        ({"position_side": LONG}, False),
        ({"position_side": SHORT}, True),
    ],
)
def test_what_the_request_says_counts_not_what_the_order_says(world, words, is_stopped):
    world.holds("1")
    order = world.order("SELL", "1", reduce_only=True, status=OrderStatus.SUBMITTED)
    words["new_client_order_id"] = order.client_order_id.value
    if is_stopped:
        with pytest.raises(BinanceClientError, match="not reduce-only"):
            world.request("new_order", **words)
    else:
        world.request("new_order", **words)
    assert len(world.client.sent) == int(not is_stopped)


def test_a_request_of_an_unknown_order_is_stopped(world):
    with pytest.raises(BinanceClientError, match="cannot be judged"):
        world.request("new_order", new_client_order_id="O-404")


def test_an_adapter_of_another_shape_is_refused(world):
    del world.client._http_account.new_order
    with pytest.raises(EngineError, match="no new_order"):
        SwitchDoor(world.client, world.cache, None, world.ask)
