from __future__ import annotations

import json
from decimal import Decimal

import pytest
from nautilus_trader.adapters.binance.common.schemas.market import (
    BinanceAggTrade,
    BinanceDepth,
    BinanceKline,
    BinanceTicker24hr,
    BinanceTickerBook,
    BinanceTickerPrice,
    BinanceTime,
    BinanceTrade,
)
from nautilus_trader.adapters.binance.spot.schemas.market import BinanceSpotAvgPrice, BinanceSpotExchangeInfo
from tests.venue.http.client import T0
from tests.venue.http.spot_world import MINUTE, SpotWorld
from tests.venue.stream.payload_cases import decoded, listing

from opslab.venue.http.spot.listing_payload import exchange_info, filters


@pytest.fixture
def world() -> SpotWorld:
    return SpotWorld()


def ok(world, path, **params):
    reply = world.client.public(path, **params)
    assert reply.status == 200, reply
    return reply.body


def code(world, path, **params):
    reply = world.client.public(path, **params)
    assert reply.status == 400, reply
    return reply.body["code"]


ONE = {"symbol": "BTCUSDT"}
SHAPES = [
    ("time", {}, BinanceTime),
    ("exchangeInfo", {}, BinanceSpotExchangeInfo),
    ("exchangeInfo", ONE, BinanceSpotExchangeInfo),
    ("depth", ONE, BinanceDepth),
    ("trades", ONE, list[BinanceTrade]),
    ("historicalTrades", ONE, list[BinanceTrade]),
    ("aggTrades", ONE, list[BinanceAggTrade]),
    ("klines", ONE | {"interval": "1m"}, list[BinanceKline]),
    ("uiKlines", ONE | {"interval": "5m"}, list[BinanceKline]),
    ("avgPrice", ONE, BinanceSpotAvgPrice),
    ("ticker/24hr", ONE, BinanceTicker24hr),
    ("ticker/24hr", ONE | {"type": "MINI"}, BinanceTicker24hr),
    ("ticker/24hr", {}, list[BinanceTicker24hr]),
    ("ticker/price", ONE, BinanceTickerPrice),
    ("ticker/price", {}, list[BinanceTickerPrice]),
    ("ticker/bookTicker", ONE, BinanceTickerBook),
    ("ticker/bookTicker", {}, list[BinanceTickerBook]),
]


@pytest.mark.parametrize(("path", "params", "kind"), SHAPES)
def test_answers_read_as_the_adapter_reads_them(world, path, params, kind):
    body = ok(world, f"/api/v3/{path}", **params)

    found = decoded(body, kind)

    assert found is not None
    if isinstance(body, list):
        assert (type(found), len(found)) == (list, len(body))


def test_symbols_can_be_chosen_by_a_list(world):
    body = ok(world, "/api/v3/exchangeInfo", symbols='["ETHUSDT"]')

    assert [each["symbol"] for each in body["symbols"]] == ["ETHUSDT"]


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        ('["NONE"]', -1121),
        ('["BTCUSDT","BTCUSDT"]', -1151),
        ("[]", -1130),
        ("[1]", -1130),
        ("{}", -1130),
        ("[", -1130),
        ("", -1102),
    ],
)
def test_a_bad_list_of_symbols_is_refused(world, symbols, expected):
    assert code(world, "/api/v3/exchangeInfo", symbols=symbols) == expected


def test_a_symbol_and_a_list_together_are_refused(world):
    assert code(world, "/api/v3/ticker/price", symbol="BTCUSDT", symbols='["BTCUSDT"]') == -1128


def test_filters_are_what_the_exchange_enforces():
    named = {each["filterType"]: each for each in filters(listing(spot=True, min_quantity=Decimal("0.002")))}

    assert named["PRICE_FILTER"]["tickSize"] == "0.01"
    assert (named["LOT_SIZE"]["minQty"], named["LOT_SIZE"]["stepSize"]) == ("0.002", "0.001")
    assert named["NOTIONAL"]["minNotional"] == "5.00000000"
    assert named["MAX_NUM_ORDERS"]["maxNumOrders"] == 200


