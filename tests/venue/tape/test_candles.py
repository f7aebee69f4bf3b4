"""Candles to events and back: a strategy that adds up trades sees the same candles."""

from __future__ import annotations

import itertools
from collections import defaultdict
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venue.tape.conftest import MINUTE_NS, START_NS, make_candles, make_instrument

from opslab.contract.dataset import VolumeUnit
from opslab.errors import DataError
from opslab.samples.generator import sample_csv
from opslab.venue.market import BookDelta, BookSnapshot, Kline, Quote, TapeTrade
from opslab.venue.tape.candles import CandleSettings, candle_tape
from opslab.venue.tape.tape import merged

TICK, STEP = Decimal("0.10"), Decimal("0.001")
INSTRUMENT = make_instrument()


@st.composite
def rows(draw, least_volume=4):
    low = draw(st.integers(1, 10**6))
    spans = draw(st.lists(st.integers(0, 500), min_size=3, max_size=3))
    high = low + max(spans)
    inside = st.integers(low, high)
    return draw(inside), high, low, draw(inside), draw(st.integers(least_volume, 10**9))


candles_of = st.lists(rows(), min_size=1, max_size=12)
settings_of = st.builds(
    CandleSettings,
    trades=st.integers(1, 40),
    kline_updates=st.integers(0, 10),
    spread_ticks=st.integers(0, 5),
    levels=st.integers(1, 20),
    seed=st.integers(0, 10),
)


