"""Price-time priority: who fills first when the outside market trades."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.venue.core.rig import BUY, SELL, SYMBOL, Rig

from opslab.venue.orders import Market

D = Decimal


@pytest.fixture(params=list(Market))
def rig(request: pytest.FixtureRequest) -> Rig:
    made = Rig(request.param)
    made.book({"100": "2", "99": "3"}, {"101": "2", "102": "3"})
    return made


def executed(rig: Rig, *orders: Any) -> list[Decimal]:
    return [rig.order(order).executed for order in orders]


def test_trades_at_the_price_eat_the_queue_first(rig: Rig) -> None:
    order = rig.buy("1", "100")
    rig.trade("100", "1.5", sold=True)
    assert executed(rig, order) == [0]
    rig.trade("100", "1", sold=True)
    assert executed(rig, order) == [D("0.5")]
    assert rig.order(order).status == "PARTIALLY_FILLED"


def test_a_trade_of_the_other_side_at_the_price_fills_nothing(rig: Rig) -> None:
    order = rig.sell("1", "101")
    rig.trade("101", "50", sold=True)
    assert executed(rig, order) == [0]
    rig.trade("101", "50", sold=False)
    assert executed(rig, order) == [1]


def test_others_who_came_between_two_orders_stand_between_them(rig: Rig) -> None:
    first = rig.buy("1", "99.5")
    rig.book({"100": "2", "99.5": "2"}, {"101": "2"})
    second = rig.buy("1", "99.5", who="bob")
    rig.trade("99.5", "1.5", sold=True)
    assert executed(rig, first, second) == [1, 0]
    rig.trade("99.5", "1.5", sold=True)
    assert executed(rig, first, second) == [1, 0]
    rig.trade("99.5", "1", sold=True)
    assert executed(rig, first, second) == [1, 1]


def test_a_level_that_shrinks_moves_the_queue_up(rig: Rig) -> None:
    order = rig.buy("1", "100")
    rig.book({"100": "0.5", "99": "3"}, {"101": "2"})
    rig.trade("100", "1", sold=True)
    assert executed(rig, order) == [D("0.5")]


def test_a_trade_through_the_price_fills_up_to_its_size_and_best_price_first(rig: Rig) -> None:
    low, high = rig.buy("1", "99.5"), rig.buy("1", "100")
    rig.trade("99", "1.5", sold=True)
    assert executed(rig, low, high) == [D("0.5"), D(1)]
    assert [fill.price for fill in rig.exchange.fills("ann")] == [D(100), D("99.5")]


def test_a_trade_beyond_our_price_fills_us_whoever_took(rig: Rig) -> None:
    buy, sell = rig.buy("1", "100"), rig.sell("1", "101")
    rig.trade("102", "5", sold=True)
    assert executed(rig, buy, sell) == [0, 1]
    rig.trade("99", "5", sold=False)
    assert executed(rig, buy, sell) == [1, 1]


def test_nothing_fills_in_a_halt_and_what_crosses_fills_when_it_ends(rig: Rig) -> None:
    order = rig.buy("1", "100.5")
    rig.exchange.set_status(SYMBOL, "HALT")
    rig.quote("98", "99", "2")
    assert executed(rig, order) == [0]
    rig.exchange.set_status(SYMBOL, "TRADING")
    assert executed(rig, order) == [1]


def test_a_trade_through_is_published_whole_and_one_at_the_price_is_shared(rig: Rig) -> None:
    rig.buy("1", "99.5")
    rig.trade("99", "3", sold=True)
    assert [(one.price, one.quantity) for one in rig.exchange.last_trades(SYMBOL)] == [(D("99.5"), 1), (D(99), 3)]
    rig.buy("1", "99.5")
    rig.trade("99.5", "3", sold=True)
    last = rig.exchange.last_trades(SYMBOL)[2:]
    assert sum(one.quantity for one in last) == 3
    assert {one.price for one in last} == {D("99.5")}
    assert [one.is_own for one in last] == [True, False]


def test_a_quote_that_crosses_fills_at_our_price_up_to_its_size(rig: Rig) -> None:
    order = rig.buy("3", "100.5")
    rig.quote("98", "99", "2")
    assert executed(rig, order) == [2]
    assert rig.exchange.fills("ann")[-1].price == D("100.5")
    assert rig.exchange.best(SYMBOL).ask == D(101)
    rig.quote("98", "99", "2")
    assert rig.order(order).status == "FILLED"
    assert rig.exchange.depth(SYMBOL).asks[0] == (D(99), D(1))


def test_a_crossing_sell_order_is_filled_by_bids(rig: Rig) -> None:
    order = rig.sell("3", "102.5")
    rig.book({"103": "1", "102.5": "1"}, {"104": "1"})
    assert executed(rig, order) == [2]


def test_what_a_taker_consumed_comes_back_with_the_next_update_of_its_level(rig: Rig) -> None:
    rig.market(BUY, "2")
    assert rig.exchange.depth(SYMBOL).asks[0] == (D(102), D(3))
    rig.book({"100": "2"}, {"101": "2", "102": "3"})
    assert rig.exchange.depth(SYMBOL).asks[0] == (D(101), D(2))


def test_a_taker_meets_the_queue_in_order(rig: Rig) -> None:
    order = rig.buy("1", "100", who="bob")
    rig.market(SELL, "1.5")
    assert executed(rig, order) == [0]
    rig.market(SELL, "1")
    assert executed(rig, order) == [D("0.5")]


def test_a_quote_only_tape_shows_one_level_a_side() -> None:
    rig = Rig(Market.FUTURES)
    rig.quote("100", "101", "2")
    rig.quote("99", "100.5", "3")
    depth = rig.exchange.depth(SYMBOL)
    assert (depth.bids, depth.asks) == (((D(99), D(3)),), ((D("100.5"), D(3)),))


def test_a_quote_on_a_deep_book_removes_what_is_better_and_keeps_the_rest(rig: Rig) -> None:
    rig.quote("99.5", "100", "1")
    depth = rig.exchange.depth(SYMBOL)
    assert depth.bids == ((D("99.5"), D(1)), (D(99), D(3)))
    assert depth.asks == ((D(100), D(1)), (D(101), D(2)), (D(102), D(3)))