def test_the_adapter_finds_precisions_in_the_filters():
    info = decoded(exchange_info([listing(spot=True)], [], T0), BinanceSpotExchangeInfo)

    named = {each.filterType.value: each for each in info.symbols[0].filters}
    assert (named["PRICE_FILTER"].tickSize, named["LOT_SIZE"].stepSize) == ("0.01", "0.001")


def test_the_book_has_so_many_levels_best_first(world):
    body = ok(world, "/api/v3/depth", symbol="BTCUSDT", limit=3)

    assert body["bids"] == [["59999.90", "1.000"], ["59998.90", "1.000"], ["59997.90", "1.000"]]
    assert body["asks"][0] == ["60000.10", "2.000"]


def test_an_own_order_is_in_the_public_book(world):
    world.limit(price="59999.95")

    assert ok(world, "/api/v3/depth", symbol="BTCUSDT", limit=1)["bids"] == [["59999.95", "0.010"]]
    assert ok(world, "/api/v3/ticker/bookTicker", symbol="BTCUSDT")["bidPrice"] == "59999.95"


def test_trades_come_oldest_first_and_from_an_id_on(world):
    ids = [each["id"] for each in ok(world, "/api/v3/trades", symbol="BTCUSDT")]
    assert ids == sorted(ids)
    assert len(ids) == 5

    assert [each["id"] for each in ok(world, "/api/v3/trades", symbol="BTCUSDT", limit=2)] == ids[-2:]
    assert [each["a"] for each in ok(world, "/api/v3/aggTrades", symbol="BTCUSDT", fromId=ids[1], limit=2)] == ids[1:3]
    later = ok(world, "/api/v3/aggTrades", symbol="BTCUSDT", startTime=T0 - 497)
    assert [each["a"] for each in later] == ids[3:]


def test_candles_open_at_the_start_or_later_and_are_never_rounded_down(world):
    everything = ok(world, "/api/v3/klines", symbol="BTCUSDT", interval="1m")
    opened = [each[0] for each in everything]
    assert len(opened) == 10

    after = ok(world, "/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=opened[3] + 1, limit=2)
    assert [each[0] for each in after] == opened[4:6]
    assert [each[0] for each in ok(world, "/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=2)] == opened[-2:]
    assert opened[1] - opened[0] == MINUTE


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("klines", ONE | {"interval": "7m"}, -1120),
        ("klines", ONE, -1102),
        ("klines", ONE | {"interval": "1m", "startTime": 2, "endTime": 1}, -1023),
        ("depth", {}, -1102),
        ("depth", {"symbol": "NONE"}, -1121),
        ("depth", {"symbol": "btcusdt"}, -1100),
        ("depth", ONE | {"limit": "0"}, -1130),
        ("depth", ONE | {"limit": "x"}, -1100),
        ("depth", ONE | {"foo": "1"}, -1104),
        ("ticker/24hr", ONE | {"type": "HUGE"}, -1139),
    ],
)
def test_bad_parameters_are_refused(world, path, params, expected):
    assert code(world, f"/api/v3/{path}", **params) == expected


def test_the_last_price_is_that_of_the_last_trade(world):
    assert ok(world, "/api/v3/ticker/price", symbol="BTCUSDT") == {"symbol": "BTCUSDT", "price": "60000.00"}
    assert Decimal(ok(world, "/api/v3/avgPrice", symbol="BTCUSDT")["price"]) == 60000


def test_a_symbol_without_any_market_is_answered_with_zeros(world):
    assert ok(world, "/api/v3/ticker/bookTicker", symbol="ETHUSDT")["bidPrice"] == "0.00"
    assert ok(world, "/api/v3/klines", symbol="ETHUSDT", interval="1h") == []
    assert ok(world, "/api/v3/depth", symbol="ETHUSDT")["asks"] == []


@pytest.mark.parametrize("path", ["/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"])
def test_other_markets_have_no_symbols(world, path):
    assert ok(world, path)["symbols"] == []


def test_no_answer_is_a_defect_of_ours(world):
    for path, params, _ in SHAPES:
        world.client.public(f"/api/v3/{path}", **params)

    assert world.errors() == []
    json.dumps([record.facts for record in world.wire.records()])