def aggregated(tape, interval_ms=60_000):
    """OHLCV of the trades by the minute in which they happened."""
    bars = {}
    for event in tape:
        if isinstance(event, TapeTrade):
            bars.setdefault(event.time_ms // interval_ms, []).append((event.price, event.size))
    return [
        (
            trades[0][0],
            max(price for price, _ in trades),
            min(price for price, _ in trades),
            trades[-1][0],
            sum(size for _, size in trades),
        )
        for _, trades in sorted(bars.items())
    ]


@given(candles_of, settings_of)
def test_trades_add_up_to_the_candles(data, settings):
    tape = candle_tape(INSTRUMENT, make_candles(data, INSTRUMENT), settings)
    expected = [(o * TICK, h * TICK, low * TICK, c * TICK, v * STEP) for o, h, low, c, v in data]
    assert aggregated(tape) == expected


def test_the_trades_of_a_sample_add_up_to_its_candles():
    data = []
    for line in sample_csv("btcusdt-sample").splitlines()[1:]:
        *prices, volume = (Decimal(cell) for cell in line.split(",")[1:])
        data.append(tuple(int(value) for value in (*(price / TICK for price in prices), volume / STEP)))
    expected = [(o * TICK, h * TICK, low * TICK, c * TICK, v * STEP) for o, h, low, c, v in data]
    assert aggregated(candle_tape(INSTRUMENT, make_candles(data, INSTRUMENT))) == expected


@given(candles_of, settings_of)
def test_closed_klines_are_the_candles(data, settings):
    tape = candle_tape(INSTRUMENT, make_candles(data, INSTRUMENT), settings)
    closed = [event for event in tape if isinstance(event, Kline) and event.is_closed]
    expected = [(o * TICK, h * TICK, low * TICK, c * TICK, v * STEP) for o, h, low, c, v in data]
    assert [(k.open, k.high, k.low, k.close, k.volume) for k in closed] == expected
    assert [k.open_ms for k in closed] == [START_NS // 10**6 + 60_000 * n for n in range(len(data))]
    assert all(k.close_ms == k.open_ms + 59_999 and k.interval == "1m" for k in closed)


@given(candles_of, settings_of)
def test_the_kline_counts_its_trades_and_what_they_cost(data, settings):
    tape = candle_tape(INSTRUMENT, make_candles(data, INSTRUMENT), settings)
    trades = []
    for event in tape:
        if isinstance(event, TapeTrade):
            trades.append(event)
        if isinstance(event, Kline):
            own = [trade for trade in trades if trade.time_ms >= event.open_ms]
            assert event.trades == len(own)
            assert event.quote_volume == sum(trade.price * trade.size for trade in own)


@given(candles_of, settings_of)
def test_events_are_in_order_within_the_tape(data, settings):
    tape = candle_tape(INSTRUMENT, make_candles(data, INSTRUMENT), settings)
    times = [time_ms for time_ms, _ in tape.timed()]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (tape.first_ms, tape.last_ms)
    assert tape.duration_ms == 60_000 * len(data)


@given(candles_of, settings_of)
def test_quotes_and_books_agree_and_are_on_the_grid(data, settings):
    books = defaultdict(dict)
    for event in candle_tape(INSTRUMENT, make_candles(data, INSTRUMENT), settings):
        if isinstance(event, BookSnapshot | BookDelta):
            for side, levels in (("bids", event.bids), ("asks", event.asks)):
                for price, size in levels:
                    books[side][price] = size
                    if not size:
                        del books[side][price]
                    assert size % STEP == 0
                    assert price % TICK == 0
        if isinstance(event, Quote):
            assert (event.bid, event.bid_size) == max(books["bids"].items())
            assert (event.ask, event.ask_size) == min(books["asks"].items())
            assert event.ask - event.bid == settings.spread_ticks * TICK
            assert 1 <= len(books["bids"]) <= settings.levels == len(books["asks"])


@given(candles_of, settings_of)
def test_each_trade_is_at_the_touch_of_the_side_that_rested(data, settings):
    quote = None
    for event in candle_tape(INSTRUMENT, make_candles(data, INSTRUMENT), settings):
        quote = event if isinstance(event, Quote) else quote
        if isinstance(event, TapeTrade):
            assert event.price == (quote.bid if event.buyer_is_maker else quote.ask)


def test_a_tape_is_the_same_each_time_and_another_for_another_seed():
    data = [(100, 130, 90, 120, 5_000), (120, 121, 80, 85, 7_777)]
    candles = make_candles(data, INSTRUMENT)
    tape = candle_tape(INSTRUMENT, candles)
    assert list(tape) == list(tape)
    assert list(tape) != list(candle_tape(INSTRUMENT, candles, CandleSettings(seed=1)))


@pytest.mark.parametrize(("close", "turns"), [(120, [100, 90, 130, 120]), (95, [100, 130, 90, 95])])
def test_a_candle_that_rises_goes_to_its_low_first_and_one_that_falls_to_its_high(close, turns):
    settings = CandleSettings(trades=4)
    tape = candle_tape(INSTRUMENT, make_candles([(100, 130, 90, close, 5_000)], INSTRUMENT), settings)
    assert [event.price / TICK for event in tape if isinstance(event, TapeTrade)] == turns


def test_the_first_of_a_candle_is_the_book_then_the_quote_then_the_trade_at_the_open():
    tape = candle_tape(INSTRUMENT, make_candles([(100, 130, 90, 120, 5_000)], INSTRUMENT))
    (t0, book), (t1, quote), (t2, trade) = itertools.islice(tape.timed(), 3)
    assert (t0, t1, t2) == (tape.first_ms,) * 3
    assert (type(book), type(quote), type(trade)) == (BookSnapshot, Quote, TapeTrade)
    assert trade.price == Decimal("10.0") in (quote.bid, quote.ask)


def test_a_candle_without_volume_quotes_and_trades_nothing():
    tape = candle_tape(INSTRUMENT, make_candles([(100, 130, 90, 120, 0)], INSTRUMENT))
    events = list(tape)
    assert not [event for event in events if isinstance(event, TapeTrade)]
    kline = events[-1]
    assert (kline.open, kline.high, kline.low, kline.close) == tuple(Decimal(n) * TICK for n in (100, 130, 90, 120))
    assert (kline.volume, kline.trades) == (0, 0)


def test_a_volume_of_less_than_the_turns_trades_a_step_at_each():
    tape = candle_tape(INSTRUMENT, make_candles([(100, 130, 90, 120, 1)], INSTRUMENT))
    assert aggregated(tape) == [(*(Decimal(n) * TICK for n in (100, 130, 90, 120)), 4 * STEP)]


def test_a_price_of_one_tick_has_a_bid():
    quotes = [e for e in candle_tape(INSTRUMENT, make_candles([(1, 2, 1, 2, 50)], INSTRUMENT)) if isinstance(e, Quote)]
    assert all(quote.bid > 0 for quote in quotes)


def test_volume_in_quote_units_becomes_base_units():
    candles = make_candles([(1_000, 1_000, 1_000, 1_000, 12_345)], INSTRUMENT, unit=VolumeUnit.QUOTE)
    assert aggregated(candle_tape(INSTRUMENT, candles))[0][4] == Decimal("0.123")


def test_tapes_merge_by_time_and_closed_klines_come_before_opens():
    other = make_instrument("ETHUSDT", tick="0.01", step="0.01")
    data = [(100, 130, 90, 120, 5_000)] * 3
    tape = merged(
        [
            candle_tape(INSTRUMENT, make_candles(data, INSTRUMENT)),
            candle_tape(other, make_candles(data, other)),
        ]
    )
    assert tape.symbols == ("BTCUSDT", "ETHUSDT")
    times = [time_ms for time_ms, _ in tape.timed()]
    assert times == sorted(times)
    closes = tape.first_ms + 60_000
    at_close = [type(event) for time_ms, event in tape.timed() if time_ms == closes]
    assert at_close[:2] == [Kline, Kline]
    assert Kline not in at_close[2:]


def test_a_year_of_minutes_is_not_held_in_memory():
    import tracemalloc

    count = 525_600
    flat = np.full(count, 100.0)
    candles = make_candles([(1, 1, 1, 1, 1)], INSTRUMENT).__class__(
        ts_close_ns=np.uint64(START_NS) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(MINUTE_NS),
        open=flat,
        high=flat,
        low=flat,
        close=flat,
        volume=flat,
        interval_ns=MINUTE_NS,
    )
    tape = candle_tape(INSTRUMENT, candles)
    tracemalloc.start()
    for _ in itertools.islice(tape, 2_000):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tape.duration_ms == count * 60_000
    assert peak < 40_000_000  # a few columns of numbers, not millions of events


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"open": np.nan}, "open nan is not a number"),
        ({"volume": -1.0}, "volume -1.0 is negative"),
        ({"close": 0.0}, "close 0.0 is not above 0"),
        ({"close": 10.03}, "close 10.03 is not on the tick grid of 0.10"),
        ({"low": 12.0}, "low 12.0 is above the open or close"),
        ({"high": 10.0}, "high 10.0 is below the open or close"),
        ({"volume": 1e300}, "is too large"),
        ({"ts_close_ns": START_NS}, "candle 1 is out of order or overlaps the one before"),
    ],
)
def test_bad_candles_are_refused_in_one_line(change, told):
    candles = make_candles([(100, 130, 90, 120, 5_000)] * 2, INSTRUMENT)
    for name, value in change.items():
        getattr(candles, name)[1] = value
    with pytest.raises(DataError, match=told) as caught:
        candle_tape(INSTRUMENT, candles)
    assert "\n" not in str(caught.value)


def test_no_candles_and_unknown_intervals_are_refused():
    with pytest.raises(DataError, match="a tape without data"):
        candle_tape(INSTRUMENT, make_candles([], INSTRUMENT))
    with pytest.raises(DataError, match="no klines of 7 s"):
        candle_tape(INSTRUMENT, make_candles([(1, 1, 1, 1, 1)], INSTRUMENT, interval_ns=7 * 10**9))
    with pytest.raises(DataError, match="a tape without data"):
        merged([])


@pytest.mark.parametrize("change", [{"trades": 0}, {"levels": 0}, {"spread_ticks": -1}, {"level_size": Decimal("NaN")}])
def test_settings_that_make_no_market_are_refused(change):
    with pytest.raises(DataError, match="choose"):
        CandleSettings(**change)


def test_a_symbol_that_is_not_listed_is_refused():
    tape = candle_tape(INSTRUMENT, make_candles([(1, 1, 1, 1, 1)], INSTRUMENT))
    tape.require_listed(["BTCUSDT"])
    with pytest.raises(DataError, match=r"does not list BTCUSDT \(it lists: ETHUSDT\)"):
        tape.require_listed(["ETHUSDT"])
