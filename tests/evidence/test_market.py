"""Between which prices an order could be filled, by the candles."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.evidence.market import Candlesticks, Market

CLOSES = (60, 120, 180, 300)
LOWS, HIGHS = (10.0, 11.1, 9.5, 12.0), (12.0, 13.3, 9.9, 14.0)


def candles(reach=0):
    return Candlesticks(
        closes=np.array(CLOSES, dtype=np.uint64),
        lows=np.array(LOWS),
        highs=np.array(HIGHS),
        tick=Decimal("0.1"),
        reach=reach,
    )


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (60, 60, ("11.1", "13.3")),  # made at a close: the next candle
        (60, 120, ("11.1", "13.3")),
        (60, 121, ("9.5", "13.3")),
        (0, 0, ("10.0", "12.0")),
        (180, 181, ("12.0", "14.0")),  # a gap: the next candle that there is
        (240, 10**9, ("12.0", "14.0")),
        (120, 10, ("9.5", "9.9")),  # a clock that went back
    ],
)
def test_the_candles_while_it_was_under_way(since, until, expected):
    assert candles().band(since, until) == tuple(map(Decimal, expected))


@pytest.mark.parametrize("since", [300, 301])
def test_after_the_last_candle_nobody_can_tell(since):
    assert candles().band(since, since + 1) is None


def test_the_book_lies_beyond_the_candle_by_whole_ticks():
    assert candles(reach=10).band(60, 60) == (Decimal("10.1"), Decimal("14.3"))


def test_other_symbols_are_not_known():
    assert Market({"BTCUSDT": candles()}).band("ETHUSDT", 0, 60) is None
    assert Market().closes == []


def test_closes_of_all_symbols_are_in_order():
    assert Market({"A": candles(), "B": candles()}).closes == sorted([*CLOSES, *CLOSES])


@given(since=st.integers(0, 299), until=st.integers(0, 400), later=st.integers(0, 400))
def test_more_time_never_narrows_the_band(since, until, later):
    narrow, wide = candles().band(since, until), candles().band(since, until + later)
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


@given(ticks=st.integers(1, 10**9))
def test_a_price_is_exactly_on_the_grid(ticks):
    price = Decimal(ticks) * Decimal("0.01")
    one = np.array([float(price)])
    found = Candlesticks(np.array([60], dtype=np.uint64), one, one, Decimal("0.01"), 0).band(0, 0)
    assert found == (price, price)
