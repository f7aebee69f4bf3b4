"""The venue's own rules: limits, bans, clocks, lots, position modes and dust."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from tests.safety.flatten.script import busy_futures, busy_spot, is_close, once, refused

from opslab.safety.calm import Calm
from opslab.safety.flatten.turns import Answer


def test_a_throttle_is_waited_for():
    script = busy_futures()
    script.interfere = once(lambda _request: True, refused(-1003, 429, retry_after="2"))
    began = script.now.ms
    assert script.flatten().is_flat
    assert script.now.ms - began >= 2_000


def test_no_request_leaves_during_a_ban():
    script = busy_futures()
    script.interfere = once(is_close, refused(-1003, 418, retry_after="5"))
    began = script.now.ms
    done = script.flatten()
    assert done.is_flat
    stamps = [int(dict(request.params)["timestamp"]) for request in script.requests if request.is_signed]
    at_ban = next(i for i, request in enumerate([r for r in script.requests if r.is_signed]) if is_close(request))
    assert stamps[at_ban + 1] - stamps[at_ban] >= 5_000 > stamps[at_ban] - began


def test_a_ban_longer_than_the_time_ends_it_at_once():
    script = busy_futures()
    script.interfere = once(lambda _request: True, refused(-1003, 418, retry_after="120"))
    done = script.flatten()
    assert not done.is_flat
    assert len(script.requests) == 1
    assert any("bans this address" in what for what in done.left.unknown)


@pytest.mark.parametrize("told", ["", "-5", "nan", "inf", "soon", "1e400"])
def test_a_retry_after_that_is_nonsense_is_not_obeyed(told):
    script = busy_futures()
    script.interfere = once(lambda _request: True, refused(-1003, 429, retry_after=told))
    assert script.flatten().is_flat


@pytest.mark.parametrize("skew", [-20_000, 20_000, 1_500, -4_900])
def test_a_wrong_clock_is_put_right(skew):
    script = busy_futures()
    assert script.flatten(skew_ms=skew).is_flat
    assert script.sold() == Decimal("0.030")


def test_more_than_the_largest_lot_is_closed_in_parts():
    from dataclasses import replace

    from tests.safety.flatten.script import FUTURES, Script
    from tests.venue.http.futures_samples import listing
    from tests.venue.http.futures_world import FuturesWorld

    world = FuturesWorld(
        (replace(listing(), market_max_quantity=Decimal("0.010")), listing(symbol="ETHUSDT", base="ETH"))
    )
    for _ in range(3):
        world.buy_market("0.010")
    script = Script(world, FUTURES)
    done = script.flatten()
    assert done.is_flat
    assert [order.quantity for order in script.closes()] == [Decimal("0.010")] * 3


def test_both_sides_of_a_hedged_account_are_closed():
    from tests.safety.flatten.script import FUTURES, Script
    from tests.venue.http.futures_world import FuturesWorld

    world = FuturesWorld()
    world.client.ok("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    world.buy_market("0.020", positionSide="LONG")
    world.buy_market("0.010", side="SELL", positionSide="SHORT")
    world.place(positionSide="LONG")
    script = Script(world, FUTURES)
    done = script.flatten()
    assert done.is_flat
    assert done.closed == 2
    assert script.is_flat()


def test_what_no_order_can_sell_is_dust():
    from tests.safety.flatten.script import SPOT, Script
    from tests.venue.http.spot_world import SpotWorld

    world = SpotWorld()
    world.exchange.credit("main", "BTC", Decimal("-1.9999999"))
    script = Script(world, SPOT)
    done = script.flatten(seconds=5)
    assert done.is_flat
    assert done.left.dust == {"BTC": Decimal("0.0000001")}
    assert len([request for request in script.requests if is_close(request)]) == 1


def test_rules_that_lie_make_no_dust():
    script = busy_spot()

    def interfere(_number, request, send):
        told = send()
        if not request.path.endswith("exchangeInfo"):
            return told
        body = json.loads(told.body)
        for item in body["symbols"][0]["filters"]:
            if item["filterType"] == "LOT_SIZE":
                item["stepSize"] = item["minQty"] = "1000"
        return Answer(200, {}, json.dumps(body).encode())

    script.interfere = interfere
    done = script.flatten()
    assert done.is_flat
    assert script.sold() == 2


def test_a_course_with_a_memory_sends_nothing_into_a_ban_of_which_another_heard():
    calm = Calm()
    first, second = busy_futures(), busy_futures()
    first.interfere = once(lambda _request: True, refused(-1003, 418, retry_after="4"))
    done = first.flatten(calm=calm)
    assert (done.is_flat, len(first.requests)) == (False, 1)
    assert any("bans this address" in what for what in done.left.unknown)
    second.now.ms = first.now.ms
    assert not second.flatten(calm=calm).is_flat
    assert second.requests == []
    second.now.ms += 4_000
    assert second.flatten("fl-b", calm=calm).is_flat
