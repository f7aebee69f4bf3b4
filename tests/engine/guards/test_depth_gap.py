"""The guard of books: what it hands on, when it holds, and whom it refuses."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from tests.engine.guards.market_world import NAME, World, depth_update, snapshot

from opslab.contract.execution import Profile
from opslab.engine.guards.depth_gap import DepthGap
from opslab.errors import EngineError


@pytest.fixture
def world():
    made = World()
    made.client = made.data_client(order_book_deltas=[NAME])
    DepthGap(Profile.FAST).on_data_client(made.client, made.site)
    yield made
    made.close()


def deliver(world, *update):
    world.client._ws_handlers["@depth@"](depth_update(*update))


def begin(world, *snapshots):
    world.market.answers["snapshots"] = list(snapshots)
    world.loop.run_until_complete(world.client._order_book_snapshot_then_deltas(NAME))
    return [deltas.sequence for deltas in world.handed]


def test_a_book_begins_with_its_snapshot_and_holds_until_then(world):
    deliver(world, 99, 99, 98)
    deliver(world, 101, 102, 100)
    assert begin(world, snapshot(100)) == [100, 102]
    assert world.site.holds == {}


@pytest.mark.parametrize("previous", [102, None], ids=["futures", "spot"])
def test_a_gap_holds_and_is_closed_by_a_snapshot(world, previous):
    begin(world, snapshot(100))
    world.market.answers["snapshots"] = [snapshot(104)]
    deliver(world, 103, 104, previous)
    assert "depth_gap" in world.site.holds
    assert len(world.handed) == 1
    assert world.until(lambda: not world.site.holds)
    assert [deltas.sequence for deltas in world.handed] == [100, 104]
    assert world.actions("depth_gap") == ["held", "released"]


def test_snapshots_that_are_too_old_or_do_not_come_are_asked_for_again(world):
    begin(world, snapshot(100))
    world.market.answers["snapshots"] = [snapshot(101), ConnectionError("gone"), snapshot(105)]
    deliver(world, 103, 104, 102)
    assert world.until(lambda: not world.site.holds)
    assert world.market.asked.count("snapshot") == 4
    assert world.handed[-1].sequence == 105


def test_a_late_snapshot_after_a_reconnect_is_dropped(world):
    begin(world, snapshot(100))
    late = world.loop.create_future()
    world.market.answers["snapshots"] = [late]
    rebuilding = world.loop.create_task(world.client._order_book_snapshot_then_deltas(NAME))
    world.run()
    assert "depth_gap" in world.site.holds
    deliver(world, 101, 103, 100)
    assert world.site.holds == {}
    late.set_result(snapshot(101))
    world.loop.run_until_complete(rebuilding)
    assert [deltas.sequence for deltas in world.handed] == [100, 103]


def test_two_reconnects_at_once_make_one_worker(world):
    begin(world, snapshot(100))
    first = world.loop.create_future()
    world.market.answers["snapshots"] = [first, snapshot(107)]
    tasks = [world.loop.create_task(world.client._order_book_snapshot_then_deltas(NAME)) for _ in range(2)]
    world.run()
    first.set_result(snapshot(106))
    world.loop.run_until_complete(asyncio.gather(*tasks))
    assert [deltas.sequence for deltas in world.handed] == [100, 107]
    assert world.site.holds == {}


def test_an_empty_difference_is_no_gap(world):
    begin(world, snapshot(100))
    empty = depth_update(101, 102, 100).replace(b'"b":[["1.0","1.0"]]', b'"b":[]')
    world.client._ws_handlers["@depth@"](empty)
    deliver(world, 103, 104, 102)
    assert [deltas.sequence for deltas in world.handed] == [100, 104]


def test_partial_books_are_left_to_the_adapter():
    world, left = World(), []

    async def adapters_own(name):
        left.append(name)

    client = world.data_client()
    client._order_book_snapshot_then_deltas, client._book_depths = adapters_own, {NAME: 20}
    DepthGap(Profile.FAST).on_data_client(client, world.site)
    world.loop.run_until_complete(client._order_book_snapshot_then_deltas(NAME))
    assert (left, world.site.holds) == ([NAME], {})
    world.close()


def test_a_book_that_nobody_wants_any_more_holds_nothing(world):
    begin(world, snapshot(100))
    world.market.answers["snapshots"] = [ConnectionError("gone")] * 1_000
    deliver(world, 103, 104, 102)
    world.run(0.05)
    assert "depth_gap" in world.site.holds
    world.client.subscribed_order_book_deltas = list
    assert world.until(lambda: not world.site.holds)


def test_an_adapter_without_the_names_is_refused():
    with pytest.raises(EngineError, match="guard depth_gap cannot stand before it"):
        DepthGap(Profile.FAST).on_data_client(SimpleNamespace(), SimpleNamespace())
