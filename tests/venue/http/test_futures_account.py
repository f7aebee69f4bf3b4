"""The futures account over REST, from the client's side."""

from __future__ import annotations

from decimal import Decimal

import pytest
from nautilus_trader.adapters.binance.futures.schemas import account as schemas
from tests.venue.http.client import T0
from tests.venue.http.futures_samples import decode
from tests.venue.http.futures_world import SYMBOL, FuturesWorld


@pytest.fixture
def world():
    found = FuturesWorld()
    yield found
    assert found.errors() == []


def test_a_fresh_account_has_its_balance_and_no_position(world):
    found = decode(world.client.ok("GET", "/fapi/v2/account"), schemas.BinanceFuturesAccountInfo)
    (usdt,) = found.assets
    assert (usdt.asset, usdt.walletBalance, usdt.availableBalance) == ("USDT", "100000.00000000", "100000.00000000")
    assert usdt.updateTime
    assert world.client.ok("GET", "/fapi/v3/positionRisk") == []
    assert [row["positionAmt"] for row in world.client.ok("GET", "/fapi/v2/positionRisk", symbol=SYMBOL)] == ["0.000"]


def test_a_position_shows_everywhere_the_same(world):
    world.buy_market("0.010")
    (risk,) = world.client.ok("GET", "/fapi/v3/positionRisk")
    decode(risk, schemas.BinanceFuturesPositionRisk)
    assert (risk["positionAmt"], risk["entryPrice"], risk["positionSide"]) == ("0.010", "60000.10", "BOTH")
    (old,) = world.client.ok("GET", "/fapi/v2/positionRisk", symbol=SYMBOL)
    assert {key: old[key] for key in old.keys() & risk.keys()} == {key: risk[key] for key in old.keys() & risk.keys()}
    for version in ("v2", "v3"):
        account = world.client.ok("GET", f"/fapi/{version}/account")
        (held,) = [row for row in account["positions"] if Decimal(row["positionAmt"])]
        assert held["positionAmt"] == "0.010"
        assert account["totalWalletBalance"] == "99999.75999960"
        (balance,) = world.client.ok("GET", f"/fapi/{version}/balance")
        assert balance["balance"] == "99999.75999960"
        assert balance["availableBalance"] == account["assets"][0]["availableBalance"]


def test_a_symbol_with_an_open_order_is_told_although_flat(world):
    world.place()
    (risk,) = world.client.ok("GET", "/fapi/v3/positionRisk")
    assert (risk["positionAmt"], Decimal(risk["openOrderInitialMargin"])) == ("0.000", Decimal("29.5"))


def test_incomes_tell_what_changed_the_wallet(world):
    world.buy_market()
    rows = world.client.ok("GET", "/fapi/v1/income", incomeType="COMMISSION")
    assert [(row["income"], row["symbol"], row["time"]) for row in rows] == [("-0.24000040", SYMBOL, T0)]
    assert world.client.ok("GET", "/fapi/v1/income", symbol="ETHUSDT") == []


def test_leverage_is_set_and_told(world):
    answer = world.client.ok("POST", "/fapi/v1/leverage", symbol=SYMBOL, leverage=5)
    assert decode(answer, schemas.BinanceFuturesLeverage).leverage == 5
    rows = world.client.ok("GET", "/fapi/v1/symbolConfig")
    assert {row["symbol"]: decode(row, schemas.BinanceFuturesSymbolConfig).leverage for row in rows}[SYMBOL] == 5
    before = world.exchange.digest()
    for wrong in (0, 126, -1):
        assert world.client.code("POST", "/fapi/v1/leverage", symbol=SYMBOL, leverage=wrong) == -4028
    assert world.exchange.digest() == before


def test_margin_type_is_set_once(world):
    answer = world.client.ok("POST", "/fapi/v1/marginType", symbol=SYMBOL, marginType="ISOLATED")
    assert decode(answer, schemas.BinanceFuturesMarginTypeResponse).code == 200
    assert world.client.code("POST", "/fapi/v1/marginType", symbol=SYMBOL, marginType="ISOLATED") == -4046
    assert world.client.code("POST", "/fapi/v1/marginType", symbol=SYMBOL, marginType="cross") == -1130


def test_hedge_mode_is_set_once_and_keeps_sides_apart(world):
    dual = "/fapi/v1/positionSide/dual"
    assert decode(world.client.ok("GET", dual), schemas.BinanceFuturesDualSidePosition).dualSidePosition is False
    assert world.client.code("POST", dual, dualSidePosition="false") == -4059
    assert world.client.ok("POST", dual, dualSidePosition="true") == {"code": 200, "msg": "success"}
    assert world.client.ok("GET", dual) == {"dualSidePosition": True}
    world.buy_market(positionSide="LONG")
    world.buy_market(positionSide="SHORT", side="SELL")
    rows = world.client.ok("GET", "/fapi/v3/positionRisk")
    assert {row["positionSide"]: row["positionAmt"] for row in rows if Decimal(row["positionAmt"])} == {
        "LONG": "0.010",
        "SHORT": "-0.010",
    }
    assert world.client.code("POST", "/fapi/v1/order", **world.limit(positionSide="LONG", reduceOnly="true")) == -1106


def test_fees_brackets_and_account_settings_are_told(world):
    assert world.client.ok("GET", "/fapi/v1/commissionRate", symbol=SYMBOL) == {
        "symbol": SYMBOL,
        "makerCommissionRate": "0.0002",
        "takerCommissionRate": "0.0004",
    }
    assert world.client.ok("GET", "/fapi/v1/leverageBracket", symbol=SYMBOL)["symbol"] == SYMBOL
    assert len(world.client.ok("GET", "/fapi/v1/leverageBracket")) == 2
    assert world.client.ok("GET", "/fapi/v1/multiAssetsMargin") == {"multiAssetsMargin": False}
    assert world.client.ok("GET", "/fapi/v1/accountConfig")["canTrade"] is True


def test_a_listen_key_is_made_kept_and_ended(world):
    path = "/fapi/v1/listenKey"

    def send(method):
        reply = world.client.raw(method, path)
        return reply.status, reply.body

    assert send("PUT") == (400, {"code": -1125, "msg": "This listenKey does not exist."})
    key = send("POST")[1]["listenKey"]
    assert send("POST")[1]["listenKey"] == key
    assert send("PUT") == (200, {"listenKey": key})
    assert send("DELETE") == (200, {})
    assert send("PUT")[1]["code"] == -1125
    assert world.client.raw("POST", path, key="").body["code"] == -2014
    assert key not in str(world.wire.records())
