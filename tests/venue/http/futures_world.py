"""A futures venue without sockets: an exchange with a small market, and a desk in front of it."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.venue.http.client import T0, Client, Now, account
from tests.venue.http.futures_samples import listing

from opslab.venue.exchange import Exchange
from opslab.venue.http.admission import Desk
from opslab.venue.http.futures.routes import futures_routes
from opslab.venue.market import BookSnapshot, Kline, MarkPrice, TapeTrade
from opslab.venue.orders import Market
from opslab.venue.stream.listen_keys import ListenKeys
from opslab.venue.wire import WireLog

if TYPE_CHECKING:
    from opslab.venue.listing import Listing

D = Decimal
MINUTE = 60_000
KLINES_FROM = T0 - T0 % (5 * MINUTE) - 60 * MINUTE
SYMBOL = "BTCUSDT"


class FuturesWorld:
    """A venue that shows 60000.00 to 60000.10, has traded, and has an hour of candles; other prices far away."""

    def __init__(self, listings: tuple[Listing, ...] = (), **settings: Any) -> None:
        self.now = Now()
        self.wire = WireLog(self.now)
        accounts = (account(), account("other", "O" * 16))
        chosen = listings or (listing(), listing(symbol="ETHUSDT", base="ETH"))
        self.exchange = Exchange(Market.FUTURES, chosen, accounts, self.now)
        numbers = itertools.count(1)
        self.keys = ListenKeys(self.now, lambda: f"{next(numbers):064d}")
        self.desk = Desk(
            market=Market.FUTURES,
            exchange=self.exchange,
            routes=futures_routes(),
            accounts=accounts,
            now_ms=self.now,
            wire=self.wire,
            listen_keys=self.keys,
            **settings,
        )
        self.client = Client(self.desk, self.now)
        self.other = Client(self.desk, self.now, key="O" * 16)
        self.open_market()

    def open_market(self, bid: str = "60000.0", ask: str = "60000.1", size: str = "5") -> None:
        """Show a book of two levels a side, a mark price, three trades and an hour of candles."""
        low, high = D(bid), D(ask)
        bids, asks = ((low, D(size)), (low - 10, D(50))), ((high, D(size)), (high + 10, D(50)))
        self.exchange.apply(BookSnapshot(SYMBOL, self.now(), bids, asks))
        self.exchange.apply(MarkPrice(SYMBOL, self.now(), low, low, D("0.0001"), T0 + 3_600_000))
        for number in range(3):
            self.exchange.apply(TapeTrade(SYMBOL, self.now() - 3 + number, high, D("0.5"), buyer_is_maker=False))
        for number in range(60):
            at = KLINES_FROM + number * MINUTE
            figures = (D(100 + number), D(110 + number), D(90 + number), D(101 + number), D(2), D(200))
            self.exchange.apply(Kline(SYMBOL, at, at + MINUTE - 1, "1m", *figures, 3, is_closed=True))

    def limit(self, **changes: Any) -> dict[str, Any]:
        """Return the parameters of a LIMIT buy that rests below the market."""
        facts = {
            "symbol": SYMBOL,
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.010",
            "price": "59000.0",
        }
        return facts | changes

    def place(self, client: Client | None = None, **changes: Any) -> dict[str, Any]:
        """Place that order, changed as told."""
        return (client or self.client).ok("POST", "/fapi/v1/order", **self.limit(**changes))

    def buy_market(self, quantity: str = "0.010", **changes: Any) -> dict[str, Any]:
        """Take from the book."""
        facts = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": quantity, "newOrderRespType": "RESULT"}
        return self.client.ok("POST", "/fapi/v1/order", **(facts | changes))

    def stop(self, **changes: Any) -> dict[str, Any]:
        """Return the parameters of a conditional order that sells below the market."""
        facts = {
            "algoType": "CONDITIONAL",
            "symbol": SYMBOL,
            "side": "SELL",
            "type": "STOP_MARKET",
            "quantity": "0.010",
            "triggerPrice": "59000.0",
        }
        return facts | changes

    def errors(self) -> list[dict[str, Any]]:
        """Return what went wrong inside."""
        return [record.facts for record in self.wire.records() if record.kind == "error"]
