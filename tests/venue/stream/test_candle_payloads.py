from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venue.stream import payload_cases as cases
from tests.venue.stream.payload_cases import NOW, d

from opslab.venue.stream.candles import INTERVALS, bucket, current, parts_of, series
from opslab.venue.stream.figures import Figures, amount, figures_of
from opslab.venue.stream.spot_market import stream_payload

MINUTE = 60_000
TIMES = st.integers(min_value=0, max_value=4_000_000_000_000)


@given(TIMES, st.sampled_from(sorted(INTERVALS)))
def test_a_time_lies_in_its_candle_and_candles_do_not_overlap(time_ms, interval):
    start, following = bucket(time_ms, interval)

    assert start <= time_ms < following
    assert bucket(start, interval) == (start, following) == bucket(following - 1, interval)
    assert bucket(following, interval)[0] == following


def test_weeks_begin_on_monday_and_months_on_the_first():
    moment = int(datetime(2024, 2, 29, 13, 5, tzinfo=UTC).timestamp() * 1000)

    week, month = (datetime.fromtimestamp(bucket(moment, name)[0] / 1000, UTC) for name in ("1w", "1M"))

    assert week == datetime(2024, 2, 26, tzinfo=UTC)
    assert month == datetime(2024, 2, 1, tzinfo=UTC)


def test_five_minutes_make_one_candle():
    parts = [cases.candle(n * MINUTE, price=str(60_000 + n)) for n in range(5)]

    (made,) = series(parts, "5m")

    assert (made.open_ms, made.close_ms, made.is_closed) == (0, 5 * MINUTE - 1, True)
    assert (made.open, made.close, made.high, made.low) == (d("60000"), d("60005"), d("60009"), d("59995"))
    assert (made.volume, made.quote_volume, made.trades) == (d("10"), d("600000"), 20)


@given(st.integers(1, 40), st.integers(0, 20), st.sampled_from(["1m", "3m", "5m", "15m", "1h"]))
def test_candles_made_of_parts_hold_all_of_their_volume(count, offset, interval):
    parts = [cases.candle((offset + n) * MINUTE) for n in range(count)]

    made = series(parts, interval)

    assert sum(each.volume for each in made) == 2 * count
    assert [each.open_ms for each in made] == sorted({bucket(each.open_ms, interval)[0] for each in parts})
    assert current(parts, interval) == made[-1]


def test_a_candle_is_open_until_its_last_part_is_closed():
    parts = [cases.candle(n * MINUTE) for n in range(3)]
    assert current(parts, "3m").is_closed
    assert not current([*parts[:2], cases.candle(2 * MINUTE, closed=False)], "3m").is_closed
    assert not current(parts[:2], "3m").is_closed


def test_candles_longer_than_wanted_give_nothing():
    assert series([cases.candle(0, "5m")], "1m") == []
    assert current([], "1m") is None


def test_the_tapes_own_candles_count_before_made_ones():
    own = cases.candle(0, "5m", price="70000")

    assert series([cases.candle(0), own], "5m") == [own]


def test_a_period_is_never_rounded_down():
    parts = [cases.candle(n * MINUTE) for n in range(10)]

    assert [each.open_ms for each in series(parts, "5m", start_ms=1)] == [5 * MINUTE]
    assert [each.open_ms for each in series(parts, "1m", start_ms=1, end_ms=2 * MINUTE)] == [MINUTE, 2 * MINUTE]


def test_a_stream_of_a_longer_interval_follows_the_tapes_candles():
    parts = [cases.candle(n * MINUTE) for n in range(3)]
    shown = cases.showing(spot=True, candles=parts)

    payload = stream_payload("btcusdt@kline_5m", cases.published(parts[-1]), shown, NOW)

    assert (payload["k"]["i"], payload["k"]["t"], payload["k"]["n"], payload["k"]["x"]) == ("5m", 0, 12, False)


FIGURES = figures_of(cases.listing().instrument)


@given(st.decimals(-(10**9), 10**9, places=12))
def test_numbers_are_plain_and_never_minus_zero(value):
    for text in (FIGURES.price(value), FIGURES.size(value), FIGURES.mean(value), amount(value)):
        assert "E" not in text
        assert not (text.startswith("-") and not text.strip("-0."))


@pytest.mark.parametrize(
    ("value", "text"), [("1", "1.00"), ("1.5", "1.50"), ("1.125", "1.125"), ("0", "0.00"), ("100", "100.00")]
)
def test_a_mean_has_at_least_the_decimals_of_a_price(value, text):
    assert FIGURES.mean(d(value)) == text


def test_a_price_without_decimals_has_no_point():
    figures = Figures(".0f", ".0f", 0)

    assert (figures.price(d("5")), figures.mean(d("5")), figures.mean(d("5.5")), figures.price(None)) == (
        "5",
        "5",
        "5.5",
        "0",
    )


@pytest.mark.parametrize(
    ("own", "wanted", "source"),
    [
        (("1m", "3m"), "5m", "1m"),
        (("3m",), "5m", None),
        (("1m", "3m", "5m"), "15m", "5m"),
        (("1d", "3d"), "1w", "1d"),
        (("3d",), "1w", None),
        (("1h", "1w"), "1M", "1h"),
        (("1w",), "1M", None),
    ],
)
def test_an_interval_is_made_of_the_longest_candles_that_fill_it(own, wanted, source):
    klines = [cases.candle(bucket(1_700_000_000_000, name)[0], name) for name in own]

    assert [kline.interval for kline in parts_of(klines, wanted)] == ([source] if source else [])
    assert len(series(klines, wanted)) == bool(source)


@pytest.mark.parametrize("interval", ["1s", "1m"])
def test_an_interval_below_the_tapes_is_silent_and_a_tape_that_has_it_is_served(interval):
    """Spot has candles of a second: a tape of minutes tells none of them."""
    candle = cases.candle(0, interval=interval)
    shown = cases.showing(spot=True, candles=[candle])

    payload = stream_payload("btcusdt@kline_1s", cases.published(candle), shown, NOW)

    assert (payload is not None) == (interval == "1s")
    assert series([candle], "1s") == ([candle] if interval == "1s" else [])
