from __future__ import annotations

import pytest
from nautilus_trader.adapters.binance.common.schemas.market import (
    BinanceAggregatedTradeData,
    BinanceCandlestickData,
    BinanceOrderBookData,
    BinanceQuoteData,
    BinanceTickerData,
)
from nautilus_trader.adapters.binance.futures.schemas.market import (
    BinanceFuturesMarkPriceData,
    BinanceFuturesTradeData,
)
from nautilus_trader.adapters.binance.futures.schemas.user import (
    BinanceFuturesAccountUpdateMsg,
    BinanceFuturesAlgoUpdateMsg,
    BinanceFuturesOrderUpdateMsg,
    BinanceFuturesTradeLiteMsg,
    BinanceFuturesUserMsgData,
    MarginCallPosition,
)
from tests.venue.stream import payload_cases as cases
from tests.venue.stream.payload_cases import NOW, d, decoded

from opslab.venue.events import AccountChanged, AlgoChanged, BalanceState, Execution, PositionState, SettingChanged
from opslab.venue.orders import AlgoOrder, AlgoStatus, NewOrder, OrderStatus, OrderType, Side
from opslab.venue.stream.futures_events import listen_key_expired, margin_call, payloads
from opslab.venue.stream.futures_market import stream_payload

SHOWN = cases.showing()
ORDER_FIELDS = {
    "s",
    "c",
    "S",
    "o",
    "f",
    "q",
    "p",
    "ap",
    "sp",
    "x",
    "X",
    "i",
    "l",
    "z",
    "L",
    "T",
    "t",
    "b",
    "a",
    "m",
    "R",
    "wt",
    "ot",
    "ps",
    "pP",
    "si",
    "ss",
    "rp",
    "gtd",
}


def update(*args):
    return decoded(payloads(cases.changed(*args), SHOWN)[-1], BinanceFuturesOrderUpdateMsg)


@pytest.mark.parametrize("execution", list(Execution))
def test_every_execution_type_reads_as_an_order_update(execution):
    payload = payloads(cases.changed(execution, cases.order()), SHOWN)[-1]

    assert decoded(payload, BinanceFuturesOrderUpdateMsg).o.x.value == execution.value
    assert set(payload["o"]) >= ORDER_FIELDS


def test_a_fill_is_told_short_first_and_then_in_full():
    order = cases.order(status=OrderStatus.PARTIALLY_FILLED, executed=d("0.004"), cumulative_quote=d("239.998"))

    lite, full = payloads(cases.changed(Execution.TRADE, order, cases.fill()), SHOWN)

    short = decoded(lite, BinanceFuturesTradeLiteMsg)
    assert (short.l, short.L, short.t, short.m, short.i, short.c) == ("0.004", "59999.50", 31, True, 7, "O-1")
    found = decoded(full, BinanceFuturesOrderUpdateMsg).o
    assert (found.l, found.L, found.z, found.ap, found.t) == ("0.004", "59999.50", "0.004", "59999.50", 31)
    assert (found.n, found.N, found.rp, found.m) == ("0.09599920", "USDT", "-1.25000000", True)
    assert (found.b, found.a) == ("360.00000000", "0")


def test_a_change_without_a_fill_has_no_commission():
    (payload,) = payloads(cases.changed(Execution.NEW, cases.order()), SHOWN)

    assert not {"n", "N"} & set(payload["o"])
    assert payload["o"]["ap"] == "0"


def test_a_liquidation_is_called_so():
    order = cases.order(client_order_id="autoclose-1700", command={"type": OrderType.MARKET, "price": None})

    found = update(Execution.CALCULATED, order, cases.fill()).o

    assert (found.o.value, found.ot.value, found.x.value) == ("LIQUIDATION", "LIQUIDATION", "CALCULATED")


def test_a_mean_price_keeps_the_digits_that_it_needs():
    order = cases.order(executed=d("0.003"), cumulative_quote=d("180.0001"))

    assert update(Execution.TRADE, order, cases.fill()).o.ap == "60000.03333333"


def test_a_trailing_stop_bears_activation_and_callback():
    command = {
        "type": OrderType.TRAILING_STOP_MARKET,
        "price": None,
        "callback_rate": d("1"),
        "activation_price": d("61000"),
    }

    found = update(Execution.NEW, cases.order(command=command)).o

    assert (found.AP, found.cr) == ("61000.00", "1")


def account(reason: str = "ORDER", change: str = "-0.5") -> AccountChanged:
    balance = BalanceState("USDT", d("1000"), d("0"), d(change))
    held = PositionState("BTCUSDT", "BOTH", d("-0.010"), d("60000.125"), d("3"), d("-0.25"))
    return AccountChanged(4, NOW, cases.ACCOUNT, reason, (balance,), (held,))


def test_an_account_update_bears_balances_and_positions():
    (payload,) = payloads(account(), SHOWN)

    found = decoded(payload, BinanceFuturesAccountUpdateMsg).a
    assert (found.m.value, found.B[0].wb, found.B[0].cw, found.B[0].bc) == (
        "ORDER",
        "1000.00000000",
        "1000.00000000",
        "0",
    )
    held = found.P[0]
    assert (held.s, held.pa, held.ep, held.cr, held.up) == (
        "BTCUSDT", "-0.010", "60000.125", "3.00000000", "-0.25000000",
    )  # fmt: skip
    assert (held.mt, held.iw, held.ps.value) == ("cross", "0", "BOTH")


