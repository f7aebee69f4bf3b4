"""Small exchanges for the tests: one or two symbols, two accounts, a clock that a test moves."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from opslab.contract.dataset import Instrument, InstrumentKind
from opslab.venue.exchange import Exchange
from opslab.venue.listing import Listing
from opslab.venue.market import BookSnapshot, MarkPrice, Quote, TapeTrade
from opslab.venue.orders import AccountSetup, Market, NewOrder, OrderType, PositionSide, Side, TimeInForce
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

D = Decimal
START_MS = 1_700_000_000_000
SYMBOL = "BTCUSDT"
BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK, GTX, GTD = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX, TimeInForce.GTD
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def instrument(kind: InstrumentKind, symbol: str = SYMBOL, **other: Any) -> Instrument:
    is_perpetual = kind is InstrumentKind.PERPETUAL
    facts: dict[str, Any] = {
        "venue": "binance",
        "symbol": symbol,
        "kind": kind,
        "base": symbol.removesuffix("USDT"),
        "quote": "USDT",
        "price_precision": 1,
        "tick_size": D("0.5"),
        "size_precision": 3,
        "step_size": D("0.002"),
        "min_quantity": D("0.002"),
        "max_quantity": D(100),
        "min_notional": D(5),
        "maker_fee": D("0.0002"),
        "taker_fee": D("0.0005"),
        "margin_init": D("0.05") if is_perpetual else D(0),
        "margin_maint": D("0.025") if is_perpetual else D(0),
    }
    return Instrument(**(facts | other))


def refused(act: Any, *arguments: Any, **named: Any) -> int:
    """Return the code that an act is refused with."""
    with pytest.raises(Refusal) as caught:
        act(*arguments, **named)
    return caught.value.code


class Rig:
    """An exchange with its clock."""

    def __init__(self, market: Market, *, symbols: Sequence[str] = (SYMBOL,), money: str = "100000", **listing: Any):
        kind = InstrumentKind.SPOT if market is Market.SPOT else InstrumentKind.PERPETUAL
        rules = {key: value for key, value in listing.items() if key in Listing.__dataclass_fields__}
        facts = {key: value for key, value in listing.items() if key not in rules}
        self.now = START_MS
        balances = {"USDT": D(money)}
        if market is Market.SPOT:
            balances |= {symbol.removesuffix("USDT"): D(50) for symbol in symbols}
        self.exchange = Exchange(
            market,
            [Listing(instrument=instrument(kind, symbol, **facts), **rules) for symbol in symbols],
            [AccountSetup(name, f"key-{name}", "secret", dict(balances)) for name in ("ann", "bob")],
            lambda: self.now,
        )

    def quote(self, bid: str, ask: str, size: str = "1", symbol: str = SYMBOL) -> None:
        self.exchange.apply(Quote(symbol, self.now, D(bid), D(size), D(ask), D(size)))

    def book(self, bids: dict[str, str], asks: dict[str, str], symbol: str = SYMBOL) -> None:
        sides = [tuple((D(price), D(size)) for price, size in side.items()) for side in (bids, asks)]
        self.exchange.apply(BookSnapshot(symbol, self.now, *sides))

    def trade(self, price: str, size: str, *, sold: bool, symbol: str = SYMBOL) -> None:
        self.exchange.apply(TapeTrade(symbol, self.now, D(price), D(size), sold))

    def mark(self, price: str, rate: str = "0.0001", next_ms: int = 0, symbol: str = SYMBOL) -> None:
        self.exchange.apply(MarkPrice(symbol, self.now, D(price), D(price), D(rate), next_ms))

    def limit(self, side: Side, quantity: str, price: str, who: str = "ann", **more: Any) -> Any:
        more.setdefault("time_in_force", GTC)
        return self.send(who, side, OrderType.LIMIT, quantity=D(quantity), price=D(price), **more)

    def buy(self, quantity: str, price: str, who: str = "ann", **more: Any) -> Any:
        return self.limit(BUY, quantity, price, who, **more)

    def sell(self, quantity: str, price: str, who: str = "ann", **more: Any) -> Any:
        return self.limit(SELL, quantity, price, who, **more)

    def market(self, side: Side, quantity: str, who: str = "ann", **more: Any) -> Any:
        return self.send(who, side, OrderType.MARKET, quantity=D(quantity), **more)

    def send(self, who: str, side: Side, kind: OrderType, symbol: str = SYMBOL, **more: Any) -> Any:
        return self.exchange.submit(who, NewOrder(symbol, side, kind, **more))

    def algo(self, side: Side, kind: OrderType, who: str = "ann", **more: Any) -> Any:
        return self.exchange.submit_algo(who, NewOrder(SYMBOL, side, kind, **more))

    def order(self, order: Any) -> Any:
        return self.exchange.order(order.account, order.command.symbol, order_id=order.order_id)

    def position(self, who: str = "ann", symbol: str = SYMBOL) -> Decimal:
        return sum((view.amount for view in self.exchange.positions(who, symbol)), D(0))

    def wallet(self, asset: str = "USDT", who: str = "ann") -> Decimal:
        return self.exchange.account(who).asset(asset).wallet

    def locked(self, asset: str, who: str = "ann") -> Decimal:
        return self.exchange.account(who).asset(asset).locked
