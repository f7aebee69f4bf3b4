"""Liquidation, auto-deleveraging and funding."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.venue.core.rig import BUY, SELL, SYMBOL, Rig, refused

from opslab.venue.events import AccountChanged, MarginCalled, OrderChanged
from opslab.venue.market import BookDelta
from opslab.venue.orders import Market, OrderType

D = Decimal


def small(money: str = "20") -> Rig:
    rig = Rig(Market.FUTURES, money=money)
    rig.quote("100", "101", "10")
    rig.mark("100")
    return rig


def test_a_position_is_liquidated_where_the_view_says_so() -> None:
    rig = small()
    rig.market(BUY, "3")
    price = rig.exchange.positions("ann")[0].liquidation_price
    rig.mark(str(price + D("0.1")))
    assert rig.position() == 3
    rig.mark(str(price - D("0.1")))
    assert rig.position() == 0


def test_thin_margin_is_told_once_and_again_after_there_was_enough() -> None:
    rig = small()
    rig.market(BUY, "3")
    price = rig.exchange.positions("ann")[0].liquidation_price

    def calls() -> int:
        return sum(isinstance(event, MarginCalled) for event in rig.exchange.log)

    told = []
    for mark in (price + 5, price + D("0.5"), price + D("0.3"), price + 6, price + D("0.5"), price - 1):
        rig.mark(str(mark))
        told.append(calls())
    assert told == [0, 1, 1, 1, 2, 2]
    (call, _) = (event for event in rig.exchange.log if isinstance(event, MarginCalled))
    assert (call.account, call.asset, call.positions) == ("ann", "USDT", ((SYMBOL, "BOTH"),))
    assert rig.position() == 0


def test_margin_is_thin_when_maintenance_takes_four_fifths_of_it() -> None:
    rig = small()
    rig.market(BUY, "3")
    for tenths in range(1000, 900, -1):
        rig.mark(str(D(tenths) / 10))
        view = rig.exchange.account("ann").asset("USDT")
        is_told = any(isinstance(event, MarginCalled) for event in rig.exchange.log)
        if rig.position() == 0:
            break
        assert is_told == (view.maintenance > view.margin_balance * D("0.8"))
    assert is_told


def test_a_margin_call_on_command_changes_nothing_but_the_log() -> None:
    rig = small()
    assert refused(rig.exchange.margin_call, "ann", SYMBOL) == -2024
    rig.market(BUY, "1")
    before = rig.exchange.snapshot()["accounts"]
    rig.exchange.margin_call("ann", SYMBOL)
    assert rig.exchange.snapshot()["accounts"] == before
    assert isinstance(rig.exchange.log[-1], MarginCalled)
    assert refused(Rig(Market.SPOT).exchange.margin_call, "ann", SYMBOL) == -1020


def test_a_short_is_liquidated_where_the_view_says_so() -> None:
    rig = small()
    rig.market(SELL, "3")
    price = rig.exchange.positions("ann")[0].liquidation_price
    assert price > 101
    rig.mark(str(price - D("0.1")))
    assert rig.position() == -3
    rig.mark(str(price + D("0.1")))
    assert rig.position() == 0


def test_a_liquidation_drops_orders_then_closes_at_the_mark_price() -> None:
    rig = small()
    rig.market(BUY, "3")
    order = rig.buy("0.1", "90")
    stop = rig.algo(SELL, OrderType.STOP_MARKET, stop_price=D(50), close_position=True)
    rig.mark("96")
    close = rig.exchange.orders("ann", SYMBOL)[-1]
    assert close.client_order_id.startswith("autoclose-")
    assert (close.status, close.average_price, close.command.side) == ("FILLED", 96, SELL)
    assert [event.execution for event in rig.exchange.log if isinstance(event, OrderChanged)][-1] == "CALCULATED"
    assert rig.order(order).status == "EXPIRED"
    assert rig.exchange.algo("ann", algo_id=stop.algo_id).status == "EXPIRED"
    fill = rig.exchange.fills("ann")[-1]
    assert fill.commission == 3 * 96 * D("0.0125")


def test_the_insurance_fund_pays_what_a_liquidation_left() -> None:
    rig = small()
    rig.market(BUY, "3")
    rig.mark("80")
    assert rig.wallet() == 0
    assert rig.exchange.log[-1].reason == "INSURANCE_CLEAR"
    assert rig.exchange.incomes("ann")[-1].kind == "INSURANCE_CLEAR"


def test_margin_that_is_gone_on_one_symbol_takes_the_others_along() -> None:
    rig = Rig(Market.FUTURES, symbols=(SYMBOL, "ETHUSDT"), money="30")
    for symbol in (SYMBOL, "ETHUSDT"):
        rig.quote("100", "101", "10", symbol)
        rig.mark("100", symbol=symbol)
        rig.market(BUY, "2", symbol=symbol)
    resting = rig.buy("0.1", "90", symbol="ETHUSDT")
    published: list[Any] = []
    rig.exchange.on_market(published.append)
    rig.mark("80")
    deltas = [one.event for one in published if isinstance(one.event, BookDelta)]
    assert [(delta.symbol, delta.bids) for delta in deltas] == [("ETHUSDT", ((D(90), D(0)),))]
    assert rig.exchange.positions("ann") == []
    assert rig.order(resting).status == "EXPIRED"
    assert rig.exchange.depth("ETHUSDT").bids == ((D(100), D(10)),)


def test_without_mark_prices_trades_liquidate() -> None:
    rig = Rig(Market.FUTURES, money="20")
    rig.quote("100", "101", "10")
    rig.market(BUY, "3")
    rig.trade("95", "1", sold=True)
    assert rig.position() == 0


def test_a_liquidation_on_command_leaves_other_symbols_alone() -> None:
    rig = Rig(Market.FUTURES, symbols=(SYMBOL, "ETHUSDT"))
    for symbol in (SYMBOL, "ETHUSDT"):
        rig.quote("100", "101", "10", symbol)
        rig.market(BUY, "2", symbol=symbol)
    orders = rig.exchange.liquidate("ann", SYMBOL)
    assert [order.status for order in orders] == ["FILLED"]
    assert (rig.position(), rig.position(symbol="ETHUSDT")) == (0, 2)
    assert rig.exchange.liquidate("ann", SYMBOL) == []


def test_auto_deleveraging_closes_part_of_a_position() -> None:
    rig = small("1000")
    assert refused(rig.exchange.adl, "ann", SYMBOL, D(1)) == -2024
    rig.market(SELL, "3")
    order = rig.exchange.adl("ann", SYMBOL, D(1))
    assert (order.client_order_id, order.command.side, order.average_price) == ("adl_autoclose", BUY, 100)
    assert rig.position() == -2
    assert refused(rig.exchange.adl, "ann", SYMBOL, D(3)) == -4005
    assert refused(rig.exchange.adl, "ann", SYMBOL, D(0)) == -4005
    assert refused(rig.exchange.adl, "ann", SYMBOL, D("0.001")) == -4023


def test_longs_pay_funding_to_shorts() -> None:
    rig = small("1000")
    rig.market(BUY, "2")
    rig.market(SELL, "1", who="bob")
    before = rig.wallet(), rig.wallet(who="bob")
    rig.exchange.fund(SYMBOL, D("0.01"))
    assert (rig.wallet() - before[0], rig.wallet(who="bob") - before[1]) == (-2, 1)
    event = rig.exchange.log[-1]
    assert refused(rig.exchange.fund, SYMBOL, D("1.1")) == -1130
    assert refused(rig.exchange.fund, SYMBOL, D("NaN")) == -1100
    assert isinstance(event, AccountChanged)
    assert (event.reason, event.balances[0].change, event.positions[0].symbol) == ("FUNDING_FEE", 1, SYMBOL)
    assert rig.exchange.incomes("bob")[-1].kind == "FUNDING_FEE"


def test_funding_is_paid_once_when_its_time_has_come() -> None:
    rig = small("1000")
    rig.market(BUY, "2")
    due = rig.now + 1000
    rig.mark("100", "0.01", due)
    before = rig.wallet()
    rig.exchange.tick()
    assert rig.wallet() == before
    rig.now = due
    rig.exchange.tick()
    rig.exchange.tick()
    assert rig.wallet() == before - 2
    rig.mark("100", "0.01", due)
    rig.now += 1000
    rig.mark("100", "0.02", rig.now + 1000)
    assert rig.wallet() == before - 2


def test_funding_is_paid_at_the_old_rate_when_the_next_mark_price_comes_late() -> None:
    rig = small("1000")
    rig.market(BUY, "2")
    rig.mark("100", "0.01", rig.now + 1000)
    before = rig.wallet()
    rig.now += 5000
    rig.mark("100", "0.5", rig.now + 1000)
    assert rig.wallet() == before - 2
