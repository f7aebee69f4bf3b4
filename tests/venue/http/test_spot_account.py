from __future__ import annotations

import pytest
from nautilus_trader.adapters.binance.spot.schemas.account import BinanceSpotAccountInfo
from nautilus_trader.adapters.binance.spot.schemas.wallet import BinanceSpotTradeFee
from tests.venue.http.client import Now
from tests.venue.http.spot_world import SpotWorld
from tests.venue.stream.payload_cases import decoded

from opslab.venue.stream.listen_keys import ListenKeys


@pytest.fixture
def world() -> SpotWorld:
    return SpotWorld()


def balances(world, **params):
    body = world.client.ok("GET", "/api/v3/account", **params)
    return {each["asset"]: (each["free"], each["locked"]) for each in body["balances"]}


def test_an_account_reads_as_the_adapter_reads_it(world):
    found = decoded(world.client.ok("GET", "/api/v3/account"), BinanceSpotAccountInfo)

    assert (found.canTrade, found.accountType.value, found.makerCommission, found.takerCommission) == (
        True,
        "SPOT",
        2,
        4,
    )
    assert found.permissions == ["SPOT"]


def test_an_open_order_locks_what_it_needs(world):
    world.limit(price="59000.00", quantity="0.010")

    assert balances(world)["USDT"] == ("99410.00000000", "590.00000000")


def test_empty_balances_can_be_left_out(world):
    world.client.ok("POST", "/api/v3/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="1")
    world.client.ok("POST", "/api/v3/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="1")

    assert balances(world)["BTC"] == ("0.00000000", "0.00000000")
    assert "BTC" not in balances(world, omitZeroBalances="true")


def test_fees_are_told_by_symbol(world):
    found = decoded(world.client.ok("GET", "/sapi/v1/asset/tradeFee"), list[BinanceSpotTradeFee])

    assert [(each.symbol, each.makerCommission) for each in found] == [("BTCUSDT", "0.0002"), ("ETHUSDT", "0.0002")]
    assert len(world.client.ok("GET", "/sapi/v1/asset/tradeFee", symbol="BTCUSDT")) == 1
    assert world.client.code("GET", "/sapi/v1/asset/tradeFee", symbol="NONE") == -1121
    rates = world.client.ok("GET", "/api/v3/account/commission", symbol="BTCUSDT")
    assert rates["standardCommission"]["taker"] == "0.00040000"


def test_placed_orders_are_counted(world):
    world.limit()

    counts = world.client.ok("GET", "/api/v3/rateLimit/order")

    assert [(each["interval"], each["count"]) for each in counts] == [("SECOND", 1), ("DAY", 1)]


def test_the_coins_of_the_listings_are_told(world):
    coins = {each["coin"]: each["free"] for each in world.client.ok("GET", "/sapi/v1/capital/config/getall")}

    assert coins == {"BTC": "2.00000000", "USDT": "100000.00000000", "ETH": "0.00000000"}


@pytest.mark.parametrize(
    ("path", "part"),
    [("account/status", {"data": "Normal"}), ("account/apiRestrictions", {"enableReading": True})],
)
def test_what_clients_ask_at_the_start_is_answered(world, path, part):
    body = world.client.ok("GET", f"/sapi/v1/{path}")

    assert body.items() >= part.items()


def test_there_are_no_isolated_margin_pairs(world):
    assert world.client.ok("GET", "/sapi/v1/margin/isolated/allPairs") == []


def test_a_venue_without_user_streams_has_no_listen_keys(world):
    reply = world.client.raw("POST", "/api/v3/userDataStream")

    assert (reply.status, reply.body["code"]) == (410, -1016)


def test_listen_keys_are_made_prolonged_and_closed(world):
    now = Now()
    world.desk.listen_keys = ListenKeys(now, lambda: "k" * 64)

    key = world.client.raw("POST", "/api/v3/userDataStream").body["listenKey"]

    assert key == "k" * 64
    assert world.client.raw("PUT", "/api/v3/userDataStream", f"listenKey={key}").body == {}
    assert world.client.raw("PUT", "/api/v3/userDataStream", "listenKey=other").body["code"] == -1125
    assert world.client.raw("PUT", "/api/v3/userDataStream").body["code"] == -1102
    assert world.client.raw("DELETE", "/api/v3/userDataStream", f"listenKey={key}").body == {}
    assert world.client.raw("POST", "/api/v3/userDataStream", key="").status == 401
    assert world.errors() == []
    assert key not in str([record.facts for record in world.wire.records()])
