"""The door's look at commands: what is denied with its reason, and what passes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from nautilus_trader.model.enums import OrderStatus
from nautilus_trader.model.identifiers import PositionId
from nautilus_trader.model.objects import Quantity
from tests.engine.node.door_world import NAME, OPEN, PULLED, World


@pytest.fixture
def world():
    return World()


def test_everything_passes_while_the_switch_is_not_pulled(world):
    world.answer = OPEN
    order = world.order("BUY", "1")
    assert world.submit(order) is None
    world.request("new_order", new_client_order_id=order.client_order_id.value)
    world.modify(order, "2")
    assert len(world.client.sent) == 3
    assert world.door.stopped == 0


def test_an_entry_is_denied_with_the_reason(world):
    told = world.submit(world.order("BUY", "1"))
    assert told == "KILL_SWITCH pulled by ann: enough (there is no position to close)"
    assert (world.client.sent, world.door.stopped) == ([], 1)


def test_a_close_within_the_position_passes(world):
    world.holds("1")
    assert world.submit(world.order("SELL", "1", reduce_only=True)) is None
    assert len(world.client.sent) == 1


@pytest.mark.parametrize(("quantity", "reduce_only", "why"), [("1.001", True, "larger"), ("1", False, "reduce-only")])
def test_a_close_that_may_go_beyond_the_position_is_denied(world, quantity, reduce_only, why):
    world.holds("1")
    assert why in world.submit(world.order("SELL", quantity, reduce_only=reduce_only))


def test_two_closes_in_one_go_are_counted_before_the_first_is_seen(world):
    world.cache.is_spot = True
    world.holds("1")
    assert world.submit(world.order("SELL", "0.600")) is None
    assert "larger" in world.submit(world.order("SELL", "0.600"))


def test_what_passed_just_before_the_pull_counts_too(world):
    world.holds("1")
    world.answer = OPEN
    world.submit(world.order("SELL", "1", reduce_only=True))
    world.answer = PULLED
    assert "larger" in world.submit(world.order("SELL", "1", reduce_only=True))


def test_what_passed_is_forgotten_once_the_cache_counts_it(world):
    world.answer = OPEN
    for _ in range(1_000):
        world.submit(world.order("BUY", "1", status=OrderStatus.ACCEPTED))
    assert len(world.door._passed) < 200


@pytest.mark.parametrize(("is_spot", "is_stopped"), [(False, False), (True, True)])
def test_an_order_that_is_being_cancelled_counts_on_spot_only(world, is_spot, is_stopped):
    world.cache.is_spot = is_spot
    world.holds("1")
    world.order("SELL", "1", reduce_only=True, status=OrderStatus.PENDING_CANCEL)
    assert (world.submit(world.order("SELL", "1", reduce_only=True)) is not None) is is_stopped


def test_positions_against_each_other_are_not_known(world):
    world.holds("2", "-1")
    assert "not known" in world.submit(world.order("SELL", "1", reduce_only=True))


@pytest.mark.parametrize(("suffix", "is_stopped"), [("LONG", False), ("SHORT", True)])
def test_the_named_position_counts_of_several(world, suffix, is_stopped):
    world.holds("2", suffix="LONG")
    world.holds("-1", suffix="SHORT")
    told = world.submit(world.order("SELL", "1", reduce_only=True), PositionId(f"{NAME}-{suffix}"))
    assert (told is not None) is is_stopped


def test_a_named_position_that_is_not_open_cannot_be_closed(world):
    world.holds("2", suffix="LONG")
    told = world.submit(world.order("SELL", "1", reduce_only=True), PositionId(f"{NAME}-SHORT"))
    assert "no position" in told


def test_the_position_of_an_algorithms_parent_counts(world):
    world.holds("2", suffix="LONG")
    parent = world.order("SELL", "2", status=OrderStatus.ACCEPTED, leaves_qty=Quantity.from_str("0"))
    parent.position_id = PositionId(f"{NAME}-SHORT")
    spawned = world.order("SELL", "1", reduce_only=True, exec_spawn_id=parent.client_order_id)
    assert "no position" in world.submit(spawned)


@pytest.mark.parametrize(("side", "held"), [("BUY", "-1"), ("BUY", "0"), ("SELL", "-1")])
def test_spot_has_no_shorts_to_close(world, side, held):
    world.cache.is_spot = True
    world.holds(held)
    assert "no position" in world.submit(world.order(side, "1"))


def test_an_order_in_quote_currency_is_not_known(world):
    world.cache.is_spot = True
    world.holds("1")
    assert "not known" in world.submit(world.order("SELL", "1", is_quote_quantity=True))


def test_a_list_is_denied_as_a_whole(world):
    world.holds("3")
    orders = [world.order("SELL", "1", reduce_only=True) for _ in range(2)]
    world.client.submit_order_list(SimpleNamespace(order_list=SimpleNamespace(orders=orders), position_id=None))
    assert len(world.client.denied) == 2
    assert (world.client.sent, world.door.stopped) == ([], 2)


@pytest.mark.parametrize(("quantity", "is_stopped"), [("1", False), ("2.001", True), (None, False)])
def test_a_change_of_a_close_stays_within_the_position(world, quantity, is_stopped):
    world.holds("2")
    order = world.order("SELL", "1.500", reduce_only=True, status=OrderStatus.ACCEPTED)
    assert (world.modify(order, quantity) is not None) is is_stopped
    assert len(world.client.sent) == int(not is_stopped)


def test_an_entry_is_not_even_made_smaller(world):
    order = world.order("BUY", "2", status=OrderStatus.ACCEPTED)
    assert "KILL_SWITCH" in world.modify(order, "1")


def test_a_change_of_an_unknown_order_is_rejected(world):
    order = world.order("SELL", "1", status=OrderStatus.ACCEPTED)
    world.cache.known.clear()
    assert "not known" in world.modify(order, "1")


def test_a_switch_that_cannot_be_read_is_active(world):
    world.answer = OSError("stale file handle")
    told = world.submit(world.order("BUY", "1"))
    assert told.startswith("KILL_SWITCH the kill switch cannot be read: OSError: stale file handle")


def test_an_order_that_cannot_be_judged_is_denied(world):
    world.holds("1")
    order = world.order("SELL", "1", reduce_only=True)
    del order.is_quote_quantity
    assert "cannot be judged" in world.submit(order)
