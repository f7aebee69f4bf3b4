"""Futures account payloads, decoded with the adapter's own structures, and their numbers field by field."""

from __future__ import annotations

from typing import Any

import pytest
from nautilus_trader.adapters.binance.futures.enums import BinanceFuturesEnumParser
from nautilus_trader.adapters.binance.futures.schemas import account as futures_account
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.identifiers import AccountId, InstrumentId
from tests.venue.http.client import T0
from tests.venue.http.futures_samples import FIGURES, D, decode, listing

from opslab.venue.http.futures import payloads_account, payloads_info
from opslab.venue.views import AccountView, AssetView, Income, PositionView

_REPORT: dict[str, Any] = {
    "account_id": AccountId("BINANCE-001"),
    "instrument_id": InstrumentId.from_str("BTCUSDT-PERP.BINANCE"),
    "report_id": UUID4(),
    "ts_init": 0,
}


def _position(**changes: Any) -> PositionView:
    facts: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": "BOTH",
        "amount": D("-0.02"),
        "entry_price": D(60000),
        "break_even_price": D("59990.5"),
        "mark": D(60100),
        "unrealized": D(-2),
        "realized": D(0),
        "liquidation_price": D("4000000.5"),
        "leverage": 20,
        "margin_type": "CROSSED",
        "settlement": "USDT",
        "initial_margin": D("60.1"),
        "order_margin": D(5),
        "maintenance": D(30),
        "update_ms": T0,
    }
    return PositionView(**(facts | changes))


@pytest.mark.parametrize("version", [2, 3])
def test_positions_read_back(version):
    facts = payloads_account.position_risk(_position(), FIGURES, version=version)
    found = decode(facts, futures_account.BinanceFuturesPositionRisk)
    report = found.parse_to_position_status_report(enum_parser=BinanceFuturesEnumParser(), **_REPORT)
    assert str(report.quantity) == "0.020"
    assert (found.positionAmt, found.entryPrice, found.unRealizedProfit) == ("-0.020", "60000.00", "-2.00000000")
    assert facts["notional"] == "-1202.00000000"
    assert ("leverage" in facts) is (version == 2)


def test_an_isolated_position_has_a_margin_of_its_own():
    facts = payloads_account.position_risk(_position(margin_type="ISOLATED"), FIGURES, version=2)
    assert (facts["marginType"], facts["isolatedMargin"], facts["isolatedWallet"]) == (
        "isolated",
        "58.10000000",
        "60.10000000",
    )


def test_the_account_reads_back_and_its_totals_are_sums():
    assets = (
        AssetView("USDT", D(1000), D(0), D(-2), D("60.1"), D(5), D(30), 0),
        AssetView("USDC", D(500), update_ms=T0),
    )
    view = AccountView("main", "futures", assets, (), False, {}, {}, {}, {}, True, T0)
    facts = payloads_account.permissions(view) | payloads_account.totals(assets)
    facts["assets"] = [payloads_account.asset(each, T0) for each in assets]
    found = decode(facts, futures_account.BinanceFuturesAccountInfo)
    assert found.totalWalletBalance == "1500.00000000"
    assert found.assets[0].availableBalance == "932.90000000"
    assert found.assets[0].updateTime == T0
    assert [str(each.total) for each in found.parse_to_account_balances()] == [
        "1000.00000000 USDT",
        "500.00000000 USDC",
    ]


def test_unrealised_profit_cannot_be_withdrawn():
    assert payloads_account.withdrawable(AssetView("USDT", D(100), unrealized=D(50))) == D(100)
    assert payloads_account.withdrawable(AssetView("USDT", D(100), unrealized=D(-50))) == D(50)


def test_settings_and_incomes_read_back():
    config = payloads_account.symbol_config("BTCUSDT", "CROSSED", 20)
    assert decode(config, futures_account.BinanceFuturesSymbolConfig).leverage == 20
    row = payloads_account.income(Income(1, "BTCUSDT", "COMMISSION", D("-0.1"), "USDT", T0, 9))
    assert (row["income"], row["tradeId"], row["info"]) == ("-0.10000000", "9", "9")


def test_brackets_are_numbers():
    found = payloads_info.brackets(listing())["brackets"][0]
    assert (found["initialLeverage"], found["maintMarginRatio"]) == (20, 0.025)
