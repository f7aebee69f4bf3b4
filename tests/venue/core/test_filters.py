"""Every filter refuses with Binance's code, and what it refuses leaves no trace."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.venue.core.rig import BUY, GTC, GTD, GTX, IOC, LONG, SELL, SYMBOL, Rig, refused

from opslab.venue.orders import Market, NewOrder, OrderType, Side
from opslab.venue.refusal import Refusal

D = Decimal
LIMIT, MARKET = OrderType.LIMIT, OrderType.MARKET


def refusal(rig: Rig, **order: Any) -> tuple[int, str]:
    before = rig.exchange.digest(), rig.exchange.depth(SYMBOL)
    facts = {"symbol": SYMBOL, "side": BUY, "type": LIMIT, "quantity": D(1), "price": D(90), "time_in_force": GTC}
    with pytest.raises(Refusal) as caught:
        rig.exchange.submit("ann", NewOrder(**(facts | order)))
    assert before == (rig.exchange.digest(), rig.exchange.depth(SYMBOL))
    return caught.value.code, caught.value.message


FUTURES = [
    ({"symbol": "NOPE"}, -1121),
    ({"price": D("90.2")}, -4014),
    ({"price": D("90.25")}, -1111),
    ({"price": D(0)}, -4001),
    ({"price": D("-1")}, -4001),
    ({"price": D("0.1")}, -4013),
    ({"price": D("1e300")}, -4002),
    ({"price": D("NaN")}, -1100),
    ({"price": D("-Infinity")}, -1100),
    ({"price": None}, -1102),
    ({"price": D(152)}, -4016),
    ({"side": SELL, "price": D(50)}, -4024),
    ({"quantity": None}, -1102),
    ({"quantity": D(0)}, -4003),
    ({"quantity": D(-1)}, -4003),
    ({"quantity": D("sNaN")}, -1100),
    ({"quantity": D("1.001")}, -4023),
    ({"quantity": D("1.0001")}, -1111),
    ({"quantity": D("1e-400")}, -1111),
    ({"quantity": D("100.002")}, -4005),
    ({"quantity": D("0.05")}, -4164),
    ({"quantity": D("1e30")}, -4005),
    ({"time_in_force": None}, -1102),
    ({"stop_price": D(90)}, -1106),
    ({"type": MARKET}, -1106),
    ({"type": MARKET, "price": None}, -1106),
    ({"type": MARKET, "price": None, "time_in_force": None, "quantity": D("0.04")}, -4164),
    ({"type": OrderType.STOP_MARKET, "price": None, "time_in_force": None, "stop_price": D(120)}, -4120),
    ({"type": OrderType.LIMIT_MAKER, "time_in_force": None}, -1116),
    ({"quote_quantity": D(10)}, -1106),
    ({"time_in_force": GTD}, -1102),
    ({"time_in_force": GTD, "good_till_ms": 1_700_000_600_000}, -5040),
    ({"good_till_ms": 1_800_000_600_000}, -1106),
    ({"client_order_id": "x" * 37}, -4015),
    ({"client_order_id": "a b"}, -4015),
    ({"stp_mode": "WHAT"}, -5039),
    ({"position_side": LONG}, -4061),
    ({"reduce_only": True}, -2022),
    ({"close_position": True}, -4136),
    ({"time_in_force": GTX, "price": D(101)}, -5022),
    ({"quantity": D(60), "price": D(100)}, None),
]


@pytest.mark.parametrize(("order", "code"), FUTURES)
def test_futures_refuse_with_their_code(futures: Rig, order: dict[str, Any], code: int | None) -> None:
    if code is None:
        assert futures.exchange.submit("ann", NewOrder(SYMBOL, BUY, LIMIT, time_in_force=GTC, **order)).status == "NEW"
    else:
        assert refusal(futures, **order)[0] == code


SPOT = [
    ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
    ({"price": D("90.2")}, -1013, "Filter failure: PRICE_FILTER"),
    ({"price": D("90.123456789")}, -1111, "Parameter 'price' has too much precision."),
    ({"price": D(0)}, -1013, "Invalid price."),
    ({"price": D("1e300")}, -1013, "Filter failure: PRICE_FILTER"),
    ({"price": D("NaN")}, -1100, "Illegal characters found in parameter 'price'."),
    ({"price": D(152)}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    ({"price": D(50)}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    ({"quantity": D("0.001")}, -1013, "Filter failure: LOT_SIZE"),
    ({"quantity": D("1.001")}, -1013, "Filter failure: LOT_SIZE"),
    ({"quantity": D(102)}, -1013, "Filter failure: LOT_SIZE"),
    ({"quantity": D("1.000000001")}, -1111, "Parameter 'quantity' has too much precision."),
    ({"quantity": D(0)}, -1013, "Invalid quantity."),
    ({"quantity": D("0.05")}, -1013, "Filter failure: NOTIONAL"),
    ({"quantity": None}, -1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."),
    ({"time_in_force": GTX}, -1115, "Invalid timeInForce."),
    ({"time_in_force": GTD}, -1115, "Invalid timeInForce."),
    ({"type": OrderType.STOP_MARKET}, -1116, "Invalid orderType."),
    ({"type": OrderType.TRAILING_STOP_MARKET}, -1116, "Invalid orderType."),
    ({"reduce_only": True}, -1106, "Parameter 'reduceOnly' sent when not required."),
    ({"position_side": LONG}, -1106, "Parameter 'positionSide' sent when not required."),
    ({"client_order_id": "ä"}, -1100, "Illegal characters found in parameter 'newClientOrderId'."),
    ({"stop_price": D(95)}, -1106, "Parameter 'stopPrice' sent when not required."),
    ({"quote_quantity": D(95)}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
    (
        {"type": OrderType.LIMIT_MAKER, "price": D(101), "time_in_force": None},
        -2010,
        "Order would immediately match and take.",
    ),
    (
        {"type": OrderType.STOP_LOSS, "price": None, "time_in_force": None, "stop_price": D(100)},
        -2010,
        "Order would trigger immediately.",
    ),
    ({"side": SELL, "quantity": D(52)}, -2010, "Account has insufficient balance for requested action."),
]


@pytest.mark.parametrize(("order", "code", "message"), SPOT)
def test_spot_refuses_with_its_code_and_names_the_filter(
    spot: Rig, order: dict[str, Any], code: int, message: str
) -> None:
    assert refusal(spot, **order) == (code, message)


def test_a_buy_that_the_quote_balance_does_not_cover_is_refused() -> None:
    rig = Rig(Market.SPOT, money="100")
    rig.quote("100", "101", "10")
    assert refusal(rig, price=D(100), quantity=D("1.002"))[0] == -2010
    assert rig.buy("1", "100").status == "NEW"
    assert refusal(rig, price=D(90))[0] == -2010


def test_a_market_order_that_the_balance_does_not_cover_is_refused() -> None:
    rig = Rig(Market.SPOT, money="100")
    rig.quote("100", "101", "10")
    order = {"type": MARKET, "price": None, "time_in_force": None}
    assert refusal(rig, **order)[0] == -2010
    assert refusal(rig, **order, side=SELL, quantity=D("50.002"))[0] == -2010


def test_quote_quantities_are_checked() -> None:
    rig = Rig(Market.SPOT)
    rig.quote("100", "101", "10")
    order = {"type": MARKET, "price": None, "time_in_force": None, "quantity": None}
    assert refusal(rig, **order, quote_quantity=D(4)) == (-1013, "Filter failure: NOTIONAL")
    assert refusal(rig, **order, quote_quantity=D("NaN"))[0] == -1100
    assert refusal(rig, **order, quote_quantity=D(-4))[0] == -1013
    assert refusal(rig, **order, quote_quantity=D("1e99"))[0] == -1013
    assert refusal(rig, **order, quote_quantity=D("9.123456789"))[0] == -1111
    assert refusal(rig, **order, quote_quantity=D(200_000))[0] == -2010


def test_a_quote_quantity_below_one_lot_is_refused() -> None:
    rig = Rig(Market.SPOT, min_notional=D(0), min_quantity=D("0.1"))
    rig.quote("100", "101", "10")
    order = NewOrder(SYMBOL, BUY, MARKET, quote_quantity=D(5))
    with pytest.raises(Refusal, match="LOT_SIZE"):
        rig.exchange.submit("ann", order)


def test_the_largest_market_order_may_be_smaller() -> None:
    rig = Rig(Market.FUTURES, market_max_quantity=D(2))
    rig.quote("100", "101", "10")
    assert refused(rig.market, BUY, "2.002") == -4005
    assert rig.market(BUY, "2").status == "FILLED"
    spot = Rig(Market.SPOT, market_max_quantity=D(2))
    spot.quote("100", "101", "10")
    with pytest.raises(Refusal, match="MARKET_LOT_SIZE"):
        spot.market(BUY, "2.002")


def test_a_market_order_outside_of_the_price_band_is_refused(futures: Rig) -> None:
    futures.mark("60")
    assert refused(futures.market, BUY, "1") == -4131
    futures.mark("250")
    assert refused(futures.market, SELL, "1") == -4131


@pytest.mark.parametrize(("market", "code"), [(Market.FUTURES, -2025), (Market.SPOT, -1013)])
def test_too_many_open_orders_are_refused(market: Market, code: int) -> None:
    rig = Rig(market, max_orders=2)
    rig.quote("100", "101", "10")
    first = rig.buy("1", "90")
    rig.buy("1", "91")
    assert refused(rig.buy, "1", "92") == code
    rig.exchange.cancel("ann", SYMBOL, order_id=first.order_id)
    assert rig.buy("1", "92").status == "NEW"


def test_too_many_waiting_stops_are_refused_on_spot() -> None:
    rig = Rig(Market.SPOT, max_algo_orders=1)
    rig.quote("100", "101", "10")
    stop = {"quantity": D(1), "stop_price": D(90)}
    rig.send("ann", SELL, OrderType.STOP_LOSS, **stop)
    with pytest.raises(Refusal, match="MAX_NUM_ALGO_ORDERS"):
        rig.send("ann", SELL, OrderType.STOP_LOSS, **stop)


@pytest.mark.parametrize(("market", "code"), [(Market.FUTURES, -4116), (Market.SPOT, -2010)])
def test_a_client_id_is_taken_while_its_order_lives(market: Market, code: int) -> None:
    rig = Rig(market)
    rig.quote("100", "101", "10")
    first = rig.buy("1", "90", client_order_id="mine")
    assert refused(rig.buy, "1", "91", client_order_id="mine") == code
    assert rig.buy("1", "91", who="bob", client_order_id="mine").status == "NEW"
    rig.exchange.cancel("ann", SYMBOL, client_order_id="mine")
    second = rig.buy("1", "91", client_order_id="mine")
    assert rig.exchange.order("ann", SYMBOL, client_order_id="mine").order_id == second.order_id
    assert rig.exchange.order("ann", SYMBOL, order_id=first.order_id).status == "CANCELED"


@pytest.mark.parametrize(("market", "code"), [(Market.FUTURES, -4108), (Market.SPOT, -1013)])
@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY"])
def test_a_market_that_does_not_trade_takes_cancels_only(market: Market, code: int, status: str) -> None:
    rig = Rig(market)
    rig.quote("100", "101", "10")
    order = rig.buy("1", "100")
    rig.exchange.set_status(SYMBOL, status)
    assert refused(rig.buy, "1", "90") == code
    rig.trade("99", "5", sold=True)
    assert rig.order(order).status == "NEW"
    rig.exchange.set_status(SYMBOL, "TRADING")
    rig.exchange.set_status(SYMBOL, status)
    assert rig.exchange.cancel("ann", SYMBOL, order_id=order.order_id).status == "CANCELED"


def test_steps_finer_than_any_sum_can_hold_are_still_checked() -> None:
    rig = Rig(
        Market.FUTURES,
        money="1e30",
        size_precision=16,
        step_size=D("1e-16"),
        min_quantity=None,
        max_quantity=None,
        price_precision=16,
        tick_size=D("1e-16"),
    )
    assert rig.buy("900000000000000.1", "100000.5").status == "NEW"
    assert refused(rig.buy, "1.00000000000000001", "100000") == -1111


def test_a_check_refuses_as_a_submit_does_and_changes_nothing(futures: Rig) -> None:
    before = futures.exchange.digest()
    futures.exchange.check("ann", NewOrder(SYMBOL, BUY, LIMIT, D(1), D(90), time_in_force=IOC))
    assert (
        refused(futures.exchange.check, "ann", NewOrder(SYMBOL, BUY, LIMIT, D(1), D("90.2"), time_in_force=IOC))
        == -4014
    )
    assert futures.exchange.digest() == before
    assert not futures.exchange.orders("ann", SYMBOL)


def test_an_unknown_account_or_symbol_is_refused_everywhere(futures: Rig) -> None:
    exchange = futures.exchange
    for ask in (exchange.best, exchange.depth, exchange.last_trades, exchange.klines, exchange.mark, exchange.ticker):
        assert refused(ask, "NOPE") == -1121
    for ask in (exchange.open_orders, exchange.orders, exchange.fills, exchange.positions, exchange.algos):
        assert refused(ask, "ann", "NOPE") == -1121
    for ask in (exchange.account, exchange.open_orders, exchange.incomes, exchange.fills):
        assert refused(ask, "zoe") == -2015
    assert refused(exchange.submit, "zoe", NewOrder(SYMBOL, Side.BUY, MARKET, D(1))) == -2015
