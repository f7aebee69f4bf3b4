"""What becomes of each kind of order, on both markets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.venue.core.rig import BUY, FOK, GTC, GTD, GTX, IOC, SELL, SYMBOL, Rig, refused

from opslab.venue.events import OrderChanged
from opslab.venue.orders import Market, NewOrder, OrderType

D = Decimal


@pytest.fixture(params=list(Market))
def rig(request: pytest.FixtureRequest) -> Rig:
    made = Rig(request.param)
    made.book({"100": "2", "99": "3"}, {"101": "2", "102": "3"})
    return made


def executions(rig: Rig, order: Any) -> list[tuple[str, str]]:
    return [
        (event.execution, event.order.status)
        for event in rig.exchange.log
        if isinstance(event, OrderChanged) and event.order.order_id == order.order_id
    ]


def test_a_limit_order_below_the_market_rests_in_the_public_book(rig: Rig) -> None:
    order = rig.buy("1", "99.5")
    assert order.status == "NEW"
    assert rig.exchange.depth(SYMBOL, 2).bids == ((D(100), D(2)), (D("99.5"), D(1)))
    assert rig.exchange.open_orders("ann") == [order]


def test_a_limit_order_takes_what_its_price_reaches_and_rests(rig: Rig) -> None:
    order = rig.buy("6", "101.5")
    assert (order.status, order.executed, order.average_price) == ("PARTIALLY_FILLED", D(2), D(101))
    assert rig.exchange.depth(SYMBOL).bids[0] == (D("101.5"), D(4))
    assert rig.exchange.depth(SYMBOL).asks[0] == (D(102), D(3))


def test_a_market_order_walks_the_book_and_its_rest_expires(rig: Rig) -> None:
    order = rig.market(BUY, "8")
    assert (order.status, order.executed) == ("EXPIRED", D(5))
    assert order.cumulative_quote == 2 * 101 + 3 * 102
    assert rig.exchange.depth(SYMBOL).asks == ()
    assert executions(rig, order) == [
        ("NEW", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("EXPIRED", "EXPIRED"),
    ]


def test_a_market_order_on_an_empty_book_expires() -> None:
    for market in Market:
        order = Rig(market).market(BUY, "1")
        assert (order.status, order.executed) == ("EXPIRED", 0)


def test_an_ioc_order_fills_what_it_can_and_expires(rig: Rig) -> None:
    order = rig.buy("3", "101", time_in_force=IOC)
    assert (order.status, order.executed) == ("EXPIRED", D(2))
    assert rig.buy("3", "100.5", time_in_force=IOC).status == "EXPIRED"
    assert not rig.exchange.open_orders("ann")


def test_a_fok_order_fills_whole_or_not_at_all(rig: Rig) -> None:
    order = rig.buy("5.002", "102", time_in_force=FOK)
    assert (order.status, order.executed) == ("EXPIRED", 0)
    order = rig.buy("5", "102", time_in_force=FOK)
    assert (order.status, order.executed) == ("FILLED", D(5))


def test_a_fok_order_counts_the_other_account_but_not_what_self_trade_prevention_keeps_away(rig: Rig) -> None:
    rig.sell("1", "100.5", who="bob")
    rig.sell("1", "100.5")
    assert rig.buy("2", "100.5", time_in_force=FOK, stp_mode="EXPIRE_MAKER").executed == 0
    assert rig.buy("1", "100.5", time_in_force=FOK, stp_mode="EXPIRE_MAKER").executed == 1


def test_a_post_only_order_rests_and_never_takes(futures: Rig, spot: Rig) -> None:
    assert futures.buy("1", "100.5", time_in_force=GTX).status == "NEW"
    assert refused(futures.buy, "1", "101", time_in_force=GTX) == -5022
    maker = {"quantity": D(1), "price": D("100.5")}
    assert spot.send("ann", BUY, OrderType.LIMIT_MAKER, **maker).status == "NEW"
    assert refused(spot.send, "bob", SELL, OrderType.LIMIT_MAKER, **maker) == -2010


def test_a_gtd_order_expires_when_its_time_has_come(futures: Rig) -> None:
    order = futures.buy("1", "90", time_in_force=GTD, good_till_ms=futures.now + 700_000)
    futures.now += 699_999
    futures.exchange.tick()
    assert futures.order(order).status == "NEW"
    futures.now += 1
    futures.exchange.tick()
    assert executions(futures, order)[-1] == ("EXPIRED", "EXPIRED")
    assert futures.exchange.depth(SYMBOL).bids == ((D(100), D(10)),)


def test_a_market_order_for_quote_currency_buys_whole_steps(spot: Rig) -> None:
    order = spot.exchange.submit("ann", NewOrder(SYMBOL, BUY, OrderType.MARKET, quote_quantity=D(250)))
    assert (order.status, order.quantity) == ("FILLED", D("2.474"))
    order = spot.exchange.submit("ann", NewOrder(SYMBOL, SELL, OrderType.MARKET, quote_quantity=D(250)))
    assert (order.status, order.quantity) == ("FILLED", D("2.5"))


def test_cancels_find_orders_by_id_then_check_the_client_id(rig: Rig) -> None:
    order = rig.buy("1", "90", client_order_id="mine")
    cancel = rig.exchange.cancel
    assert refused(cancel, "ann", SYMBOL) == -1102
    assert refused(cancel, "ann", SYMBOL, order_id=99) == -2011
    assert refused(cancel, "ann", SYMBOL, order_id=order.order_id, client_order_id="other") == -2011
    assert refused(cancel, "bob", SYMBOL, order_id=order.order_id) == -2011
    assert cancel("ann", SYMBOL, order_id=order.order_id, client_order_id="mine").status == "CANCELED"
    assert refused(cancel, "ann", SYMBOL, client_order_id="mine") == -2011
    assert refused(rig.exchange.order, "ann", SYMBOL, order_id=99) == -2013
    assert refused(rig.exchange.order, "bob", SYMBOL, order_id=order.order_id) == -2013


def test_cancel_all_ends_the_symbols_orders_only() -> None:
    rig = Rig(Market.FUTURES, symbols=(SYMBOL, "ETHUSDT"))
    orders = [rig.buy("1", "90"), rig.sell("1", "110")]
    other = rig.buy("1", "90", symbol="ETHUSDT")
    assert [order.order_id for order in rig.exchange.cancel_all("ann", SYMBOL)] == [one.order_id for one in orders]
    assert rig.exchange.open_orders("ann") == [other]


def test_orders_of_two_accounts_meet_at_the_makers_price(rig: Rig) -> None:
    maker = rig.sell("1", "100.5", who="bob")
    taker = rig.buy("1", "101")
    assert (taker.status, taker.average_price) == ("FILLED", D("100.5"))
    assert rig.order(maker).status == "FILLED"
    mine, theirs = rig.exchange.fills("ann")[0], rig.exchange.fills("bob")[0]
    assert mine.trade_id == theirs.trade_id
    assert (mine.is_maker, theirs.is_maker) == (False, True)
    trade = rig.exchange.last_trades(SYMBOL)[-1]
    assert (trade.id, trade.price, trade.quantity, trade.is_buyer_maker) == (mine.trade_id, D("100.5"), D(1), False)


@pytest.mark.parametrize(
    ("mode", "taker_status", "maker_status"),
    [
        ("NONE", "FILLED", "FILLED"),
        ("EXPIRE_TAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_MAKER", "FILLED", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
    ],
)
def test_self_trade_prevention(rig: Rig, mode: str, taker_status: str, maker_status: str) -> None:
    maker = rig.sell("1", "100.5")
    taker = rig.buy("1", "101", stp_mode=mode)
    assert (taker.status, rig.order(maker).status) == (taker_status, maker_status)
    prevented = "TRADE_PREVENTION" if rig.exchange.market is Market.SPOT else "EXPIRED"
    for order, status in ((taker, taker_status), (maker, maker_status)):
        if status == "EXPIRED_IN_MATCH":
            assert executions(rig, order)[-1] == (prevented, status)
            assert rig.order(order).prevented == 1


def test_a_drill_fills_a_resting_order_in_part_and_whole(rig: Rig) -> None:
    order = rig.buy("2", "99")
    fill = rig.exchange.fill("ann", order.order_id, D("0.5"))
    assert (fill.quantity, fill.price, fill.is_maker) == (D("0.5"), D(99), True)
    assert rig.order(order).status == "PARTIALLY_FILLED"
    assert refused(rig.exchange.fill, "ann", order.order_id, D("1.6")) == -4005
    assert refused(rig.exchange.fill, "ann", order.order_id, D("0.001")) == -4023
    assert refused(rig.exchange.fill, "ann", order.order_id, D("NaN")) == -1100
    assert refused(rig.exchange.fill, "ann", order.order_id, D("0.5"), D("99.5")) == -4016
    assert refused(rig.exchange.fill, "bob", order.order_id) == -2011
    assert rig.exchange.fill("ann", order.order_id).quantity == D("1.5")
    assert rig.order(order).status == "FILLED"
    assert refused(rig.exchange.fill, "ann", order.order_id) == -2011


def test_returned_orders_are_copies(rig: Rig) -> None:
    order = rig.buy("1", "90")
    rig.exchange.cancel("ann", SYMBOL, order_id=order.order_id)
    assert order.status == "NEW"
    rig.exchange.orders("ann", SYMBOL)[0].executed = D(9)
    rig.exchange.fills("ann").append(order)
    assert rig.exchange.fills("ann") == []
    assert rig.order(order).executed == 0


def test_a_spot_stop_waits_outside_of_the_book_and_then_sells(spot: Rig) -> None:
    order = spot.send("ann", SELL, OrderType.STOP_LOSS, quantity=D(1), stop_price=D(95))
    assert (order.status, order.is_working) == ("NEW", False)
    assert spot.locked("BTC") == 1
    assert spot.exchange.depth(SYMBOL).asks == ((D(101), D(10)),)
    spot.trade("95.5", "1", sold=True)
    assert spot.order(order).status == "NEW"
    spot.trade("95", "1", sold=True)
    assert (spot.order(order).status, spot.locked("BTC")) == ("FILLED", 0)
    assert [execution for execution, _ in executions(spot, order)] == ["NEW", "NEW", "TRADE"]


def test_a_spot_take_profit_limit_rests_once_triggered_and_can_be_cancelled_before(spot: Rig) -> None:
    facts = {"quantity": D(1), "stop_price": D(110), "price": D(112), "time_in_force": GTC}
    first = spot.send("ann", SELL, OrderType.TAKE_PROFIT_LIMIT, **facts)
    second = spot.send("ann", SELL, OrderType.TAKE_PROFIT_LIMIT, **facts)
    spot.exchange.cancel("ann", SYMBOL, order_id=first.order_id)
    spot.trade("110", "1", sold=False)
    assert spot.order(second).is_working
    assert spot.exchange.depth(SYMBOL).asks[-1] == (D(112), D(1))
    assert spot.order(first).status == "CANCELED"


def test_a_triggered_spot_stop_that_can_no_longer_be_paid_expires() -> None:
    rig = Rig(Market.SPOT, money="110")
    rig.quote("100", "101", "10")
    order = rig.send("ann", BUY, OrderType.STOP_LOSS, quantity=D(1), stop_price=D(110))
    rig.quote("114", "115", "10")
    assert rig.order(order).status == "EXPIRED"
    assert (rig.wallet(), rig.locked("USDT")) == (110, 0)


def test_spot_does_not_amend_and_has_no_positions(spot: Rig) -> None:
    order = spot.buy("1", "90")
    amend = {"order_id": order.order_id, "side": BUY, "quantity": D(1), "price": D(91)}
    assert refused(spot.exchange.amend, "ann", SYMBOL, **amend) == -1020
    assert spot.exchange.positions("ann", flat=True) == []
    assert spot.exchange.incomes("ann") == []
    for act in (spot.exchange.liquidate, spot.exchange.cancel_all_algo):
        assert refused(act, "ann", SYMBOL) == -1020


def test_listeners_hear_of_a_command_when_it_is_done_and_may_command(rig: Rig) -> None:
    heard: list[tuple[str, str]] = []

    def listen(event: Any) -> None:
        if not isinstance(event, OrderChanged):
            return
        heard.append((event.order.account, event.execution))
        if heard == [("ann", "NEW")]:
            assert rig.exchange.order("ann", SYMBOL, order_id=event.order.order_id).status == "FILLED"
            rig.market(BUY, "1", who="bob")

    later: list[str] = []
    rig.exchange.on_ledger(listen)
    rig.exchange.on_ledger(lambda event: later.append(event.order.account) if isinstance(event, OrderChanged) else None)
    rig.market(BUY, "1")
    assert later == ["ann", "ann", "bob", "bob"], "a later listener heard it in another order"
    assert heard == [("ann", "NEW"), ("ann", "TRADE"), ("bob", "NEW"), ("bob", "TRADE")]
