"""Request weights, order counts, bans and countdowns."""

from __future__ import annotations

from tests.venue.http.client import T0, Client
from tests.venue.http.desk_world import World, code_of

from opslab.venue.http.limits import LimitSettings, RateLimit


def test_used_weight_and_order_counts_are_told():
    world = World()
    world.client.public("/open")
    reply = world.client.ask("POST", "/order")
    assert reply.headers == {
        "X-MBX-USED-WEIGHT-1M": "1",
        "X-MBX-ORDER-COUNT-10S": "1",
        "X-MBX-ORDER-COUNT-1M": "1",
    }


def _tight(weight: int = 3, patience: int = 2, orders: int = 2) -> LimitSettings:
    rates = (RateLimit("REQUEST_WEIGHT", "MINUTE", 1, weight), RateLimit("ORDERS", "SECOND", 10, orders))
    return LimitSettings(rates, patience=patience)


def test_over_the_limit_is_429_with_the_time_to_wait_and_then_a_growing_ban():
    world = World(limits=_tight())
    statuses = [world.client.public("/open").status for _ in range(6)]
    assert statuses == [200, 200, 200, 429, 429, 418]
    reply = world.client.public("/open")
    assert code_of(reply) == (418, -1003)
    assert reply.headers["Retry-After"] == "120"
    assert str(T0 + 120_000) in reply.body["msg"]
    world.now.ms += 120_000
    assert [world.client.public("/open").status for _ in range(6)] == [200, 200, 200, 429, 429, 418]
    assert world.client.public("/open").headers["Retry-After"] == "240"


def test_a_new_minute_forgives_what_was_used():
    world = World(limits=_tight())
    replies = [world.client.public("/open") for _ in range(4)]
    wait = int(replies[-1].headers["Retry-After"])
    assert 0 < wait <= 60
    world.now.ms += wait * 1000
    assert world.client.public("/open").status == 200


def test_a_ban_is_for_one_address():
    world = World(limits=_tight())
    for _ in range(7):
        world.client.public("/open")
    assert Client(world.desk, world.now, remote="127.0.0.2:1").public("/open").status == 200


def test_too_many_orders_are_429_and_queries_go_on():
    world = World(limits=_tight(weight=100))
    assert [world.client.ask("POST", "/order").status for _ in range(3)] == [200, 200, 429]
    reply = world.client.ask("POST", "/order")
    assert reply.body["code"] == -1015
    assert int(reply.headers["Retry-After"]) <= 10
    assert world.client.ask("GET", "/signed").status == 200
    world.now.ms += 10_000
    assert world.client.ask("POST", "/order").status == 200


def test_weight_is_counted_before_the_key_is_looked_at():
    world = World(limits=_tight())
    assert [world.client.raw("GET", "/keyed", key="Z" * 16).status for _ in range(4)] == [401, 401, 401, 429]


def test_countdowns_cancel_when_time_has_passed():
    world = World()
    world.desk.countdowns.set("main", "BTCUSDT", T0 + 100)
    world.desk.tick()
    assert world.cancelled == []
    world.now.ms += 100
    world.client.public("/open")
    world.desk.tick()
    assert world.cancelled == [("main", "BTCUSDT")]
