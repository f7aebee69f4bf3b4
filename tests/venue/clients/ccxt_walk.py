"""Trades with ccxt on a venue that ``tc venue serve --hold`` began, and prints one line for each thing that worked.

It needs ccxt and the standard library, and nothing of the lab: an independent client in an environment of its own.
``ccxt_walk.py STYLE MARKET``, with the venue's line of JSON on standard input. STYLE is ``sync``, ``async`` or ``pro``,
which also watches WebSockets. Only the addresses are changed; nothing else is told to ccxt.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import urllib.request
from itertools import pairwise
from urllib.parse import urlsplit

SECONDS = 15
SYMBOLS = {"futures": "BTC/USDT:USDT", "spot": "BTC/USDT"}


class Walk:
    """A ccxt exchange of one style on one venue.

    Args:
        style: ``sync``, ``async`` or ``pro``.
        market: ``futures`` or ``spot``.
        venue: what ``tc venue serve`` said.
    """

    def __init__(self, style: str, market: str, venue: dict[str, str]) -> None:
        if style == "sync":
            import ccxt
        elif style == "async":
            import ccxt.async_support as ccxt
        else:
            import ccxt.pro as ccxt
        kind = ccxt.binanceusdm if market == "futures" else ccxt.binance
        self.venue, self.market, self.symbol, self.errors = venue, market, SYMBOLS[market], ccxt
        self.ccxt = kind({"apiKey": venue["api_key"], "secret": venue["api_secret"], "enableRateLimit": False})
        self.ccxt.urls["api"] = self._led(self.ccxt.urls["api"])
        self.ccxt.options["fetchMarkets"] = {"types": ["linear" if market == "futures" else "spot"]}
        self.ccxt.has["fetchCurrencies"] = False

    def _led(self, urls: dict[str, object], door: str = "ws") -> dict[str, object]:
        """Return addresses that lead to the venue, with their paths as they are."""
        led = {}
        for name, url in urls.items():
            if isinstance(url, dict):
                led[name] = self._led(url, "ws_api" if name == "ws-api" else "ws")
            else:
                place = urlsplit(self.venue[door if url.startswith("ws") else "http"])
                led[name] = f"{place.scheme}://{place.netloc}{urlsplit(url).path}"
        return led

    async def call(self, name: str, *words: object) -> object:
        """Call a method of ccxt, whatever its style."""
        answer = getattr(self.ccxt, name)(*words)
        return await asyncio.wait_for(answer, SECONDS) if inspect.isawaitable(answer) else answer

    async def fails(self, kinds: tuple[type, ...], name: str, *words: object) -> bool:
        """Return whether a call raises one of ccxt's own errors."""
        try:
            await self.call(name, *words)
        except kinds:
            return True
        return False

    def control(self, name: str, body: dict[str, object] | None = None) -> dict:
        """Ask the venue's control door."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.venue['ctl']}/{name}", data, {"X-Opslab-Token": self.venue["token"]})
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return json.load(reply)

    async def rest(self, below: float = 0.98, amount: float = 0.01) -> dict:
        """Place a limit order below the market."""
        book = await self.call("fetch_order_book", self.symbol, 5)
        price = self.ccxt.price_to_precision(self.symbol, float(book["bids"][0][0]) * below)
        return await self.call("create_order", self.symbol, "limit", "buy", amount, price)

    # what is walked, in this order

    async def load_markets(self) -> None:
        await self.call("load_markets")
        market = self.ccxt.market(self.symbol)
        assert (market["id"], market["active"]) == ("BTCUSDT", True), market
        assert market["limits"]["amount"]["min"] > 0, market

    async def balance(self) -> None:
        total = (await self.call("fetch_balance"))["USDT"]["total"]
        assert total == float(self.control("ledger")["accounts"]["main"]["balances"]["USDT"]["wallet"]), total

    async def ticker(self) -> None:
        ticker = await self.call("fetch_ticker", self.symbol)
        assert ticker["low"] <= ticker["last"] <= ticker["high"], ticker
        assert self.symbol in await self.call("fetch_tickers")

    async def order_book(self) -> None:
        book = await self.call("fetch_order_book", self.symbol, 10)
        assert book["bids"][0][0] < book["asks"][0][0], book
        best = (await self.call("fetch_bids_asks", [self.symbol]))[self.symbol]
        assert (best["bid"], best["ask"]) == (book["bids"][0][0], book["asks"][0][0]), best

    async def trades(self) -> None:
        stamps = [one["timestamp"] for one in await self.call("fetch_trades", self.symbol, None, 10)]
        assert stamps, "no trades"
        assert stamps == sorted(stamps), stamps

    async def klines(self) -> None:
        candles = await self.call("fetch_ohlcv", self.symbol, "1m", None, 20)
        assert [b[0] - a[0] for a, b in pairwise(candles)] == [60_000] * 19, candles
        assert await self.call("fetch_ohlcv", self.symbol, "1m", candles[5][0], 3) == candles[5:8]

    async def create_and_fetch(self) -> None:
        made = await self.rest()
        assert (await self.call("fetch_order", made["id"], self.symbol))["status"] == "open"

    async def open_orders(self) -> None:
        (resting,) = await self.call("fetch_open_orders", self.symbol)
        assert (resting["side"], resting["amount"], resting["filled"]) == ("buy", 0.01, 0), resting

    async def amend(self) -> None:
        (resting,) = await self.call("fetch_open_orders", self.symbol)
        price = self.ccxt.price_to_precision(self.symbol, resting["price"] * 0.99)
        edited = await self.call("edit_order", resting["id"], self.symbol, "limit", "buy", 0.02, price)
        (amended,) = await self.call("fetch_open_orders", self.symbol)
        assert (amended["id"], amended["amount"], amended["price"]) == (edited["id"], 0.02, float(price)), amended

    async def cancel(self) -> None:
        (resting,) = await self.call("fetch_open_orders", self.symbol)
        assert (await self.call("cancel_order", resting["id"], self.symbol))["status"] == "canceled"
        assert await self.fails((self.errors.OrderNotFound,), "cancel_order", resting["id"], self.symbol)

    async def cancel_all(self) -> None:
        for below in (0.98, 0.97, 0.96):
            await self.rest(below)
        assert len(await self.call("fetch_open_orders", self.symbol)) == 3
        await self.call("cancel_all_orders", self.symbol)
        assert await self.call("fetch_open_orders", self.symbol) == []

    async def my_trades(self) -> None:
        made = await self.call("create_order", self.symbol, "market", "buy", 0.01)
        assert (await self.call("fetch_order", made["id"], self.symbol))["status"] == "closed"
        mine = [one for one in await self.call("fetch_my_trades", self.symbol) if one["order"] == made["id"]]
        fills = self.control("ledger")["accounts"]["main"]["fills"]
        known = {str(fill["trade_id"]) for fill in fills if str(fill["order_id"]) == made["id"]}
        assert {one["id"] for one in mine} == known != set(), (mine, known)
        assert abs(sum(one["amount"] for one in mine) - 0.01) < 1e-9, mine

    async def positions(self) -> None:
        (held,) = await self.call("fetch_positions", [self.symbol])
        assert (held["side"], held["contracts"]) == ("long", 0.01), held
        words = (self.symbol, "market", "sell", held["contracts"], None, {"reduceOnly": True})
        await self.call("create_order", *words)
        assert [one for one in await self.call("fetch_positions", [self.symbol]) if one["contracts"]] == []

    async def refusals(self) -> None:
        kinds = (self.errors.InvalidOrder, self.errors.BadRequest, self.errors.InsufficientFunds)
        book = await self.call("fetch_order_book", self.symbol, 5)
        price = self.ccxt.price_to_precision(self.symbol, book["bids"][0][0])
        for amount in (900_000, 0.00000001):
            assert await self.fails(kinds, "create_order", self.symbol, "limit", "buy", amount, price), amount
        secret, self.ccxt.secret = self.ccxt.secret, "wrong"
        assert await self.fails((self.errors.AuthenticationError,), "fetch_balance")
        self.ccxt.secret = secret

    # what only ccxt.pro has: WebSockets

    async def stepped(self, name: str, *words: object) -> object:
        """Return what a watch brings, with the market moving until it does."""
        watch = asyncio.ensure_future(self.call(name, *words))
        while not watch.done():
            await asyncio.to_thread(self.control, "tape", {"do": "step", "count": 20})
            await asyncio.wait({watch}, timeout=0.05)
        return watch.result()

    async def watch_market(self) -> None:
        book = await self.stepped("watch_order_book", self.symbol)
        assert book["bids"][0][0] < book["asks"][0][0], book
        assert (await self.stepped("watch_trades", self.symbol))[-1]["price"] > 0
        assert (await self.stepped("watch_ticker", self.symbol))["last"] > 0
        assert (await self.stepped("watch_ohlcv", self.symbol, "1m"))[-1][4] > 0

    async def watch_orders(self) -> None:
        watch = asyncio.ensure_future(self.call("watch_orders", self.symbol))
        while not self.listening():  # an order before the stream is there would be told to nobody
            assert not watch.done(), watch.result()
            await asyncio.sleep(0.02)
        made = await self.rest()
        told = await watch
        assert (told[-1]["id"], told[-1]["status"]) == (made["id"], "open"), told
        watch = asyncio.ensure_future(self.call("watch_orders", self.symbol))
        await self.call("cancel_all_orders", self.symbol)
        assert (await watch)[-1]["status"] == "canceled"

    def listening(self) -> bool:
        """Return whether the venue has a user stream of ours."""
        records = self.control("wire?since=0")["records"]
        if self.market == "futures":
            return any(one["kind"] == "open" and one["facts"]["socket_kind"] == "user" for one in records)
        paths = {one["facts"]["number"]: one["facts"]["path"] for one in records if one["kind"] == "request"}
        return any(
            one["kind"] == "reply" and "userDataStream.subscribe" in paths.get(one["facts"]["number"], "")
            for one in records
        )


WALKED = [
    *("load_markets", "balance", "ticker", "order_book", "trades", "klines", "create_and_fetch", "open_orders"),
    *("amend", "cancel", "cancel_all", "my_trades", "positions", "refusals"),
]
WATCHED = ["watch_market", "watch_orders"]


async def main(style: str, market: str) -> None:
    """Walk, and say what worked."""
    walk = Walk(style, market, json.loads(sys.stdin.readline()))
    walk.control("tape", {"do": "step", "count": 400})
    names = [name for name in WALKED if name != "positions" or market == "futures"]
    try:
        for name in names + (WATCHED if style == "pro" else []):
            await getattr(walk, name)()
            print(name, flush=True)  # noqa: T201 - how a program tells
    finally:
        if style != "sync":
            await walk.ccxt.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
