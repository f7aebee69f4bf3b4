from __future__ import annotations

from decimal import Decimal

import pytest
from nautilus_trader.adapters.binance.common.schemas.market import (
    BinanceAggregatedTradeData,
    BinanceCandlestickData,
    BinanceOrderBookData,
    BinanceQuoteData,
    BinanceTickerData,
)
from nautilus_trader.adapters.binance.spot.schemas.market import (
    BinanceSpotOrderBookPartialDepthData,
    BinanceSpotTradeData,
)
from nautilus_trader.adapters.binance.spot.schemas.user import (
    BinanceSpotAccountUpdateMsg,
    BinanceSpotOrderUpdateData,
    BinanceSpotUserMsgData,
)
from tests.venue.stream import payload_cases as cases
from tests.venue.stream.payload_cases import NOW, d, decoded

from opslab.venue.events import AccountChanged, BalanceState, Execution, SettingChanged
from opslab.venue.orders import OrderStatus, OrderType
from opslab.venue.stream.owner import owner_of
from opslab.venue.stream.spot_events import payloads
from opslab.venue.stream.spot_market import stream_payload

SHOWN = cases.showing(spot=True)


def report(*args):
    return decoded(payloads(cases.changed(*args), SHOWN)[0], BinanceSpotOrderUpdateData)


@pytest.mark.parametrize("execution", list(Execution))
def test_every_execution_type_reads_as_an_execution_report(execution):
    found = report(execution, cases.order())

    assert found.x.value == execution.value


def test_a_fill_bears_its_price_quantity_and_commission():
    order = cases.order(status=OrderStatus.PARTIALLY_FILLED, executed=d("0.004"), cumulative_quote=d("239.998"))

    found = report(Execution.TRADE, order, cases.fill())

    assert (found.l, found.L, found.z, found.t) == ("0.004", "59999.50", "0.004", 31)
    assert (found.n, found.N, found.m) == ("0.09599920", "USDT", True)
    assert (found.Z, found.Y) == ("239.99800000", "239.99800000")
    assert (found.X.value, found.w) == ("PARTIALLY_FILLED", True)


def test_a_report_without_a_fill_has_no_commission_and_no_trade():
    found = report(Execution.NEW, cases.order())

    assert (found.n, found.N, found.t, found.l, found.L) == ("0", None, -1, "0.000", "0.00")
    assert (found.c, found.C, found.q, found.p) == ("O-1", "", "0.010", "60000.00")


def test_a_cancel_names_the_order_in_the_field_of_the_original_id():
    found = report(Execution.CANCELED, cases.order(status=OrderStatus.CANCELED))

    assert found.C == "O-1"
    assert found.c not in ("", "O-1")
    assert found.w is False


def test_a_stop_that_waits_is_not_on_the_book():
    command = {"type": OrderType.STOP_LOSS_LIMIT, "stop_price": d("61000")}

    found = report(Execution.NEW, cases.order(command=command, is_working=False))

    assert (found.o.value, found.P, found.w, found.W) == ("STOP_LOSS_LIMIT", "61000.00", False, None)


def test_a_triggered_stop_keeps_its_type():
    found = report(Execution.TRADE, cases.order(orig_type=OrderType.STOP_LOSS_LIMIT), cases.fill())

    assert found.o.value == "STOP_LOSS_LIMIT"


def balance(change: str = "5", reason: str = "ORDER") -> AccountChanged:
    state = BalanceState("USDT", d("100"), d("40"), d(change))
    return AccountChanged(3, NOW, cases.ACCOUNT, reason, (state,), ())


def test_a_balance_is_free_and_locked():
    (payload,) = payloads(balance(), SHOWN)

    found = decoded(payload, BinanceSpotAccountUpdateMsg)

    assert [(each.a, each.f, each.l) for each in found.B] == [("USDT", "60.00000000", "40.00000000")]
    assert found.parse_to_account_balances()[0].total.as_decimal() == Decimal(100)


