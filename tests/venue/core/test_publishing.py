"""What is published: diffs that add up to the depth, quotes that are its best, trades with growing ids."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.venue.core.rig import BUY, SYMBOL, Rig
from tests.venue.core.test_long_walks import Walk

from opslab.errors import DataError
from opslab.venue.market import BookDelta, Kline, MarkPrice, Quote
from opslab.venue.orders import Market
from opslab.venue.views import PublicTrade, Published

D = Decimal


class Mirror:
    """A client's book, made from diffs alone."""

    def __init__(self, rig: Rig) -> None:
        depth = rig.exchange.depth(SYMBOL)
        self.sides: tuple[dict[Decimal, Decimal], ...] = (dict(depth.bids), dict(depth.asks))
        self.last_id = depth.last_update_id
        self.trades: list[int] = []
        self.quote: Quote | None = None
        rig.exchange.on_market(self.take)

    def take(self, published: Published) -> None:
        event = published.event
        if event.symbol != SYMBOL:
            return
        if isinstance(event, BookDelta):
            assert (published.previous_id, published.first_id) == (self.last_id, self.last_id + 1)
            assert published.last_id >= published.first_id
            self.last_id = published.last_id
            for side, levels in zip(self.sides, (event.bids, event.asks), strict=True):
                for price, size in levels:
                    side[price] = size
                    if not size:
                        del side[price]
        elif isinstance(event, Quote):
            assert published.last_id == self.last_id
            self.quote = event
        elif isinstance(event, PublicTrade):
            self.trades.append(event.id)


@pytest.mark.parametrize("market", list(Market))
def test_diffs_add_up_to_the_depth(market: Market) -> None:
    walk = Walk(market, 7, hedge=False)
    mirror = Mirror(walk.rig)
    for _ in range(400):
        walk.step()
        depth = walk.exchange.depth(SYMBOL)
        assert (dict(depth.bids), dict(depth.asks), depth.last_update_id) == (*mirror.sides, mirror.last_id)
        best = walk.exchange.best(SYMBOL)
        if mirror.quote is not None and best is not None and best.bid_size and best.ask_size:
            shown = (mirror.quote.bid, mirror.quote.bid_size, mirror.quote.ask, mirror.quote.ask_size)
            assert shown == (best.bid, best.bid_size, best.ask, best.ask_size)
    assert mirror.trades == list(range(mirror.trades[0], mirror.trades[-1] + 1))
    assert len(mirror.trades) > 20


def test_our_own_orders_are_part_of_the_public_book(futures: Rig) -> None:
    mirror = Mirror(futures)
    order = futures.buy("1", "100.5")
    assert mirror.sides[0][D("100.5")] == 1
    assert mirror.quote is not None
    assert mirror.quote.bid == D("100.5")
    futures.exchange.cancel("ann", SYMBOL, order_id=order.order_id)
    assert D("100.5") not in mirror.sides[0]
    assert mirror.quote.bid == D(100)


def test_nothing_is_published_when_nothing_changed(futures: Rig) -> None:
    seen: list[Any] = []
    futures.exchange.on_market(seen.append)
    futures.quote("100", "101", "10")
    futures.exchange.tick()
    assert seen == []


def test_candles_and_mark_prices_pass_through_and_are_kept(futures: Rig) -> None:
    seen: list[Any] = []
    futures.exchange.on_market(seen.append)
    first = Kline(SYMBOL, 0, 59_999, "1m", D(1), D(2), D(1), D(2), D(3), D(4), 5, is_closed=False)
    last = Kline(SYMBOL, 0, 59_999, "1m", D(1), D(2), D(1), D(2), D(9), D(9), 9, is_closed=True)
    for kline in (first, last):
        futures.exchange.apply(kline)
    futures.mark("100.7")
    assert [type(one.event) for one in seen] == [Kline, Kline, MarkPrice]
    assert futures.exchange.klines(SYMBOL) == [last]
    assert futures.exchange.mark(SYMBOL).mark == D("100.7")


def test_the_ticker_tells_of_the_last_24_hours(futures: Rig) -> None:
    empty = futures.exchange.ticker(SYMBOL)
    assert (empty.count, empty.first_id, empty.average, empty.change_percent) == (0, -1, 0, 0)
    futures.trade("100", "1", sold=True)
    futures.now += 3_600_000
    futures.trade("110", "2", sold=True)
    futures.trade("105", "1", sold=True)
    ticker = futures.exchange.ticker(SYMBOL)
    assert (ticker.open, ticker.high, ticker.low, ticker.last, ticker.volume) == (100, 110, 100, 105, 4)
    assert (ticker.quote_volume, ticker.count, ticker.change_percent) == (425, 3, 5)
    assert (ticker.first_id, ticker.last_id) == (1, 3)
    futures.now += 23 * 3_600_000 + 60_000
    ticker = futures.exchange.ticker(SYMBOL)
    assert (ticker.open, ticker.count, ticker.first_id, ticker.low) == (110, 2, 2, 105)


def test_an_event_of_a_symbol_that_is_not_listed_is_told_in_one_line(futures: Rig) -> None:
    with pytest.raises(DataError, match="'NOPE', which is not listed"):
        futures.quote("1", "2", symbol="NOPE")


def test_an_empty_book_has_no_best_and_half_of_one_has_zeros() -> None:
    rig = Rig(Market.FUTURES)
    assert rig.exchange.best(SYMBOL) is None
    rig.buy("1", "90")
    best = rig.exchange.best(SYMBOL)
    assert (best.bid, best.bid_size, best.ask, best.ask_size) == (90, 1, 0, 0)


def test_own_takers_are_public_trades(futures: Rig) -> None:
    futures.market(BUY, "1")
    trade = futures.exchange.last_trades(SYMBOL)[-1]
    assert (trade.price, trade.quantity, trade.is_buyer_maker, trade.is_own) == (101, 1, False, True)
    assert len(futures.exchange.last_trades(SYMBOL, 0)) == 0
