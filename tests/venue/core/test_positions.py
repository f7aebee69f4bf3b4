"""Futures money: positions, profit, fees, margin."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.venue.core.rig import BUY, FOK, GTX, LONG, SELL, SHORT, SYMBOL, Rig, refused

from opslab.venue.orders import Market, OrderType

D = Decimal


def test_a_round_trip_realises_profit_and_pays_fees_in_the_settlement_currency(futures: Rig) -> None:
    futures.market(BUY, "2")
    futures.quote("110", "111", "10")
    futures.market(SELL, "2")
    opened, closed = futures.exchange.fills("ann")
    assert (opened.commission, closed.commission, closed.realized) == (D("0.101"), D("0.11"), D(18))
    assert futures.wallet() == 100000 + 18 - D("0.211")
    assert futures.exchange.positions("ann") == []
    kinds = [(income.kind, income.amount) for income in futures.exchange.incomes("ann")]
    assert kinds[1:] == [("COMMISSION", D("-0.101")), ("REALIZED_PNL", D(18)), ("COMMISSION", D("-0.11"))]


def test_a_maker_pays_the_maker_fee(futures: Rig) -> None:
    order = futures.buy("1", "100.5")
    futures.exchange.fill("ann", order.order_id)
    assert futures.exchange.fills("ann")[0].commission == D("100.5") * D("0.0002")


def test_adding_moves_the_entry_price_and_a_flip_starts_a_new_one(futures: Rig) -> None:
    futures.market(BUY, "1")
    futures.quote("102", "103", "10")
    futures.market(BUY, "1")
    view = futures.exchange.positions("ann")[0]
    assert (view.amount, view.entry_price) == (2, 102)
    futures.market(SELL, "5")
    view = futures.exchange.positions("ann")[0]
    assert (view.amount, view.entry_price, view.realized) == (-3, 102, 0)
    assert view.break_even_price == 102 - 102 * D("0.0005")


def test_figures_follow_the_mark_price(futures: Rig) -> None:
    futures.mark("100")
    futures.market(BUY, "2")
    futures.mark("110")
    view = futures.exchange.positions("ann")[0]
    assert (view.mark, view.unrealized, view.notional) == (110, 18, 220)
    assert (view.initial_margin, view.maintenance) == (11, D("5.5"))
    asset = futures.exchange.account("ann").asset("USDT")
    assert asset.margin_balance == asset.wallet + 18
    assert asset.available == asset.margin_balance - 11


def test_open_orders_need_margin_of_the_larger_side(futures: Rig) -> None:
    futures.mark("100")
    futures.buy("2", "90")
    futures.sell("1", "110")
    assert futures.exchange.account("ann").asset("USDT").order_margin == 9
    futures.market(BUY, "1")
    asset = futures.exchange.account("ann").asset("USDT")
    assert (asset.position_margin, asset.order_margin) == (5, 9)
    futures.exchange.cancel_all("ann", SYMBOL)
    assert futures.exchange.account("ann").asset("USDT").order_margin == 0


@pytest.mark.parametrize("side", [BUY, SELL])
def test_orders_of_either_side_need_margin_while_nothing_is_held(futures: Rig, side: Any) -> None:
    futures.mark("100")
    (futures.buy if side is BUY else futures.sell)("2", "90" if side is BUY else "110")
    assert futures.exchange.account("ann").asset("USDT").order_margin == (9 if side is BUY else 11)


@pytest.mark.parametrize(("quantity", "code"), [("3.998", None), ("4.002", -2019)])
def test_margin_limits_what_can_be_opened(quantity: str, code: int | None) -> None:
    rig = Rig(Market.FUTURES, money="20")
    rig.quote("100", "101", "10")
    act = (rig.buy, quantity, "100")
    if code is None:
        assert rig.buy(quantity, "100").status == "NEW"
    else:
        assert refused(*act) == code
        assert refused(rig.market, BUY, quantity) == code


def test_closing_needs_no_margin() -> None:
    rig = Rig(Market.FUTURES, money="20")
    rig.quote("100", "101", "10")
    rig.market(BUY, "3.6")
    rig.mark("98")
    assert refused(rig.market, BUY, "1") == -2019
    assert rig.market(SELL, "3.6").status == "FILLED"


def test_reduce_only_orders_never_turn_a_position(futures: Rig) -> None:
    futures.market(BUY, "1")
    assert refused(futures.market, BUY, "1", reduce_only=True) == -2022
    order = futures.market(SELL, "3", reduce_only=True)
    assert (order.status, order.executed) == ("EXPIRED", 1)
    assert futures.position() == 0


def test_a_resting_reduce_only_order_is_capped_and_the_others_expire_with_the_position(futures: Rig) -> None:
    futures.market(BUY, "1")
    orders = [futures.sell("2", "105", reduce_only=True), futures.sell("1", "106", reduce_only=True)]
    futures.quote("107", "108", "10")
    assert [futures.order(order).status for order in orders] == ["EXPIRED", "EXPIRED"]
    assert (futures.order(orders[0]).executed, futures.order(orders[1]).executed) == (1, 0)
    assert futures.position() == 0


def test_a_taker_meets_no_more_of_a_reducing_order_than_its_position(futures: Rig) -> None:
    futures.market(BUY, "1", who="bob")
    order = futures.sell("2", "100.5", who="bob", reduce_only=True)
    taker = futures.market(BUY, "2")
    assert (taker.executed, taker.cumulative_quote) == (2, D("100.5") + 101)
    assert (futures.order(order).executed, futures.position("bob")) == (1, 0)


def test_a_fok_order_counts_a_position_once_however_many_orders_would_reduce_it(futures: Rig) -> None:
    futures.market(BUY, "1", who="bob")
    for _ in range(2):
        futures.sell("1", "100.5", who="bob", reduce_only=True)
    assert futures.buy("2", "100.5", time_in_force=FOK).executed == 0
    assert futures.buy("1", "100.5", time_in_force=FOK).executed == 1


def test_small_reducing_orders_are_free_of_the_notional_filter(futures: Rig) -> None:
    futures.market(BUY, "1")
    assert futures.market(SELL, "0.002", reduce_only=True).status == "FILLED"


def test_hedge_mode_keeps_long_and_short_apart(futures: Rig) -> None:
    futures.exchange.set_hedge_mode("ann", True)
    assert refused(futures.market, BUY, "1") == -4061
    assert refused(futures.market, BUY, "1", position_side=LONG, reduce_only=True) == -1106
    futures.market(BUY, "2", position_side=LONG)
    futures.market(SELL, "1", position_side=SHORT)
    amounts = {view.side: view.amount for view in futures.exchange.positions("ann")}
    assert amounts == {"LONG": 2, "SHORT": -1}
    assert refused(futures.market, SELL, "3", position_side=LONG) == -2022
    assert refused(futures.market, BUY, "2", position_side=SHORT) == -2022
    futures.market(SELL, "2", position_side=LONG)
    futures.market(BUY, "1", position_side=SHORT)
    assert futures.exchange.positions("ann") == []
    assert [view.side for view in futures.exchange.positions("ann", flat=True)] == ["LONG", "SHORT"]


def test_settings_refuse_what_changes_nothing_or_comes_too_late(futures: Rig) -> None:
    exchange = futures.exchange
    assert refused(exchange.set_leverage, "ann", SYMBOL, 0) == -4028
    assert refused(exchange.set_leverage, "ann", SYMBOL, 21) == -4028
    exchange.set_leverage("ann", SYMBOL, 5)
    assert exchange.account("ann").leverage == {SYMBOL: 5}
    assert refused(exchange.set_margin_type, "ann", SYMBOL, "CROSSED") == -4046
    assert refused(exchange.set_margin_type, "ann", SYMBOL, "BOTH") == -1102
    assert refused(exchange.set_hedge_mode, "ann", False) == -4059
    futures.buy("1", "90")
    assert refused(exchange.set_margin_type, "ann", SYMBOL, "ISOLATED") == -4047
    assert refused(exchange.set_hedge_mode, "ann", True) == -4067
    exchange.cancel_all("ann", SYMBOL)
    futures.market(BUY, "1")
    assert refused(exchange.set_margin_type, "ann", SYMBOL, "ISOLATED") == -4048
    assert refused(exchange.set_hedge_mode, "ann", True) == -4068
    futures.market(SELL, "1")
    exchange.set_margin_type("ann", SYMBOL, "ISOLATED")
    assert exchange.account("ann").margin_types == {SYMBOL: "ISOLATED"}


def test_leverage_that_the_margin_does_not_cover_is_refused() -> None:
    rig = Rig(Market.FUTURES, money="20")
    rig.quote("100", "101", "10")
    rig.buy("3", "100")
    assert refused(rig.exchange.set_leverage, "ann", SYMBOL, 1) == -2028
    assert rig.exchange.account("ann").leverage[SYMBOL] == 20


def amend(rig: Rig, order: Any, quantity: str, price: str, **more: Any) -> Any:
    facts = {"order_id": order.order_id, "side": order.command.side} | more
    return rig.exchange.amend("ann", SYMBOL, quantity=D(quantity), price=D(price), **facts)


def test_an_amended_order_keeps_its_id_and_its_place_only_when_it_shrinks(futures: Rig) -> None:
    mine, theirs = futures.buy("2", "100.5"), futures.buy("1", "100.5", who="bob")
    assert amend(futures, mine, "1", "100.5").order_id == mine.order_id
    futures.trade("100.5", "1", sold=True)
    assert (futures.order(mine).status, futures.order(theirs).executed) == ("FILLED", 0)


def test_an_order_that_grows_goes_behind_the_others(futures: Rig) -> None:
    mine, theirs = futures.buy("1", "100.5"), futures.buy("1", "100.5", who="bob")
    amend(futures, mine, "2", "100.5")
    futures.trade("100.5", "2", sold=True)
    assert (futures.order(theirs).status, futures.order(mine).executed) == ("FILLED", 1)


def test_an_order_that_shrinks_at_another_price_loses_its_place(futures: Rig) -> None:
    mine, theirs = futures.buy("2", "99.5"), futures.buy("1", "100.5", who="bob")
    amend(futures, mine, "1", "100.5")
    futures.trade("100.5", "1", sold=True)
    assert (futures.order(mine).executed, futures.order(theirs).executed) == (0, 1)
    assert futures.exchange.depth(SYMBOL).bids == ((D("100.5"), D(1)), (D(100), D(10)))


def test_an_amendment_may_take(futures: Rig) -> None:
    order = futures.buy("1", "90")
    assert amend(futures, order, "2", "101").status == "FILLED"
    assert futures.exchange.fills("ann")[0].price == 101


def test_an_amendment_below_what_filled_cancels(futures: Rig) -> None:
    order = futures.buy("2", "90")
    futures.exchange.fill("ann", order.order_id, D(1))
    assert amend(futures, order, "1", "91").status == "CANCELED"


def test_a_post_only_order_amended_into_the_market_is_cancelled(futures: Rig) -> None:
    order = futures.buy("2", "90", time_in_force=GTX)
    assert amend(futures, order, "2", "101").status == "CANCELED"


def test_amendments_are_refused_with_their_codes(futures: Rig) -> None:
    order = futures.buy("1", "90")
    before = futures.exchange.digest()
    assert refused(amend, futures, order, "1", "90") == -5027
    assert refused(amend, futures, order, "1", "90.2") == -4014
    assert refused(amend, futures, order, "1.001", "90") == -4023
    assert refused(amend, futures, order, "0.05", "90") == -4164
    assert refused(amend, futures, order, "1", "160") == -4016
    assert refused(amend, futures, order, "1", "91", side=SELL) == -1117
    assert refused(amend, futures, order, "1", "91", order_id=99) == -2013
    assert futures.exchange.digest() == before
    futures.exchange.cancel("ann", SYMBOL, order_id=order.order_id)
    assert refused(amend, futures, order, "1", "91") == -2013


def test_an_amendment_asks_for_the_margin_that_it_adds() -> None:
    rig = Rig(Market.FUTURES, money="20")
    rig.quote("100", "101", "10")
    order = rig.buy("3", "100")
    assert refused(amend, rig, order, "5", "100") == -2019
    assert amend(rig, order, "3.9", "100").status == "NEW"


def test_spot_money_moves_with_its_fee_in_what_is_received(spot: Rig) -> None:
    spot.market(BUY, "2")
    assert (spot.wallet("BTC"), spot.wallet()) == (52 - D("0.001"), 100000 - 202)
    spot.market(SELL, "2")
    assert (spot.wallet("BTC"), spot.wallet()) == (50 - D("0.001"), 100000 - 202 + 200 - D("0.1"))
    assert [fill.commission_asset for fill in spot.exchange.fills("ann")] == ["BTC", "USDT"]


def test_spot_locks_what_orders_need_and_frees_what_they_do_not(spot: Rig) -> None:
    buy, sell = spot.buy("2", "90"), spot.sell("3", "120")
    assert (spot.locked("USDT"), spot.locked("BTC")) == (180, 3)
    spot.exchange.fill("ann", buy.order_id, D("0.5"))
    assert spot.locked("USDT") == 135
    spot.exchange.cancel("ann", SYMBOL, order_id=sell.order_id)
    assert spot.locked("BTC") == 0
    spot.buy("2", "105")
    assert spot.locked("USDT") == 135


def test_money_comes_and_goes_on_command(spot: Rig, futures: Rig) -> None:
    for rig in (spot, futures):
        rig.exchange.credit("ann", "USDT", D(5))
        assert rig.wallet() == 100005
        assert refused(rig.exchange.credit, "ann", "USDT", D(-100006)) == -2018
        assert refused(rig.exchange.credit, "ann", "USDT", D(0)) == -2018
        assert refused(rig.exchange.credit, "ann", "no asset", D(1)) == -1108
        for amount in ("NaN", "1e99", "1e-9"):
            assert refused(rig.exchange.credit, "ann", "USDT", D(amount)) == -1102
        rig.exchange.credit("ann", "USDT", D(-5))
        assert [event.reason for event in rig.exchange.log][-2:] == ["DEPOSIT", "WITHDRAW"]


def test_a_new_tick_size_counts_from_the_next_order(futures: Rig) -> None:
    order = futures.buy("1", "90.5")
    listing = futures.exchange.listings[SYMBOL]
    coarse = type(listing)(instrument=listing.instrument.model_copy(update={"tick_size": D(1)}))
    futures.exchange.relist(SYMBOL, coarse)
    assert refused(futures.buy, "1", "91.5") == -4014
    assert futures.exchange.listings[SYMBOL] is coarse
    assert futures.exchange.fill("ann", order.order_id).price == D("90.5")
    assert refused(futures.exchange.set_status, SYMBOL, "MAYBE") == -1122


def test_a_conditional_type_is_no_plain_order_and_the_other_way_round(futures: Rig) -> None:
    assert refused(futures.send, "ann", BUY, OrderType.STOP_MARKET, quantity=D(1), stop_price=D(110)) == -4120
    assert refused(futures.algo, BUY, OrderType.LIMIT, quantity=D(1), price=D(90)) == -1116
