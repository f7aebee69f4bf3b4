"""A spot exchange with a book, trades and candles, behind a desk; two accounts, one client each."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.venue.http.client import T0, Client, Now, account
from tests.venue.stream.payload_cases import listing

from opslab.venue.exchange import Exchange
from opslab.venue.http.admission import Desk
from opslab.venue.http.spot.routes import HTTP_ROUTES
from opslab.venue.market import BookSnapshot, Kline, TapeTrade
from opslab.venue.orders import Market
from opslab.venue.stream.ws_api import WS_ROUTES
from opslab.venue.wire import WireLog

MINUTE = 60_000


def d(text: str) -> Decimal:
    return Decimal(text)


class SpotWorld:
    """The book: bids 59999.90 (1) to 59990.00, asks 60000.10 (2) to 60010.00; trades 1 to 5; ten minutes of candles."""

    def __init__(self, **settings: Any) -> None:
        self.now = Now()
        self.wire = WireLog(self.now)
        accounts = (account("main", USDT="100000", BTC="2"), account("other", "O" * 16, USDT="100000", BTC="2"))
        listings = [listing(spot=True), listing("ETHUSDT", spot=True)]
        self.exchange = Exchange(Market.SPOT, listings, accounts, self.now)
        self.desk = Desk(
            market=Market.SPOT,
            exchange=self.exchange,
            routes=(*HTTP_ROUTES, *WS_ROUTES),
            accounts=accounts,
            now_ms=self.now,
            wire=self.wire,
            **settings,
        )
        self.client = Client(self.desk, self.now)
        self.other = Client(self.desk, self.now, "O" * 16)
        self._play()

    def _play(self) -> None:
        bids = tuple((d("59999.90") - n, d("1")) for n in range(10))
        asks = tuple((d("60000.10") + n, d("2")) for n in range(10))
        self.exchange.apply(BookSnapshot("BTCUSDT", T0 - 1000, bids, asks))
        for minute in range(10):
            opened = T0 - T0 % MINUTE - (10 - minute) * MINUTE
            value = d("60000") + minute
            self.exchange.apply(
                Kline(
                    "BTCUSDT",
                    opened,
                    opened + MINUTE - 1,
                    "1m",
                    value,
                    value + 2,
                    value - 2,
                    value + 1,
                    d("3"),
                    d("180000"),
                    4,
                    is_closed=True,
                )
            )
        for number in range(5):
            self.now.ms = T0 - 500 + number
            trade = TapeTrade("BTCUSDT", T0 - 500 + number, d("60000"), d("0.1"), buyer_is_maker=number % 2 == 0)
            self.exchange.apply(trade)
        self.now.ms = T0

    def limit(self, side: str = "BUY", price: str = "59000.00", quantity: str = "0.010", **more: Any) -> Any:
        """Place a limit order and return the answer."""
        return self.client.ok(
            "POST", "/api/v3/order", symbol="BTCUSDT", side=side, type="LIMIT", timeInForce="GTC", price=price,
            quantity=quantity, **more,
        )  # fmt: skip

    def errors(self) -> list[dict[str, Any]]:
        """Defects of ours, as the wire log notes them."""
        return [record.facts for record in self.wire.records() if record.kind == "error"]
