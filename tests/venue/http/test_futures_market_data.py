"""Futures market data over REST, from the client's side."""

from __future__ import annotations

import pytest
from nautilus_trader.adapters.binance.common.schemas import market as common
from nautilus_trader.adapters.binance.futures.schemas import market as schemas
from tests.venue.http.client import T0
from tests.venue.http.futures_samples import decode
from tests.venue.http.futures_world import KLINES_FROM, MINUTE, SYMBOL, FuturesWorld

KLINES = "/fapi/v1/klines"


@pytest.fixture
def world():
    found = FuturesWorld()
    yield found
    assert found.errors() == []


def _get(world, path, **params):
    reply = world.client.public(path, **params)
    assert reply.status == 200, reply
    return reply.body


def _code(world, path, **params):
    reply = world.client.public(path, **params)
    assert reply.status == 400, reply
    return reply.body["code"]


def test_the_exchange_tells_its_symbols(world):
    found = decode(_get(world, "/fapi/v1/exchangeInfo"), schemas.BinanceFuturesExchangeInfo)
    assert [each.symbol for each in found.symbols] == [SYMBOL, "ETHUSDT"]
    assert found.serverTime == T0


def test_ping_and_time(world):
    assert _get(world, "/fapi/v1/ping") == {}
    assert _get(world, "/fapi/v1/time") == {"serverTime": T0}


def test_the_book_is_told_with_own_orders_in_it(world):
    world.place()
    book = decode(_get(world, "/fapi/v1/depth", symbol=SYMBOL, limit=5), common.BinanceDepth)
    assert book.asks[0] == ("60000.10", "5.000")
    assert ("59000.00", "0.010") in book.bids
    assert _code(world, "/fapi/v1/depth", symbol=SYMBOL, limit=7) == -4021


@pytest.mark.parametrize(("limit", "weight"), [(5, 2), (100, 5), (500, 10), (1000, 20)])
def test_a_deeper_book_costs_more(world, limit, weight):
    reply = world.client.public("/fapi/v1/depth", symbol=SYMBOL, limit=limit)
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_trades_and_aggregates(world):
    trades = _get(world, "/fapi/v1/trades", symbol=SYMBOL)
    assert [decode(each, common.BinanceTrade).qty for each in trades] == ["0.500"] * 3
    assert _get(world, "/fapi/v1/trades", symbol=SYMBOL, limit=1) == trades[-1:]
    aggregates = _get(world, "/fapi/v1/aggTrades", symbol=SYMBOL)
    assert [each["a"] for each in aggregates] == [each["id"] for each in trades]
    assert _get(world, "/fapi/v1/aggTrades", symbol=SYMBOL, fromId=trades[1]["id"], limit=1) == [aggregates[1]]
    assert _get(world, "/fapi/v1/aggTrades", symbol=SYMBOL, startTime=T0 - 1000) == aggregates
    assert _get(world, "/fapi/v1/aggTrades", symbol=SYMBOL, startTime=T0 + 1) == []
    assert _code(world, "/fapi/v1/aggTrades", symbol=SYMBOL, startTime=0, endTime=7_200_000) == -1127
    old = world.client.raw("GET", "/fapi/v1/historicalTrades", f"symbol={SYMBOL}&fromId={trades[2]['id']}").body
    assert old == trades[2:]


def test_candles_come_as_they_are(world):
    rows = _get(world, KLINES, symbol=SYMBOL, interval="1m")
    assert len(rows) == 60
    first = decode(rows[0], common.BinanceKline)
    assert (first.open_time, first.close_time, first.high) == (KLINES_FROM, KLINES_FROM + MINUTE - 1, "110.00")


def test_a_start_is_never_rounded_down(world):
    for start, opens in ((KLINES_FROM, KLINES_FROM), (KLINES_FROM + 1, KLINES_FROM + MINUTE)):
        rows = _get(world, KLINES, symbol=SYMBOL, interval="1m", startTime=start, limit=1)
        assert rows[0][0] == opens


