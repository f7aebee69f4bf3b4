"""Futures market payloads, decoded with the adapter's own structures, and their numbers field by field."""

from __future__ import annotations

import pytest
from nautilus_trader.adapters.binance.common.schemas import market as common_market
from nautilus_trader.adapters.binance.futures.schemas import market as futures_market
from tests.venue.http.client import T0
from tests.venue.http.futures_samples import FIGURES, D, decode, listing

from opslab.venue.http.futures import payloads_info, payloads_market
from opslab.venue.http.limits import FUTURES_LIMITS
from opslab.venue.listing import ListingStatus
from opslab.venue.market import Kline, MarkPrice, Quote
from opslab.venue.stream import market_shapes
from opslab.venue.views import Depth, PublicTrade, Ticker


def test_exchange_info_reads_back_with_the_precision_of_the_tick():
    limits = [rate.payload() for rate in FUTURES_LIMITS.rates]
    found = decode(payloads_info.exchange_info([listing()], limits, T0), futures_market.BinanceFuturesExchangeInfo)
    (symbol,) = found.symbols
    by_type = {each.filterType.value: each for each in symbol.filters}
    assert by_type["PRICE_FILTER"].tickSize == "0.10"
    assert by_type["LOT_SIZE"].stepSize == "0.001"
    assert by_type["MIN_NOTIONAL"].notional == "100"
    assert symbol.requiredMarginPercent == "5.0000"
    assert [rate.limit for rate in found.rateLimits] == [2400, 300, 1200]


@pytest.mark.parametrize("status", list(ListingStatus))
def test_every_status_is_one_that_the_adapter_knows(status):
    found = decode(payloads_info.symbol_info(listing(status=status)), futures_market.BinanceFuturesSymbolInfo)
    futures = {"HALT": "TRADING_HALT", "BREAK": "TRADING_HALT", "CANCEL_ONLY": "PRE_SETTLE"}
    assert found.status.value == futures.get(status.value, status.value)


def test_an_instrument_without_limits_tells_large_ones():
    facts = payloads_info.filters(listing(min_quantity=None, max_quantity=None, min_notional=None))
    sizes = next(each for each in facts if each["filterType"] == "LOT_SIZE")
    assert (sizes["minQty"], sizes["maxQty"]) == ("0.001", "1000000000.000")


def test_depth_trades_and_candles_read_back():
    book = Depth("BTCUSDT", 42, ((D(60000), D(1)),), ((D("60000.1"), D(2)),))
    depth = decode(payloads_market.depth(book, T0, FIGURES), common_market.BinanceDepth)
    assert depth.bids == [("60000.00", "1.000")]
    trade = PublicTrade("BTCUSDT", 5, D(60000), D("0.5"), T0, is_buyer_maker=True)
    assert decode(payloads_market.trade(trade, FIGURES), common_market.BinanceTrade).quoteQty == "30000.00000000"
    assert decode(payloads_market.aggregate(trade, FIGURES), common_market.BinanceAggTrade).f == 5
    candle = Kline("BTCUSDT", T0, T0 + 59_999, "1m", D(1), D(4), D(1), D(3), D(10), D(30), 7, is_closed=True)
    read = decode(market_shapes.kline_row(candle, FIGURES), common_market.BinanceKline)
    assert (read.open_time, read.high, read.volume, read.trades_count) == (T0, "4.00", "10.000", 7)


def test_prices_and_figures_of_a_day_read_back():
    day = Ticker("BTCUSDT", D(100), D(130), D(90), D(120), D(1), D(100), D(10), D(1100), T0 - 1, T0, 1, 9, 9)
    found = payloads_market.day(day, FIGURES)
    decode(found, common_market.BinanceTicker24hr)
    assert (found["priceChange"], found["priceChangePercent"], found["weightedAvgPrice"]) == (
        "20.00",
        "20.000",
        "110.00",
    )
    assert decode(payloads_market.last_price(day, FIGURES), common_market.BinanceTickerPrice).price == "120.00"
    quote = Quote("BTCUSDT", T0, D(1), D(2), D(3), D(4))
    book = decode(payloads_market.best("BTCUSDT", quote, T0, FIGURES), common_market.BinanceTickerBook)
    assert (book.bidPrice, book.askQty) == ("1.00", "4.000")
    assert payloads_market.best("BTCUSDT", None, T0, FIGURES)["bidQty"] == "0.000"


def test_mark_price_and_funding_read_back():
    mark = MarkPrice("BTCUSDT", T0, D("60000.123"), D(60001), D("0.0001"), T0 + 1000)
    found = decode(payloads_market.premium(mark), futures_market.BinanceFuturesMarkFunding)
    assert (found.markPrice, found.lastFundingRate) == ("60000.12300000", "0.00010000")
    assert payloads_market.funding(mark, 400)["fundingTime"] == T0 + 600
