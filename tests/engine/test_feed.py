"""The traps that the engine would walk into silently are refused before it starts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.engine.feed import check_feeds, check_stamps, market_data_sha256
from opslab.errors import EngineError

STEP = 60 * 10**9
DEFECTS = {
    "duplicate": lambda event, init, row: (np.insert(event, row, event[row]), np.insert(init, row, init[row])),
    "out of order": lambda event, init, row: (swapped(event, row), swapped(init, row)),
    "lookahead: bar": lambda event, init, row: (event, early(init, row, 1)),
    "overlaps": lambda event, init, row: (early(event, row, STEP // 3), early(init, row, STEP // 3)),
}


def swapped(stamps, row):
    changed = stamps.copy()
    changed[[row, row - 1]] = changed[[row - 1, row]]
    return changed


def early(stamps, row, by):
    changed = stamps.copy()
    changed[row] -= np.uint64(by)
    return changed


@st.composite
def good_stamps(draw):
    steps = draw(st.lists(st.integers(1, 5), min_size=3, max_size=40))
    return np.cumsum(np.array(steps, dtype=np.uint64)) * np.uint64(STEP) + np.uint64(10**18)


@given(good_stamps())
def test_good_stamps_pass_with_gaps(stamps):
    check_stamps(stamps, stamps, STEP, "X")


@given(good_stamps(), st.sampled_from(sorted(DEFECTS)), st.data())
def test_one_defect_at_a_random_bar_is_caught_and_named(stamps, name, data):
    row = data.draw(st.integers(1, len(stamps) - 1))
    if name == "overlaps":
        stamps = np.arange(1, len(stamps) + 1, dtype=np.uint64) * np.uint64(STEP)
    event, init = DEFECTS[name](stamps, stamps, row)
    with pytest.raises(EngineError, match=name):
        check_stamps(event, init, STEP, "BTCUSDT.BINANCE")


def changed(feed, **columns):
    return dataclasses.replace(feed, candles=dataclasses.replace(feed.candles, **columns))


def test_no_feed_is_refused():
    with pytest.raises(EngineError, match="without data"):
        check_feeds([])


def test_an_empty_feed_is_refused(make_feed):
    with pytest.raises(EngineError, match=r"BTCUSDT.BINANCE: a feed without candles"):
        check_feeds([make_feed(rows=slice(0, 0))])


def test_two_feeds_of_one_instrument_are_refused(make_feed):
    with pytest.raises(EngineError, match=r"two datasets play one instrument: BTCUSDT.BINANCE"):
        check_feeds([make_feed(seed=1), make_feed(seed=2)])


def test_feeds_that_share_no_time_are_refused(make_feed):
    with pytest.raises(EngineError, match=r"ETHUSDT.BINANCE begins after BTCUSDT.BINANCE has ended"):
        check_feeds([make_feed(rows=slice(0, 50)), make_feed("ETHUSDT", rows=slice(50, 100))])


def test_feeds_that_share_one_candle_pass(make_feed):
    check_feeds([make_feed(rows=slice(0, 51)), make_feed("ETHUSDT", rows=slice(50, 100))])


def test_feeds_of_different_intervals_are_refused(make_feed):
    with pytest.raises(EngineError, match=r"intervals differ: ETHUSDT.BINANCE has 300 s, BTCUSDT.BINANCE has 60 s"):
        check_feeds([make_feed(), make_feed("ETHUSDT", interval_ns=5 * STEP)])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_refused(make_feed, bad):
    feed = make_feed()
    high = feed.candles.high.copy()
    high[7] = bad
    with pytest.raises(EngineError, match="high of candle 7 is"):
        check_feeds([changed(feed, high=high)])


def test_columns_of_different_lengths_are_refused(make_feed):
    feed = make_feed()
    with pytest.raises(EngineError, match="119 values of low for 120 stamps"):
        check_feeds([changed(feed, low=feed.candles.low[1:])])


def test_an_interval_of_nothing_is_refused(make_feed):
    with pytest.raises(EngineError, match="interval of 0 ns"):
        check_feeds([changed(make_feed(), interval_ns=0)])


def test_the_market_data_digest_changes_with_any_value_and_any_instrument(make_feed):
    feed = make_feed()
    close = feed.candles.close.copy()
    close[-1] += 0.01
    others = [changed(feed, close=close), make_feed("ETHUSDT")]
    digests = {market_data_sha256([item]) for item in (feed, *others)}
    assert len(digests) == 3
    assert market_data_sha256([make_feed()]) == market_data_sha256([feed])