def test_a_deposit_also_gives_a_balance_update():
    position, update = payloads(balance("5", "DEPOSIT"), SHOWN)

    assert decoded(position, BinanceSpotUserMsgData).e.value == "outboundAccountPosition"
    assert decoded(update, BinanceSpotUserMsgData).e.value == "balanceUpdate"
    assert (update["a"], update["d"]) == ("USDT", "5.00000000")


def test_settings_are_no_news_on_spot():
    assert payloads(SettingChanged(1, NOW, cases.ACCOUNT, "leverage", "BTCUSDT", "5"), SHOWN) == []


def test_every_event_has_an_owner():
    assert {owner_of(event) for event in (cases.changed(Execution.NEW, cases.order()), balance())} == {cases.ACCOUNT}


def on(name, event):
    return stream_payload(name, cases.published(event), SHOWN, NOW)


MARKET = [
    ("btcusdt@trade", cases.trade(), BinanceSpotTradeData),
    ("btcusdt@aggTrade", cases.trade(), BinanceAggregatedTradeData),
    ("btcusdt@bookTicker", SHOWN.best("BTCUSDT"), BinanceQuoteData),
    ("btcusdt@kline_1m", cases.candle(0), BinanceCandlestickData),
    ("btcusdt@depth@100ms", cases.delta(), BinanceOrderBookData),
    ("btcusdt@depth10@100ms", cases.delta(), BinanceSpotOrderBookPartialDepthData),
    ("btcusdt@ticker", cases.trade(), BinanceTickerData),
]


@pytest.mark.parametrize(("name", "event", "kind"), MARKET, ids=[name for name, _, _ in MARKET])
def test_market_payloads_read_as_the_adapter_reads_them(name, event, kind):
    decoded(on(name, event), kind)


@pytest.mark.parametrize(("name", "event", "kind"), MARKET, ids=[name for name, _, _ in MARKET])
def test_a_stream_says_nothing_of_other_symbols_and_other_changes(name, event, kind):
    assert on(name.replace("btcusdt", "ethusdt"), event) is None
    for other in (cases.trade(), SHOWN.best("BTCUSDT"), cases.candle(0), cases.delta(), cases.mark()):
        assert type(other) is type(event) or on(name, other) is None


def test_numbers_bear_the_decimals_of_the_instrument():
    assert on("btcusdt@trade", cases.trade())["p"] == "60000.10"
    assert on("btcusdt@bookTicker", SHOWN.best("BTCUSDT"))["B"] == "1.500"
    assert on("btcusdt@depth", cases.delta())["b"] == [["59999.90", "0.000"]]


def test_depth_bears_the_ids_of_the_change_and_no_futures_fields():
    payload = on("btcusdt@depth", cases.delta())

    assert (payload["U"], payload["u"]) == (204, 205)
    assert not {"pu", "T"} & set(payload)


def test_partial_depth_has_so_many_levels_and_the_id_of_the_book():
    payload = on("btcusdt@depth5@1000ms", cases.delta())

    assert set(payload) == {"lastUpdateId", "bids", "asks"}
    assert (payload["lastUpdateId"], len(payload["bids"]), len(payload["asks"])) == (205, 5, 5)


def test_array_streams_send_lists():
    (mini,) = on("!miniTicker@arr", cases.trade())

    assert (mini["e"], mini["c"], mini["v"]) == ("24hrMiniTicker", "60000.00", "10.000")
    assert on("!ticker@arr", cases.trade())[0]["P"] == "1.695"


def test_the_stream_of_mean_prices_follows_trades():
    assert on("btcusdt@avgPrice", cases.trade())["w"] == "60000.00"


@pytest.mark.parametrize(
    "name",
    ["btcusdt@markPrice", "BTCUSDT@trade", "btcusdt", "", "@", "btcusdt@depth7", "btcusdt@depth@7ms", "!trade@arr"],
)
def test_names_that_spot_does_not_have_stay_silent(name):
    for event in (cases.trade(), cases.delta(), cases.mark(), cases.candle(0)):
        assert on(name, event) is None
