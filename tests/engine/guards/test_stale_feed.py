"""The guard of feeds: silent, late and quiet ones, with and without the venue's stamps."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from nautilus_trader.model.data import BarType
from tests.engine.guards.market_world import NAME, World, quote

from opslab.contract.execution import Profile
from opslab.engine.guards.market_questions import Feed, MarketQuestions, Newest
from opslab.engine.guards.stale_feed import StaleFeed
from opslab.errors import EngineError

BOOK = SimpleNamespace(bidPrice="1.0", bidQty="1.0", askPrice="9.0", askQty="1.0")
OTHER = SimpleNamespace(bidPrice="2.0", bidQty="1.0", askPrice="9.0", askQty="1.0")
BARS = BarType.from_str("BTCUSDT-PERP.BINANCE-1-MINUTE-LAST-EXTERNAL")


@pytest.fixture
def world():
    made = World()
    made.client = made.data_client(quote_ticks=[NAME])
    guard = StaleFeed(Profile.FAST)
    guard.on_data_client(made.client, made.site)
    guard.on_node(made.site)
    made.market.answers["ticker"] = [BOOK]
    yield made
    made.close()


def held(world):
    return "stale_feed" in world.site.holds


def test_what_comes_is_handed_on(world):
    tick = quote(1)
    world.client._handle_data(tick)
    world.client._handle_data("something else")
    assert world.handed == [tick, "something else"]


def test_a_silent_feed_whose_venue_goes_on_is_held_until_it_speaks(world):
    world.client._handle_data(quote(world.clock.ms))
    world.market.answers["ticker"] = [OTHER]
    assert world.until(lambda: held(world))
    assert "something newer" in world.site.holds["stale_feed"]
    world.client._handle_data(quote(world.clock.ms + 1, bid="2.0"))
    assert world.until(lambda: not held(world))
    assert world.actions("stale_feed") == ["installed", "held", "released"]


def test_a_quiet_market_is_not_held(world):
    world.client._handle_data(quote(world.clock.ms))
    world.run(0.8)
    assert not held(world)
    assert "ticker" in world.market.asked


def test_a_feed_that_never_brought_anything_is_held(world):
    assert world.until(lambda: held(world))


def test_a_venue_that_does_not_answer_leaves_no_feed_fresh(world):
    world.client._handle_data(quote(world.clock.ms))
    world.market.answers["ticker"] = ConnectionError("gone")
    assert world.until(lambda: held(world))
    assert "cannot be asked" in world.site.holds["stale_feed"]


def test_old_content_is_held_by_the_venues_clock_not_by_ours(world):
    world.market.offset_ms = 7_000
    assert world.until(lambda: world.market.asked.count("time") >= 3)
    for at in (6_990, 6_995):
        world.client._handle_data(quote(world.clock.ms + at))
    world.run(0.1)
    assert not held(world)
    world.client._handle_data(quote(world.clock.ms + 6_998))
    world.market.offset_ms = 8_000
    assert world.until(lambda: world.client._handle_data(quote(world.clock.ms + 7_000)) or held(world), 4.0)
    assert "by the venue's time" in world.site.holds["stale_feed"]


def test_what_is_not_subscribed_any_more_is_not_watched(world):
    world.until(lambda: held(world))
    world.client.subscribed_quote_ticks = list
    assert world.until(lambda: not held(world))


def test_nothing_is_looked_at_while_the_node_does_not_run(world):
    world.is_running = False
    world.run(0.6)
    assert world.market.asked == []


@pytest.mark.parametrize(
    ("newest", "seen", "expected"),
    [
        (Newest("trades", 2_000), SimpleNamespace(ts_event=1_999 * 10**6), False),
        (Newest("trades", 2_001), SimpleNamespace(ts_event=1_999 * 10**6), True),
        (Newest("trades", None), None, False),
        (Newest("book", 7), SimpleNamespace(sequence=7), False),
        (Newest("book", 8), SimpleNamespace(sequence=7), True),
        (Newest("bars", 60_000), None, True),
    ],
)
def test_what_is_newer(newest, seen, expected):
    assert newest.is_newer_than(seen) is expected


def asked(world, feed):
    return world.loop.run_until_complete(MarketQuestions(world.client, "stale_feed", 1.0).ask(feed))


def test_trades_are_asked_for_as_each_market_has_them(world):
    world.market.answers |= {"trades": [SimpleNamespace(time=5)], "agg_trades": [SimpleNamespace(T=6)]}
    assert asked(world, Feed("trades", NAME)).what == 5
    world.client._binance_account_type.is_futures = False
    assert asked(world, Feed("trades", NAME)).what == 6


def test_the_last_candle_may_be_open_and_does_not_count(world):
    world.client._enum_parser = SimpleNamespace(parse_nautilus_bar_aggregation=lambda _aggregation: "m")
    world.market.answers["klines"] = [SimpleNamespace(close_time=59_999), SimpleNamespace(close_time=119_999)]
    assert asked(world, Feed("bars", BARS)).what == 59_999
    world.market.answers["klines"] = [SimpleNamespace(close_time=119_999)]
    assert asked(world, Feed("bars", BARS)).what is None


def test_an_answer_that_makes_no_sense_is_none(world):
    world.market.answers["depth"] = []
    assert asked(world, Feed("book", NAME)) is None


def test_an_adapter_without_the_names_is_refused():
    with pytest.raises(EngineError, match="guard stale_feed cannot stand before it"):
        StaleFeed(Profile.FAST).on_data_client(SimpleNamespace(), SimpleNamespace())