def test_paging_by_last_open_plus_one_ends(world):
    seen, start = [], KLINES_FROM
    while rows := _get(world, KLINES, symbol=SYMBOL, interval="1m", startTime=start, limit=7):
        seen += [row[0] for row in rows]
        start = rows[-1][0] + 1
    assert seen == [KLINES_FROM + number * MINUTE for number in range(60)]


def test_longer_candles_are_made_of_minutes(world):
    rows = _get(world, KLINES, symbol=SYMBOL, interval="5m")
    assert len(rows) == 12
    first = decode(rows[0], common.BinanceKline)
    assert (first.open, first.high, first.low, first.close) == ("100.00", "114.00", "90.00", "105.00")
    assert (first.volume, first.trades_count, first.close_time) == ("10.000", 15, KLINES_FROM + 5 * MINUTE - 1)
    assert _get(world, KLINES, symbol=SYMBOL, interval="1d")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"interval": "7m"}, -1120),
        ({"interval": "1s"}, -1120),
        ({}, -1102),
        ({"interval": "1m", "limit": 1501}, -1130),
        ({"interval": "1m", "startTime": -1}, -1130),
        ({"interval": "1m", "startTime": 2, "endTime": 1}, -1023),
    ],
)
def test_impossible_candles_are_refused(world, params, code):
    assert _code(world, KLINES, symbol=SYMBOL, **params) == code


def test_tickers_of_one_symbol_and_of_all(world):
    for path, kind in (
        ("/fapi/v1/ticker/24hr", common.BinanceTicker24hr),
        ("/fapi/v1/ticker/price", common.BinanceTickerPrice),
        ("/fapi/v2/ticker/price", common.BinanceTickerPrice),
        ("/fapi/v1/ticker/bookTicker", common.BinanceTickerBook),
    ):
        one = _get(world, path, symbol=SYMBOL)
        decode(one, kind)
        assert [each["symbol"] for each in _get(world, path)] == [SYMBOL, "ETHUSDT"]
        assert _get(world, path)[0] == one
    assert _get(world, "/fapi/v1/ticker/bookTicker", symbol=SYMBOL)["askPrice"] == "60000.10"
    assert _get(world, "/fapi/v1/ticker/price", symbol=SYMBOL)["price"] == "60000.10"


def test_mark_price_and_funding(world):
    one = _get(world, "/fapi/v1/premiumIndex", symbol=SYMBOL)
    assert decode(one, schemas.BinanceFuturesMarkFunding).markPrice == "60000.00000000"
    assert _get(world, "/fapi/v1/premiumIndex") == [one]
    assert _code(world, "/fapi/v1/premiumIndex", symbol="ETHUSDT") == -4108
    (row,) = _get(world, "/fapi/v1/fundingRate", symbol=SYMBOL)
    assert (row["fundingRate"], row["fundingTime"]) == ("0.00010000", T0 + 3_600_000 - 8 * 3_600_000)
    assert _get(world, "/fapi/v1/fundingInfo")[0]["fundingIntervalHours"] == 8


@pytest.mark.parametrize(
    "path",
    ["depth", "trades", "aggTrades", "klines", "premiumIndex", "fundingRate", "ticker/24hr", "ticker/bookTicker"],
)
def test_an_unknown_symbol_is_1121(world, path):
    assert _code(world, f"/fapi/v1/{path}", symbol="NOPEUSDT", interval="1m") == -1121


def test_what_usd_m_futures_do_not_know_is_ignored(world):
    everything = world.client.public("/fapi/v1/ticker/price").body
    assert world.client.public("/fapi/v1/ticker/price", symbols="[").body == everything
    listed = world.client.public("/fapi/v1/exchangeInfo").body["symbols"]
    assert world.client.public("/fapi/v1/exchangeInfo", symbol="NOPE").body["symbols"] == listed
