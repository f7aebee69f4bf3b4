"""What is decided on bar t is filled at the open of bar t+1 of the same instrument, however the data lies."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

from opslab.contract.spec import Fill
from opslab.engine.backtest import run_backtest


class Scripted(Strategy):
    """Runs ``script(strategy, bar, count)`` on every bar."""

    def __init__(self, context, script, on_start=None):
        super().__init__()
        self.bar_types = [BarType.from_str(text) for text in context.bar_types]
        self.script, self.begin, self.filled_hook = script, on_start, None
        self.counts, self.seen_trades = {}, 0

    def on_start(self):
        for bar_type in self.bar_types:
            self.subscribe_bars(bar_type)
            self.subscribe_trade_ticks(bar_type.instrument_id)
        if self.begin:
            self.begin(self)

    def on_bar(self, bar):
        name = bar.bar_type.instrument_id.value
        self.counts[name] = self.counts.get(name, 0) + 1
        self.script(self, bar, self.counts[name])

    def on_trade_tick(self, tick):
        self.seen_trades += 1

    def on_order_filled(self, event):
        if self.filled_hook:
            self.filled_hook(self, event)

    def market(self, instrument_id, side="BUY", quantity="1"):
        instrument = self.cache.instrument(InstrumentId.from_str(str(instrument_id)))
        order = self.order_factory.market(instrument.id, OrderSide[side], instrument.make_qty(Decimal(quantity)))
        self.submit_order(order)
        return order

    def limit(self, instrument_id, side, price, quantity="1", **more):
        instrument = self.cache.instrument(InstrumentId.from_str(str(instrument_id)))
        amount, at = instrument.make_qty(Decimal(quantity)), instrument.make_price(price)
        order = self.order_factory.limit(instrument.id, OrderSide[side], amount, at, **more)
        self.submit_order(order)
        return order


def play(feeds, script, *, fill=Fill.NEXT_OPEN, on_start=None, **more):
    made = []

    def factory(context):
        made.append(Scripted(context, script, on_start))
        return made[0]

    result = run_backtest(feeds=feeds, factory=factory, fill=fill, **more)
    return result, [json.loads(line) for line in result.event_lines], made[0]


def of_type(events, name):
    return [event for event in events if event["type"] == name]


def opens(feed):
    stamps = map(int, feed.candles.ts_close_ns)
    return {ts - feed.candles.interval_ns: price for ts, price in zip(stamps, feed.candles.open, strict=True)}


def assert_at_next_open(events, feeds):
    """Check every market fill of a run: time and price are those of the first open after the order's decision."""
    decided = {event["client_order_id"]: int(event["ts_init"]) for event in of_type(events, "OrderInitialized")}
    tables = {feed.instrument_id: opens(feed) for feed in feeds}
    fills = of_type(events, "OrderFilled")
    for fill in fills:
        table = tables[fill["instrument_id"]]
        expected = min(ts for ts in table if ts >= decided[fill["client_order_id"]])
        assert int(fill["ts_event"]) == expected + 1
        assert float(fill["last_px"]) == pytest.approx(table[expected], abs=1e-9)
    return fills


