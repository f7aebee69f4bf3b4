"""Sample objects of the futures core, and a decoder with a client's own structures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from tests.venue.http.client import T0

from opslab.contract.dataset import Instrument
from opslab.venue.listing import Listing, ListingStatus
from opslab.venue.orders import NewOrder, Order, OrderStatus, OrderType, Side, TimeInForce
from opslab.venue.stream.figures import figures_of

D = Decimal


def listing(**changes: Any) -> Listing:
    facts: dict[str, Any] = {
        "venue": "binance",
        "symbol": "BTCUSDT",
        "kind": "perpetual",
        "base": "BTC",
        "quote": "USDT",
        "settlement": "USDT",
        "price_precision": 2,
        "tick_size": "0.1",
        "size_precision": 3,
        "step_size": "0.001",
        "min_quantity": "0.001",
        "max_quantity": "1000",
        "min_notional": "100",
        "maker_fee": "0.0002",
        "taker_fee": "0.0004",
        "margin_init": "0.05",
        "margin_maint": "0.025",
    }
    status = changes.pop("status", ListingStatus.TRADING)
    return Listing(instrument=Instrument.model_validate(facts | changes), status=status)


FIGURES = figures_of(listing().instrument)


def decode[T](payload: Any, kind: type[T]) -> T:
    return msgspec.json.decode(msgspec.json.encode(payload), type=kind)


def order(**changes: Any) -> Order:
    command = NewOrder(
        symbol="BTCUSDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        quantity=D("0.020"),
        price=D("60000.1"),
        time_in_force=TimeInForce.GTC,
        client_order_id="C-1",
    )
    facts: dict[str, Any] = {
        "order_id": 7,
        "account": "main",
        "command": command,
        "client_order_id": "C-1",
        "status": OrderStatus.PARTIALLY_FILLED,
        "quantity": D("0.020"),
        "price": D("60000.1"),
        "time_ms": T0,
        "update_ms": T0 + 5,
        "orig_type": OrderType.LIMIT,
        "executed": D("0.006"),
        "cumulative_quote": D("360.0005"),
    }
    return Order(**(facts | changes))
