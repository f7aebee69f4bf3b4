"""Futures payloads, decoded with the adapter's own structures, and their numbers field by field."""

from __future__ import annotations

from typing import Any

import pytest
from nautilus_trader.adapters.binance.common.schemas import account as common_account
from nautilus_trader.adapters.binance.futures.enums import BinanceFuturesEnumParser
from nautilus_trader.adapters.binance.futures.schemas import account as futures_account
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.identifiers import AccountId, InstrumentId
from tests.venue.http.client import T0
from tests.venue.http.futures_samples import FIGURES, D, decode, order

from opslab.venue.http.futures import payloads_order
from opslab.venue.orders import (
    AlgoOrder,
    AlgoStatus,
    Fill,
    NewOrder,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)

_REPORT: dict[str, Any] = {
    "account_id": AccountId("BINANCE-001"),
    "instrument_id": InstrumentId.from_str("BTCUSDT-PERP.BINANCE"),
    "report_id": UUID4(),
    "ts_init": 0,
}


def test_an_order_reads_back_as_the_adapter_reads_it():
    found = decode(payloads_order.found_order(order(), FIGURES), common_account.BinanceOrder)
    report = found.parse_to_order_status_report(
        enum_parser=BinanceFuturesEnumParser(), treat_expired_as_canceled=False, **_REPORT
    )
    assert str(report.price) == "60000.10"
    assert str(report.quantity) == "0.020"
    assert str(report.filled_qty) == "0.006"
    assert report.avg_px == D("60000.08333333")


def test_an_orders_numbers_bear_the_instruments_decimals():
    facts = payloads_order.commanded_order(order(), FIGURES)
    assert facts["price"] == "60000.10"
    assert facts["origQty"] == "0.020"
    assert facts["executedQty"] == facts["cumQty"] == "0.006"
    assert facts["cumQuote"] == "360.00050000"
    assert facts["stopPrice"] == "0.00"
    assert "time" not in facts


def test_an_acknowledged_order_tells_nothing_of_what_filled_at_once():
    facts = payloads_order.acknowledged_order(order(), FIGURES)
    assert (facts["status"], facts["executedQty"], facts["avgPrice"]) == ("NEW", "0.000", "0.00")


def test_a_market_order_is_told_as_good_till_cancelled():
    command = NewOrder(symbol="BTCUSDT", side=Side.SELL, type=OrderType.MARKET, quantity=D("1"))
    facts = payloads_order.found_order(order(command=command, price=D(0)), FIGURES)
    assert decode(facts, common_account.BinanceOrder).timeInForce is not None
    assert facts["price"] == "0.00"


def _algo(**changes: Any) -> AlgoOrder:
    command: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": Side.SELL,
        "type": OrderType.STOP_MARKET,
        "quantity": D("0.01"),
        "stop_price": D(50000),
        "time_in_force": TimeInForce.GTC,
    }
    return AlgoOrder(3, "main", NewOrder(**(command | changes)), "A-1", AlgoStatus.NEW, T0, T0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"type": OrderType.STOP, "price": D(49000)},
        {
            "type": OrderType.TRAILING_STOP_MARKET,
            "stop_price": None,
            "callback_rate": D("1.5"),
            "activation_price": D(51000),
        },
    ],
)
def test_a_conditional_order_reads_back_as_the_adapter_reads_it(changes):
    found = decode(payloads_order.found_algo(_algo(**changes), None, FIGURES), futures_account.BinanceFuturesAlgoOrder)
    report = found.parse_to_order_status_report(enum_parser=BinanceFuturesEnumParser(), **_REPORT)
    assert str(report.quantity) == "0.010"
    assert report.venue_order_id.value == "3"


def test_a_triggered_conditional_order_names_the_order_it_became():
    facts = payloads_order.found_algo(_algo(), order(), FIGURES)
    assert facts["actualOrderId"] == "7"
    assert facts["actualPrice"] == "60000.08333333"


def test_a_closing_order_has_no_quantity():
    facts = payloads_order.commanded_algo(_algo(quantity=None, close_position=True), FIGURES)
    assert facts["quantity"] is None
    assert facts["closePosition"] is True


@pytest.mark.parametrize("side", list(Side))
def test_a_fill_reads_back_as_the_adapter_reads_it(side):
    fill = Fill(
        9, 7, "C-1", "main", "BTCUSDT", side, D("60000.1"), D("0.006"), D("0.144"), "USDT", D("1.5"), True,
        PositionSide.BOTH, T0,
    )  # fmt: skip
    facts = payloads_order.found_fill(fill, FIGURES)
    report = decode(facts, common_account.BinanceUserTrade).parse_to_fill_report(**_REPORT)
    assert str(report.commission) == "0.14400000 USDT"
    assert facts["quoteQty"] == "360.00060000"
    assert (facts["buyer"], facts["maker"], facts["realizedPnl"]) == (side is Side.BUY, True, "1.50000000")
    assert report.order_side.name == side.value