def both_ways(strategy, bar, count):
    """Order on both instruments from either's bar, to either side."""
    if count % 3 == 0:
        side = "BUY" if (count // 3) % 2 else "SELL"
        for bar_type in strategy.bar_types:
            strategy.market(bar_type.instrument_id, side, "2.5")


def test_every_market_order_of_one_instrument_fills_at_the_next_open(make_feed):
    feeds = [make_feed(count=200)]
    result, events, _ = play(feeds, both_ways)
    fills = assert_at_next_open(events, feeds)
    assert len(fills) == result.fills_count == result.orders_submitted == 66
    assert {fill["order_side"] for fill in fills} == {"BUY", "SELL"}


def test_every_market_order_of_two_instruments_fills_at_the_next_open(make_feed):
    feeds = [make_feed(count=200), make_feed("ETHUSDT", 200, seed=2, price=50)]
    result, events, _ = play(feeds, both_ways)
    fills = assert_at_next_open(events, feeds)
    assert len(fills) == result.orders_submitted == 2 * 2 * 66
    assert {(fill["instrument_id"], fill["order_side"]) for fill in fills} == {
        (feed.instrument_id, side) for feed in feeds for side in ("BUY", "SELL")
    }


def test_same_close_is_the_plain_engine_and_fills_on_the_bar_that_caused_it(make_feed):
    feed = make_feed(count=60)

    def within_the_volume(strategy, bar, count):
        if count % 3 == 0:
            strategy.market(bar.bar_type.instrument_id, "BUY" if count % 2 else "SELL", "0.2")

    result, events, _ = play([feed], within_the_volume, fill=Fill.SAME_CLOSE)
    closes = dict(zip(map(int, feed.candles.ts_close_ns), feed.candles.close, strict=True))
    fills = of_type(events, "OrderFilled")
    assert result.synthetic_ticks == 0
    assert len(fills) == 20
    assert all(closes[int(fill["ts_event"])] == pytest.approx(float(fill["last_px"])) for fill in fills)
    with pytest.raises(AssertionError):
        assert_at_next_open(events, [feed])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_gaps_late_starts_and_early_ends_never_give_a_stale_price(make_feed, data):
    rows = st.sets(st.integers(0, 39), min_size=12).map(sorted)
    first, second = data.draw(rows), data.draw(rows)
    assume(max(first[0], second[0]) <= min(first[-1], second[-1]))
    feeds = [make_feed(count=40, rows=first), make_feed("ETHUSDT", 40, seed=2, price=50, rows=second)]
    _, events, _ = play(feeds, both_ways)
    assert_at_next_open(events, feeds)


def test_an_instrument_whose_data_ended_is_not_filled_at_its_stale_close(make_feed):
    short, long = make_feed(count=50, rows=slice(0, 30)), make_feed("ETHUSDT", 50, seed=2)

    def late(strategy, bar, count):
        if bar.bar_type.instrument_id.value == short.instrument_id and count == 30:
            strategy.market(short.instrument_id)

    result, events, _ = play([short, long], late)
    assert result.orders_submitted == 1
    assert not of_type(events, "OrderFilled")
    assert result.views["orders"][0]["status"] == "SUBMITTED"


def test_an_order_on_the_last_bar_stays_in_flight(make_feed):
    def last(strategy, bar, count):
        if count == 20:
            strategy.market(bar.bar_type.instrument_id)

    result, _, _ = play([make_feed(count=20)], last)
    assert (result.orders_submitted, result.fills_count) == (1, 0)
    assert result.views["orders"][0]["status"] == "SUBMITTED"


def test_a_whole_order_far_larger_than_the_volume_fills_at_the_open(make_feed):
    feed = make_feed(count=20)

    def large(strategy, bar, count):
        if count == 5:
            strategy.market(bar.bar_type.instrument_id, "SELL", "9000")

    _, events, _ = play([feed], large)
    (fill,) = assert_at_next_open(events, [feed])
    assert fill["last_qty"] == "9000.000"


def test_an_order_caused_by_a_fill_waits_for_the_open_after_that(make_feed):
    feed = make_feed(count=20)

    def hedge(strategy, event):
        if event.order_side == OrderSide.BUY:
            strategy.market(feed.instrument_id, "SELL")

    def script(strategy, bar, count):
        strategy.filled_hook = hedge
        if count == 5:
            strategy.market(feed.instrument_id)

    _, events, _ = play([feed], script)
    first, second = assert_at_next_open(events, [feed])
    assert int(second["ts_event"]) - int(first["ts_event"]) == feed.candles.interval_ns


def test_a_strategy_that_subscribes_to_trades_sees_no_synthetic_ones(make_feed):
    result, _, strategy = play([make_feed(count=60)], both_ways)
    assert result.synthetic_ticks == 19  # twenty orders, the last one on the last bar
    assert strategy.seen_trades == 0


def test_a_limit_order_rests_until_the_market_reaches_it_and_never_fills_worse(make_feed):
    feed = make_feed(count=120)

    def script(strategy, bar, count):
        if count % 10 == 0:
            side, away = ("BUY", -0.3) if count % 20 else ("SELL", 0.3)
            strategy.limit(feed.instrument_id, side, float(bar.close) + away)

    _, events, _ = play([feed], script)
    placed = {event["client_order_id"]: event for event in of_type(events, "OrderInitialized")}
    fills = of_type(events, "OrderFilled")
    assert fills
    for fill in fills:
        order = placed[fill["client_order_id"]]
        limit, paid = float(order["options"]["price"]), float(fill["last_px"])
        assert paid <= limit if order["order_side"] == "BUY" else paid >= limit
        assert int(fill["ts_event"]) > int(order["ts_init"])
        row = int(np.searchsorted(feed.candles.ts_close_ns, np.uint64(int(fill["ts_event"]))))
        assert feed.candles.low[row] - 1e-9 <= paid <= feed.candles.high[row] + 1e-9


def test_a_marketable_limit_order_fills_at_the_open_and_not_at_its_limit(make_feed):
    feed = make_feed(count=20)

    def script(strategy, bar, count):
        if count == 5:
            strategy.limit(feed.instrument_id, "BUY", float(bar.close) + 20)

    _, events, _ = play([feed], script)
    assert len(assert_at_next_open(events, [feed])) == 1


def test_a_cancel_reaches_the_venue_with_the_next_open(make_feed):
    feed = make_feed(count=20)

    def script(strategy, bar, count):
        if count == 5:
            strategy.order = strategy.limit(feed.instrument_id, "BUY", 10)
        if count == 8:
            strategy.cancel_order(strategy.order)

    _, events, _ = play([feed], script)
    (canceled,) = of_type(events, "OrderCanceled")
    assert int(canceled["ts_event"]) == int(feed.candles.ts_close_ns[7]) + 1


def test_orders_and_cancels_of_one_bar_arrive_in_the_order_in_which_they_were_sent(make_feed):
    def script(strategy, bar, count):
        if count == 5:
            strategy.cancel_order(strategy.limit(bar.bar_type.instrument_id, "BUY", 10))

    _, events, _ = play([make_feed(count=20)], script)
    kinds = [event["type"] for event in events if event["type"].startswith("Order")]
    assert kinds == ["OrderInitialized", "OrderSubmitted", "OrderPendingCancel", "OrderAccepted", "OrderCanceled"]


def test_a_bracket_enters_at_the_open_and_leaves_by_a_child(make_feed):
    feed = make_feed(count=120)

    def script(strategy, bar, count):
        if count == 5:
            instrument = strategy.cache.instrument(bar.bar_type.instrument_id)
            close = float(bar.close)
            strategy.submit_order_list(
                strategy.order_factory.bracket(
                    instrument.id,
                    OrderSide.BUY,
                    instrument.make_qty(1),
                    tp_price=instrument.make_price(close + 0.8),
                    sl_trigger_price=instrument.make_price(close - 0.8),
                    time_in_force=TimeInForce.GTC,
                )
            )

    result, events, _ = play([feed], script)
    entry, leave = of_type(events, "OrderFilled")
    assert_at_next_open([event for event in events if event.get("client_order_id") == entry["client_order_id"]], [feed])
    assert leave["order_side"] == "SELL"
    assert result.views["positions"][0]["side"] == "FLAT"


def test_an_order_from_on_start_waits_for_the_first_open_of_the_run(make_feed):
    feed = make_feed(count=20)
    _, events, _ = play([feed], lambda *_: None, on_start=lambda strategy: strategy.market(feed.instrument_id))
    assert len(assert_at_next_open(events, [feed])) == 1


def test_two_venues_in_one_run(make_feed):
    feeds = [make_feed(count=60), make_feed("ETHUSDT", 60, seed=2, venue="bybit")]
    _, events, _ = play(feeds, both_ways)
    fills = assert_at_next_open(events, feeds)
    assert {fill["instrument_id"] for fill in fills} == {"BTCUSDT.BINANCE", "ETHUSDT.BYBIT"}