def test_funding_is_a_change_of_balance():
    (payload,) = payloads(account("FUNDING_FEE", "-0.5"), SHOWN)

    assert decoded(payload, BinanceFuturesAccountUpdateMsg).a.B[0].bc == "-0.50000000"


def test_an_isolated_position_is_not_in_the_cross_wallet():
    shown = cases.showing(views=[cases.position(margin_type="ISOLATED")])

    (payload,) = payloads(account(), shown)

    assert payload["a"]["B"][0]["cw"] == "970.00000000"
    assert (payload["a"]["P"][0]["mt"], payload["a"]["P"][0]["iw"]) == ("isolated", "30.00000000")


def algo(status: AlgoStatus, **changes) -> AlgoChanged:
    command = NewOrder(
        "BTCUSDT", Side.SELL, OrderType.STOP_MARKET, quantity=d("0.010"), stop_price=d("59000"), reduce_only=True
    )
    found = AlgoOrder(99, cases.ACCOUNT, command, "A-1", status, NOW - 9, NOW, **changes)
    return AlgoChanged(5, NOW, found)


@pytest.mark.parametrize("status", list(AlgoStatus))
def test_every_state_of_a_conditional_order_reads_as_an_algo_update(status):
    (payload,) = payloads(algo(status), SHOWN)

    found = decoded(payload, BinanceFuturesAlgoUpdateMsg).o
    assert (found.X.value, found.caid, found.aid, found.o.value) == (status.value, "A-1", 99, "STOP_MARKET")
    assert (found.tp, found.p, found.q, found.R, found.ai) == ("59000.00", "0", "0.010", True, "")


def test_a_triggered_conditional_order_names_the_order_that_it_became():
    shown = cases.showing(found=cases.order(executed=d("0.010"), cumulative_quote=d("600")))

    (payload,) = payloads(algo(AlgoStatus.FINISHED, order_id=7), shown)

    found = decoded(payload, BinanceFuturesAlgoUpdateMsg).o
    assert (found.ai, found.ap, found.aq, found.tt) == ("7", "60000.00", "0.010", NOW)


def test_a_change_of_leverage_is_told():
    (payload,) = payloads(SettingChanged(1, NOW, cases.ACCOUNT, "leverage", "BTCUSDT", "5"), SHOWN)

    assert (payload["e"], payload["ac"]) == ("ACCOUNT_CONFIG_UPDATE", {"s": "BTCUSDT", "l": 5})


def test_a_change_of_margin_type_reads_as_an_account_update():
    (payload,) = payloads(SettingChanged(1, NOW, cases.ACCOUNT, "margin_type", "BTCUSDT", "ISOLATED"), SHOWN)

    assert decoded(payload, BinanceFuturesAccountUpdateMsg).a.m.value == "MARGIN_TYPE_CHANGE"


def test_a_change_of_position_mode_is_not_told():
    assert payloads(SettingChanged(1, NOW, cases.ACCOUNT, "hedge_mode", "", "true"), SHOWN) == []


def test_a_margin_call_bears_the_positions_in_danger():
    payload = margin_call(NOW, d("3.5"), [cases.position()], SHOWN)

    assert decoded(payload, BinanceFuturesUserMsgData).e.value == "MARGIN_CALL"
    found = decoded(payload["p"][0], MarginCallPosition)
    assert (found.pa, found.mt, found.mm, payload["cw"]) == ("0.010", "CROSSED", "15.00000000", "3.50000000")


def test_the_end_of_a_listen_key_names_it():
    payload = listen_key_expired("k" * 64, NOW)

    assert decoded(payload, BinanceFuturesUserMsgData).e.value == "listenKeyExpired"
    assert payload["listenKey"] == "k" * 64


def on(name, event):
    return stream_payload(name, cases.published(event), SHOWN, NOW)


MARKET = [
    ("btcusdt@trade", cases.trade(), BinanceFuturesTradeData),
    ("btcusdt@aggTrade", cases.trade(), BinanceAggregatedTradeData),
    ("btcusdt@bookTicker", SHOWN.best("BTCUSDT"), BinanceQuoteData),
    ("btcusdt@kline_1m", cases.candle(0), BinanceCandlestickData),
    ("btcusdt@depth@0ms", cases.delta(), BinanceOrderBookData),
    ("btcusdt@depth20@100ms", cases.delta(), BinanceOrderBookData),
    ("btcusdt@markPrice@1s", cases.mark(), BinanceFuturesMarkPriceData),
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


def test_depth_bears_the_ids_of_the_change_and_of_the_one_before():
    payload = on("btcusdt@depth@0ms", cases.delta())

    assert (payload["U"], payload["u"], payload["pu"]) == (204, 205, 203)
    assert (payload["b"], payload["a"]) == ([["59999.90", "0.000"]], [["60000.10", "2.500"]])


def test_partial_depth_shows_the_best_levels():
    payload = on("btcusdt@depth5@0ms", cases.delta())

    assert (len(payload["b"]), len(payload["a"]), payload["b"][0]) == (5, 5, ["59999.90", "1.000"])


def test_every_symbol_can_be_heard_on_one_stream():
    assert on("!bookTicker", SHOWN.best("BTCUSDT"))["u"] == 205
    assert on("!markPrice@arr@1s", cases.mark())[0]["r"] == "-0.00010000"
