"""The figures of 24 hours count the candles that were there before the first trade."""

from __future__ import annotations

from decimal import Decimal

import pytest

from opslab.venue.market import Kline
from opslab.venue.recent import Recent
from opslab.venue.views import PublicTrade

D = Decimal
MINUTE = 60_000
NOW = 1_700_000_040_000 - 1_700_000_040_000 % MINUTE


def kline(minutes_ago: int, price: int, interval: str = "1m", length: int = 1, *, closed: bool = True) -> Kline:
    opened = NOW - minutes_ago * MINUTE
    numbers = (D(price), D(price + 3), D(price - 3), D(price + 1), D(2), D(2 * price))
    return Kline("X", opened, opened + length * MINUTE - 1, interval, *numbers, 4, is_closed=closed)


def trade(number: int, price: int, time_ms: int = NOW) -> PublicTrade:
    return PublicTrade("X", number, D(price), D(5), time_ms, is_buyer_maker=False)


def test_before_the_first_trade_the_candles_are_all_there_is():
    recent = Recent("X")
    for minutes_ago, price in ((1500, 50), (2, 100), (1, 110)):
        recent.add_kline(kline(minutes_ago, price))
    ticker = recent.ticker(NOW)
    assert (ticker.open, ticker.high, ticker.low, ticker.last) == (100, 113, 97, 111)
    assert (ticker.volume, ticker.quote_volume, ticker.count) == (4, 420, 8)
    assert (ticker.first_id, ticker.last_id, ticker.last_quantity) == (-1, -1, 0)


def test_trades_come_to_the_candles_that_were_there_and_later_candles_are_not_counted_twice():
    recent = Recent("X")
    recent.add_kline(kline(2, 100))
    recent.add_kline(kline(1, 110))
    recent.add_trade(trade(7, 120))
    recent.add_kline(kline(0, 120))
    recent.add_trade(trade(8, 90, NOW + MINUTE))
    recent.add_kline(kline(-1, 90))
    ticker = recent.ticker(NOW + MINUTE)
    assert (ticker.open, ticker.high, ticker.low, ticker.last) == (100, 120, 90, 90)
    assert (ticker.volume, ticker.count) == (4 + 10, 8 + 2)
    assert (ticker.first_id, ticker.last_id, ticker.last_quantity) == (7, 8, 5)


def test_history_leaves_after_a_day():
    recent = Recent("X")
    recent.add_kline(kline(2, 100))
    recent.add_trade(trade(1, 120))
    day = 1440 * MINUTE
    recent.add_trade(trade(2, 130, NOW + day - MINUTE))
    ticker = recent.ticker(NOW + day - MINUTE)
    assert (ticker.count, ticker.open, ticker.previous_close) == (2, 120, 101)


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_intervals_the_shortest_counts_and_what_is_not_closed_does_not(order: int):
    recent = Recent("X")
    for one in [kline(60, 10, "1h", 60), kline(1, 100), kline(0, 500, closed=False)][::order]:
        recent.add_kline(one)
    ticker = recent.ticker(NOW)
    assert (ticker.count, ticker.last) == (4, 101)
