"""A door with everything around it, its switch pulled: stand-ins for what it asks of cache and client."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, PositionId, Symbol, VenueOrderId
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Price, Quantity

from opslab.engine.node.door import SwitchDoor
from opslab.safety.gate import GateDecision

NAME = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
OPEN = GateDecision(blocked=False, state="absent", decided_by=None, reasons=())
PULLED = GateDecision(blocked=True, state="active", decided_by=None, reasons=("pulled by ann: enough",))
SPOT = CurrencyPair(
    instrument_id=NAME,
    raw_symbol=Symbol("BTCUSDT"),
    base_currency=BTC,
    quote_currency=USDT,
    price_precision=2,
    size_precision=3,
    price_increment=Price.from_str("0.01"),
    size_increment=Quantity.from_str("0.001"),
    ts_event=0,
    ts_init=0,
)


class Cache:
    """What the door asks of the node's cache."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.held: list[Any] = []
        self.is_spot = False

    def order(self, name):
        return self.known.get(name.value)

    def client_order_id(self, venue_order_id):
        found = [one for one in self.known.values() if one.venue_order_id == venue_order_id]
        return found[0].client_order_id if found else None

    def instrument(self, _name):
        return SPOT if self.is_spot else object()

    def position_id(self, name):
        return getattr(self.known.get(name.value), "position_id", None)

    def positions_open(self, *, instrument_id):
        assert instrument_id == NAME
        return self.held

    def orders_open(self, *, instrument_id, side):
        return self._of(side, OrderStatus.ACCEPTED, OrderStatus.PENDING_CANCEL)

    def orders_inflight(self, *, instrument_id, side):
        return self._of(side, OrderStatus.SUBMITTED, OrderStatus.PENDING_CANCEL)

    def _of(self, side, *statuses):
        return [one for one in self.known.values() if one.side == side and one.status in statuses]


class Client:
    """Sends what it is given at once, and remembers what it was told to answer."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.denied: dict[str, str] = {}
        self.rejected: dict[str, str] = {}
        self._http_account = SimpleNamespace(
            new_order=self._request, new_algo_order=self._request, modify_order=self._request
        )

    def submit_order(self, command):
        self.sent.append(command)

    submit_order_list = modify_order = submit_order

    def generate_order_denied(self, _strategy, _instrument, name, reason, _now):
        self.denied[name.value] = reason

    def generate_order_modify_rejected(self, _strategy, _instrument, name, _venue_id, reason, _now):
        self.rejected[name.value] = reason

    async def _request(self, **words):
        self.sent.append(words)


class World:
    """A door with everything around it, its switch pulled."""

    def __init__(self) -> None:
        self.cache, self.client, self.answer = Cache(), Client(), PULLED
        self.door = SwitchDoor(self.client, self.cache, SimpleNamespace(timestamp_ns=lambda: 7), self.ask)
        self.door.install()
        self.number = 0

    def ask(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def holds(self, *amounts, suffix="BOTH"):
        self.cache.held += [
            SimpleNamespace(id=PositionId(f"{NAME}-{suffix}"), signed_decimal_qty=lambda amount=amount: Decimal(amount))
            for amount in amounts
        ]

    def order(self, side, quantity, *, reduce_only=False, status=OrderStatus.INITIALIZED, **words):
        self.number += 1
        size = Quantity.from_str(quantity)
        made = SimpleNamespace(
            client_order_id=ClientOrderId(f"O-{self.number}"),
            venue_order_id=VenueOrderId(str(self.number)),
            instrument_id=NAME,
            strategy_id=None,
            side=OrderSide[side],
            quantity=size,
            leaves_qty=size,
            filled_qty=Quantity.from_str("0"),
            is_quote_quantity=False,
            is_reduce_only=reduce_only,
            exec_spawn_id=None,
            status=status,
        )
        for name, value in words.items():
            setattr(made, name, value)
        self.cache.known[made.client_order_id.value] = made
        return made

    def submit(self, order, position_id=None):
        self.client.submit_order(SimpleNamespace(order=order, position_id=position_id))
        return self.client.denied.get(order.client_order_id.value)

    def modify(self, order, quantity=None):
        self.client.modify_order(
            SimpleNamespace(
                client_order_id=order.client_order_id,
                venue_order_id=order.venue_order_id,
                strategy_id=None,
                instrument_id=NAME,
                quantity=None if quantity is None else Quantity.from_str(quantity),
            )
        )
        return self.client.rejected.get(order.client_order_id.value)

    def request(self, what, **words):
        asyncio.run(getattr(self.client._http_account, what)(**words))
