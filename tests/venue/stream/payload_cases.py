"""Events and a core that only shows, for the tests of payloads; what they look like is what the test hands in."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from opslab.contract.dataset import Instrument, InstrumentKind
from opslab.contract.encoding import compact_json
from opslab.venue.events import Execution, OrderChanged
from opslab.venue.listing import Listing
from opslab.venue.market import BookDelta, Kline, MarkPrice, Quote
from opslab.venue.orders import Fill, NewOrder, Order, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from opslab.venue.stream.candles import INTERVALS
from opslab.venue.views import Depth, PositionView, PublicTrade, Published, Ticker

NOW = 1_700_000_000_123
ACCOUNT = "main"


def d(text: str) -> Decimal:
    return Decimal(text)


def listing(symbol: str = "BTCUSDT", *, spot: bool = False, **changes: Any) -> Listing:
    kind = InstrumentKind.SPOT if spot else InstrumentKind.PERPETUAL
    margins = {} if spot else {"margin_init": d("0.05"), "margin_maint": d("0.025")}
    facts: dict[str, Any] = {
        "venue": "binance",
        "symbol": symbol,
        "kind": kind,
        "base": symbol.removesuffix("USDT"),
        "quote": "USDT",
        "price_precision": 2,
        "tick_size": d("0.01"),
        "size_precision": 3,
        "step_size": d("0.001"),
        "min_notional": d("5"),
        "maker_fee": d("0.0002"),
        "taker_fee": d("0.0004"),
        **margins,
    }
    return Listing(instrument=Instrument(**(facts | changes)))


def order(**changes: Any) -> Order:
    """A limit buy of 0.010 at 60000 that rests; ``command`` is a dict of changes."""
    command = {
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": d("0.010"),
        "price": d("60000"),
        "time_in_force": TimeInForce.GTC,
        **changes.pop("command", {}),
    }
    new = NewOrder(**command)
    facts: dict[str, Any] = {
        "order_id": 7,
        "account": ACCOUNT,
        "command": new,
        "client_order_id": "O-1",
        "status": OrderStatus.NEW,
        "quantity": new.quantity or d("0"),
        "price": new.price or d("0"),
        "time_ms": NOW - 50,
        "update_ms": NOW,
        "orig_type": new.type,
    }
    return Order(**(facts | changes))


def fill(**changes: Any) -> Fill:
    facts: dict[str, Any] = {
        "trade_id": 31,
        "order_id": 7,
        "client_order_id": "O-1",
        "account": ACCOUNT,
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "price": d("59999.5"),
        "quantity": d("0.004"),
        "commission": d("0.0959992"),
        "commission_asset": "USDT",
        "realized": d("-1.25"),
        "is_maker": True,
        "position_side": PositionSide.BOTH,
        "time_ms": NOW,
    }
    return Fill(**(facts | changes))


def changed(execution: Execution, found: Order, of: Fill | None = None) -> OrderChanged:
    return OrderChanged(12, NOW, execution, found, of)


def position(**changes: Any) -> PositionView:
    facts: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": "BOTH",
        "amount": d("0.010"),
        "entry_price": d("60000.125"),
        "break_even_price": d("60024.1"),
        "mark": d("60100"),
        "unrealized": d("1"),
        "realized": d("0"),
        "liquidation_price": d("0"),
        "leverage": 20,
        "margin_type": "CROSSED",
        "settlement": "USDT",
        "initial_margin": d("30"),
        "order_margin": d("0"),
        "maintenance": d("15"),
        "update_ms": NOW,
    }
    return PositionView(**(facts | changes))


@dataclass
class Showing:
    """Stands for the exchange where a payload reads it."""

    listings: dict[str, Listing]
    views: list[PositionView] = field(default_factory=list)
    found: Order | None = None
    candles: list[Kline] = field(default_factory=list)

    def positions(self, _account: str, _symbol: str | None = None, *, flat: bool = False) -> list[PositionView]:
        return [view for view in self.views if flat or view.amount]

    def order(self, _account: str, _symbol: str, *, order_id: int) -> Order:
        assert self.found is not None
        assert order_id == self.found.order_id
        return self.found

    def best(self, symbol: str) -> Quote:
        return Quote(symbol, NOW, d("59999.9"), d("1.5"), d("60000.1"), d("2"))

    def depth(self, symbol: str, limit: int) -> Depth:
        bids = tuple((d("59999.9") - n, d("1")) for n in range(30))
        asks = tuple((d("60000.1") + n, d("2")) for n in range(30))
        return Depth(symbol, 205, bids[:limit], asks[:limit])

    def ticker(self, symbol: str) -> Ticker:
        prices = [d(text) for text in ("59000", "61000", "58000", "60000", "0.5", "58999", "10", "600000")]
        return Ticker(symbol, *prices, NOW - 86_400_000, NOW, 1, 31, 31)

    def klines(self, _symbol: str) -> list[Kline]:
        return self.candles


def showing(*, spot: bool = False, **changes: Any) -> Any:
    return Showing({"BTCUSDT": listing(spot=spot)}, **changes)


def candle(open_ms: int, interval: str = "1m", *, closed: bool = True, price: str = "60000") -> Kline:
    length = INTERVALS[interval]
    value = d(price)
    return Kline(
        "BTCUSDT",
        open_ms,
        open_ms + length - 1,
        interval,
        value,
        value + 5,
        value - 5,
        value + 1,
        d("2"),
        d("120000"),
        4,
        closed,
    )


def trade(trade_id: int = 31) -> PublicTrade:
    return PublicTrade("BTCUSDT", trade_id, d("60000.1"), d("0.25"), NOW - 3, is_buyer_maker=True)


def published(event: Any, last_id: int = 205) -> Published:
    return Published(event, last_id - 1, last_id, last_id - 2)


def delta() -> BookDelta:
    return BookDelta("BTCUSDT", NOW - 3, ((d("59999.9"), d("0")),), ((d("60000.1"), d("2.5")),))


def mark() -> MarkPrice:
    return MarkPrice("BTCUSDT", NOW - 3, d("60000.5"), d("60001"), d("-0.0001"), NOW + 1000)


def decoded(payload: Any, kind: Any) -> Any:
    """Read a payload as the adapter does: JSON text into its own struct."""
    return msgspec.json.decode(compact_json(payload), type=kind)
