"""What strategies must believe: their orders and positions, built only from the events that they were given."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderInitialized,
    OrderRejected,
    OrderSubmitted,
    OrderTriggered,
    OrderUpdated,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nautilus_trader.common.component import MessageBus

_COLUMNS = ("client_order_id", "instrument", "side", "quantity", "filled_quantity", "status")
_STATUS = {
    OrderInitialized: "INITIALIZED",
    OrderSubmitted: "SUBMITTED",
    OrderAccepted: "ACCEPTED",
    OrderTriggered: "TRIGGERED",
    OrderRejected: "REJECTED",
    OrderDenied: "DENIED",
    OrderCanceled: "CANCELED",
    OrderExpired: "EXPIRED",
}


class Belief:
    """Follows the events of a node's strategies.

    Args:
        strategy_ids: whose.
    """

    def __init__(self, *strategy_ids: str) -> None:
        self._strategy_ids = strategy_ids
        self._orders: dict[str, dict[str, Any]] = {}
        self._trades: set[tuple[str, str]] = set()
        self._begun_with: dict[str, Decimal] = {}
        self._fees: dict[str, Decimal] = {}

    def attach(self, msgbus: MessageBus) -> None:
        """Listen where the strategies listen."""
        for strategy_id in self._strategy_ids:
            msgbus.subscribe(topic=f"events.order.{strategy_id}", handler=self.take)

    def adopt(self, orders: Sequence[Mapping[str, Any]], positions: Sequence[Mapping[str, Any]]) -> None:
        """Begin with what a strategy finds in the cache when it starts; what was believed before is forgotten.

        Args:
            orders: rows of the engine's view.
            positions: rows of the engine's view.
        """
        self._orders = {row["client_order_id"]: {key: row[key] for key in _COLUMNS} for row in orders}
        self._fees = {}
        held: dict[str, Decimal] = {}
        for row in positions:
            held[row["instrument"]] = held.get(row["instrument"], Decimal(0)) + Decimal(row["signed_quantity"])
        for name, amount in self._net().items():  # the fills of these orders are counted again when they are told of
            held[name] = held.get(name, Decimal(0)) - amount
        self._begun_with = held

    def take(self, event: Any) -> None:
        """Believe one event; a fill that was told before is not believed twice."""
        row = self._orders.setdefault(event.client_order_id.value, _blank(event))
        if isinstance(event, OrderInitialized):
            row |= {"side": event.side.name, "quantity": str(event.quantity)}
        if isinstance(event, OrderUpdated):
            row["quantity"] = str(event.quantity)
        if isinstance(event, OrderFilled):
            self._fill(row, event)
        elif status := _STATUS.get(type(event)):
            row["status"] = status

    def view(self) -> dict[str, list[dict[str, Any]]]:
        """Return ``orders`` and ``positions`` as JSON values, sorted; quantities are decimal strings in base units."""
        net = self._net()
        for name, amount in self._begun_with.items():
            net[name] = net.get(name, Decimal(0)) + amount
        return {
            "orders": sorted(self._orders.values(), key=lambda row: str(row["client_order_id"])),
            "positions": [
                {"instrument": name, "signed_quantity": f"{amount:f}"} for name, amount in sorted(net.items()) if amount
            ],
        }

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
        if trade in self._trades:
            return
        self._trades.add(trade)
        name, fee = row["instrument"], _base_fee(event)
        if fee:
            self._fees[name] = self._fees.get(name, Decimal(0)) + fee
        filled = Decimal(row["filled_quantity"]) + event.last_qty.as_decimal()
        row["side"] = OrderSide(event.order_side).name
        row["filled_quantity"] = f"{filled:f}"
        whole = row["quantity"] is not None and filled >= Decimal(row["quantity"])
        row["status"] = "FILLED" if whole else "PARTIALLY_FILLED"


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
