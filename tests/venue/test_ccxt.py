"""ccxt, an independent client, trades on the venue as it is: only its addresses lead here."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from opslab.venue.orders import Market
from opslab.venue.process import VenueProcess
from opslab.venue.serve import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed; it is an independent client, tried where it is there")

_SYMBOL = {Market.FUTURES: "BTC/USDT:USDT", Market.SPOT: "BTC/USDT"}
pytestmark = pytest.mark.filterwarnings("ignore")  # what ccxt warns of is its own affair


class Trader:
    """A ccxt exchange on a venue whose tape is held."""

    def __init__(self, market: Market, venue: VenueProcess) -> None:
        self.market, self.symbol, self.control = market, _SYMBOL[market], venue.control
        kind = ccxt.binanceusdm if market is Market.FUTURES else ccxt.binance
        self.ccxt = kind({"apiKey": venue.api_key, "secret": venue.api_secret, "enableRateLimit": False})
        self.ccxt.urls["api"] = {
            name: venue.endpoint.http + urlsplit(url).path if isinstance(url, str) else url
            for name, url in self.ccxt.urls["api"].items()
        }
        self.ccxt.options["fetchMarkets"] = {"types": ["linear" if market is Market.FUTURES else "spot"]}
        self.ccxt.has["fetchCurrencies"] = False
        self.ccxt.load_markets()

    @property
    def bid(self) -> float:
        return float(self.ccxt.fetch_order_book(self.symbol, 5)["bids"][0][0])

    def rest(self, below: float = 0.98, amount: float = 0.01) -> Any:
        """Place a limit order below the market."""
        price = self.ccxt.price_to_precision(self.symbol, self.bid * below)
        return self.ccxt.create_order(self.symbol, "limit", "buy", amount, price)

    def take(self, side: str = "buy", amount: float = 0.01) -> Any:
        return self.ccxt.create_order(self.symbol, "market", side, amount)

    def ledger(self) -> Any:
        return self.control.get("ledger")["accounts"]["main"]


@pytest.fixture(scope="module", params=list(Market), ids=str)
def traded(request: pytest.FixtureRequest) -> Iterator[Trader]:
    with VenueProcess(Plan(market=request.param, is_held=True, history=120)) as venue:
        venue.control.post("tape", do="step", count=400)
        yield Trader(request.param, venue)


@pytest.fixture
def trader(traded: Trader) -> Iterator[Trader]:
    yield traded
    with contextlib.suppress(ccxt.OrderNotFound):
        traded.ccxt.cancel_all_orders(traded.symbol)


def test_markets_are_loaded(trader: Trader):
    market = trader.ccxt.market(trader.symbol)
    assert (market["id"], market["active"]) == ("BTCUSDT", True)
    assert market["limits"]["amount"]["min"] > 0


def test_the_balance_is_the_ledgers(trader: Trader):
    assert trader.ccxt.fetch_balance()["USDT"]["total"] > 0


def test_tickers_and_the_book_agree(trader: Trader):
    book = trader.ccxt.fetch_order_book(trader.symbol, 10)
    assert book["bids"][0][0] < book["asks"][0][0]
    ticker = trader.ccxt.fetch_ticker(trader.symbol)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert trader.symbol in trader.ccxt.fetch_tickers()
    best = trader.ccxt.fetch_bids_asks([trader.symbol])[trader.symbol]
    assert (best["bid"], best["ask"]) == (book["bids"][0][0], book["asks"][0][0])


def test_trades_and_klines_come_in_order(trader: Trader):
    trades = trader.ccxt.fetch_trades(trader.symbol, limit=10)
    assert [one["timestamp"] for one in trades] == sorted(one["timestamp"] for one in trades)
    candles = trader.ccxt.fetch_ohlcv(trader.symbol, "1m", limit=20)
    assert [b[0] - a[0] for a, b in itertools.pairwise(candles)] == [60_000] * 19
    assert trader.ccxt.fetch_ohlcv(trader.symbol, "1m", since=candles[5][0], limit=3) == candles[5:8]


def test_an_order_is_created_fetched_and_cancelled(trader: Trader):
    made = trader.rest()
    assert trader.ccxt.fetch_order(made["id"], trader.symbol)["status"] == "open"
    assert [one["id"] for one in trader.ccxt.fetch_open_orders(trader.symbol)] == [made["id"]]
    assert trader.ccxt.cancel_order(made["id"], trader.symbol)["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        trader.ccxt.cancel_order(made["id"], trader.symbol)


def test_an_order_is_amended(trader: Trader):
    made = trader.rest()
    price = trader.ccxt.price_to_precision(trader.symbol, trader.bid * 0.97)
    edited = trader.ccxt.edit_order(made["id"], trader.symbol, "limit", "buy", 0.02, price)
    (resting,) = trader.ccxt.fetch_open_orders(trader.symbol)
    assert (resting["id"], resting["amount"], resting["price"]) == (edited["id"], 0.02, float(price))


def test_all_orders_are_cancelled(trader: Trader):
    for below in (0.98, 0.97, 0.96):
        trader.rest(below)
    assert len(trader.ccxt.fetch_open_orders(trader.symbol)) == 3
    trader.ccxt.cancel_all_orders(trader.symbol)
    assert trader.ccxt.fetch_open_orders(trader.symbol) == []


def test_my_trades_are_the_ledgers_fills(trader: Trader):
    made = trader.take()
    assert trader.ccxt.fetch_order(made["id"], trader.symbol)["status"] == "closed"
    mine = [one for one in trader.ccxt.fetch_my_trades(trader.symbol) if one["order"] == made["id"]]
    assert sum(one["amount"] for one in mine) == pytest.approx(0.01)
    known = {str(fill["trade_id"]) for fill in trader.ledger()["fills"] if str(fill["order_id"]) == made["id"]}
    assert {one["id"] for one in mine} == known


def test_positions_are_the_ledgers(trader: Trader):
    if trader.market is Market.SPOT:
        pytest.skip("spot has no positions")
    trader.take()
    (held,) = trader.ccxt.fetch_positions([trader.symbol])
    assert (held["side"], held["contracts"] > 0) == ("long", True)
    trader.ccxt.create_order(trader.symbol, "market", "sell", held["contracts"], None, {"reduceOnly": True})
    assert [one for one in trader.ccxt.fetch_positions([trader.symbol]) if one["contracts"]] == []


@pytest.mark.parametrize("amount", [900_000, 0.00000001])
def test_a_refusal_is_one_of_ccxts_own_errors(trader: Trader, amount: float):
    with pytest.raises((ccxt.InvalidOrder, ccxt.BadRequest, ccxt.InsufficientFunds)):
        trader.rest(amount=amount)


def test_a_wrong_secret_is_an_authentication_error(trader: Trader):
    secret, trader.ccxt.secret = trader.ccxt.secret, "wrong"
    try:
        with pytest.raises(ccxt.AuthenticationError):
            trader.ccxt.fetch_balance()
    finally:
        trader.ccxt.secret = secret
