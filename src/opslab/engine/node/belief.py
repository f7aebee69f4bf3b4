"""What strategies must believe: orders, fills and positions, built only from the events that they were given."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderEmulated,
    OrderExpired,
    OrderFilled,
    OrderInitialized,
    OrderRejected,
    OrderReleased,
    OrderSubmitted,
    OrderTriggered,
    OrderUpdated,
)

from opslab.engine.node.holdings import Holdings
from opslab.engine.node.live_tap import FIRST
from opslab.engine.node.primaries import Primaries
from opslab.engine.views import fill_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nautilus_trader.common.component import MessageBus

_COLUMNS = ("client_order_id", "instrument", "side", "quantity", "filled_quantity", "status")
_SIDES = ("LONG", "SHORT")
_STATUS = {
    OrderInitialized: "INITIALIZED",
    OrderEmulated: "EMULATED",
    OrderReleased: "RELEASED",
    OrderSubmitted: "SUBMITTED",
    OrderAccepted: "ACCEPTED",
    OrderTriggered: "TRIGGERED",
    OrderRejected: "REJECTED",
    OrderDenied: "DENIED",
    OrderCanceled: "CANCELED",
    OrderExpired: "EXPIRED",
}


class Belief:
    """Follows the events of a node's strategies, in whatever thread: a timer's callback, which may order, has its own.

    Args:
        strategy_ids: whose.
    """

    def __init__(self, *strategy_ids: str) -> None:
        self._strategy_ids = strategy_ids
        self._alone = threading.Lock()
        self._orders: dict[str, dict[str, Any]] = {}
        self._primaries = Primaries(self._orders)
        self._fills: dict[tuple[str, str], dict[str, Any]] = {}
        self._holdings = Holdings()
        self._begun_with: dict[str, Decimal] = {}
        self._fees: dict[str, Decimal] = {}
        self._sides: dict[str, dict[str, Decimal]] = {}

    def attach(self, msgbus: MessageBus) -> None:
        """Listen where the strategies listen."""
        for strategy_id in self._strategy_ids:
            msgbus.subscribe(topic=f"events.order.{strategy_id}", handler=self.take, priority=FIRST)

    def adopt(
        self,
        orders: Sequence[Mapping[str, Any]],
        positions: Sequence[Mapping[str, Any]],
        fills: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Begin with what a strategy finds in the cache when it starts; what was believed before is forgotten.

        Args:
            orders: rows of the engine's view.
            positions: rows of the engine's view.
            fills: rows of the engine's view.
        """
        with self._alone:
            self._adopt(orders, positions, fills)

    def take(self, event: Any) -> None:
        """Believe one event; a fill that was told before is not believed twice."""
        with self._alone:
            self._take(event)

    def view(self) -> dict[str, list[dict[str, Any]]]:
        """Return ``orders``, ``fills`` and ``positions`` as JSON values: decimal strings, quantities in base units."""
        with self._alone:
            return self._view()

    def _adopt(
        self,
        orders: Sequence[Mapping[str, Any]],
        positions: Sequence[Mapping[str, Any]],
        fills: Sequence[Mapping[str, Any]],
    ) -> None:
        self._fills = {(row["client_order_id"], row["trade_id"]): dict(row) for row in fills}
        self._holdings = Holdings.of([{**row, "instrument": _held_as(row)} for row in positions])
        self._sides = {}
        for row in positions:
            if side := _side_of(row["instrument"], row.get("position_id")):
                self._take_side(row["instrument"], side, Decimal(row["signed_quantity"]))
        self._orders = {row["client_order_id"]: {key: row[key] for key in _COLUMNS} for row in orders}
        self._primaries = Primaries(self._orders)
        self._fees = {}
        held: dict[str, Decimal] = {}
        for row in positions:
            held[row["instrument"]] = held.get(row["instrument"], Decimal(0)) + Decimal(row["signed_quantity"])
        for name, amount in self._net().items():  # the fills of these orders are counted again when they are told of
            held[name] = held.get(name, Decimal(0)) - amount
        self._begun_with = held

    def _take(self, event: Any) -> None:
        row = self._orders.setdefault(event.client_order_id.value, _blank(event))
        if isinstance(event, OrderInitialized):
            row |= {"side": event.side.name, "quantity": str(event.quantity)}
        if isinstance(event, OrderUpdated):
            row["quantity"] = str(event.quantity)
        if isinstance(event, OrderFilled):
            self._fill(row, event)
        elif status := _STATUS.get(type(event)):
            row["status"] = status
        self._primaries.take(event)

    def _view(self) -> dict[str, list[dict[str, Any]]]:
        net = self._net()
        for name, amount in self._begun_with.items():
            net[name] = net.get(name, Decimal(0)) + amount
        return {
            "orders": [dict(row) for _, row in sorted(self._orders.items())],
            "fills": list(self._fills.values()),
            "positions": [row for name, amount in sorted(net.items()) for row in self._positions(name, amount)],
        }

    def _positions(self, name: str, amount: Decimal) -> Iterator[dict[str, Any]]:
        """Yield what is held of an instrument: of a hedged one each side, and what belongs to neither."""
        sides = self._sides.get(name, {})
        for side, held in sides.items():
            if held:
                yield self._position(name, held, f"{name}-{side}")
        if rest := amount - sum(sides.values(), Decimal(0)):
            yield self._position(name, rest, name)

    def _take_side(self, name: str, side: str, amount: Decimal) -> None:
        sides = self._sides.setdefault(name, {})
        sides[side] = sides.get(side, Decimal(0)) + amount

    def _position(self, name: str, amount: Decimal, held_as: str) -> dict[str, Any]:
        price = self._holdings.average_price(held_as, amount)
        told = {} if price is None else {"average_open_price": f"{price:f}"}
        return {"instrument": name, "signed_quantity": f"{amount:f}", **told}

    def _net(self) -> dict[str, Decimal]:
        """Return what the fills of the known orders come to, by instrument, less the fees paid in its base currency."""
        net: dict[str, Decimal] = {}
        for row in self._orders.values():
            sign = 1 if row["side"] == "BUY" else -1
            net[row["instrument"]] = net.get(row["instrument"], Decimal(0)) + sign * Decimal(row["filled_quantity"])
        for name, fee in self._fees.items():
            net[name] = net.get(name, Decimal(0)) - fee
        return net

    def _fill(self, row: dict[str, Any], event: OrderFilled) -> None:
        trade = (row["client_order_id"], event.trade_id.value)
        if trade in self._fills:
            return
        self._fills[trade] = fill_row(event)
        sign = 1 if event.order_side == OrderSide.BUY else -1
        name, fee, amount = row["instrument"], _base_fee(event), sign * event.last_qty.as_decimal()
        position_id = event.position_id.value if event.position_id is not None else None
        held_as = _held_as({"instrument": name, "position_id": position_id})
        self._holdings.fill(held_as, amount, event.last_px.as_decimal())
        if side := _side_of(name, position_id):
            self._take_side(name, side, amount)
        if fee:
            self._fees[name] = self._fees.get(name, Decimal(0)) + fee
        filled = Decimal(row["filled_quantity"]) + event.last_qty.as_decimal()
        self._primaries.overfilled(row["client_order_id"], filled)
        row["side"] = OrderSide(event.order_side).name
        row["filled_quantity"] = f"{filled:f}"
        whole = row["quantity"] is not None and filled >= Decimal(row["quantity"])
        row["status"] = "FILLED" if whole else "PARTIALLY_FILLED"


def _side_of(name: str, position_id: str | None) -> str | None:
    """Return the side of a hedged position, as the engine's adapter calls it; None: it is not one of two."""
    return next((side for side in _SIDES if position_id == f"{name}-{side}"), None)


def _held_as(row: Mapping[str, Any]) -> str:
    """Return what a position's mean price is kept under: a hedged one's side has its own."""
    return str(row["position_id"] if _side_of(row["instrument"], row.get("position_id")) else row["instrument"])


def _base_fee(event: OrderFilled) -> Decimal:
    """Return what a fill's fee takes from the quantity: on spot a buyer pays it in what was bought."""
    code = event.commission.currency.code
    is_base = code != event.currency.code and event.instrument_id.symbol.value.startswith(code)
    return event.commission.as_decimal() if is_base else Decimal(0)


def _blank(event: Any) -> dict[str, Any]:
    return {
        "client_order_id": event.client_order_id.value,
        "instrument": event.instrument_id.value,
        "side": None,
        "quantity": None,
        "filled_quantity": "0",
        "status": "INITIALIZED",
    }
