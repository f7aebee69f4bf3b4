"""What is left of orders that execution algorithms divide, by the events of the orders that were spawned from them.

An algorithm makes an order smaller when it spawns another one from it, and larger again when the venue or the engine
would not have that one. No event tells of either (``ExecAlgorithm`` of 1.231): it follows from the spawned order's own.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderInitialized,
    OrderRejected,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_REFUSED = (OrderDenied, OrderRejected)
_SETTLED = (OrderAccepted, OrderCanceled, OrderExpired)


class Primaries:
    """Follows the events of spawned orders.

    Args:
        orders: rows by client order id; the ``quantity`` of those that are divided is kept right.
    """

    def __init__(self, orders: Mapping[str, MutableMapping[str, Any]]) -> None:
        self._orders = orders
        self._taken: dict[str, tuple[str, Decimal]] = {}
        self._whole: dict[str, str] = {}

    def take(self, event: Any) -> None:
        """Take in one event that was believed; of orders that were not spawned nothing follows."""
        name = event.client_order_id.value
        if isinstance(event, OrderInitialized):
            if event.exec_spawn_id is not None and event.exec_spawn_id != event.client_order_id:
                self._divide(event.exec_spawn_id.value, name, event.quantity.as_decimal())
        elif isinstance(event, _REFUSED):
            self._restore(name)
        elif isinstance(event, _SETTLED):
            self._taken.pop(name, None)

    def overfilled(self, name: str, filled: Decimal) -> None:
        """Take in that an order has more fills than is left of it: its algorithm did not make it smaller.

        Args:
            name: its client order id.
            filled: what its fills come to.
        """
        row, whole = self._orders.get(name), self._whole.get(name)
        if row is not None and whole is not None and filled > Decimal(row["quantity"]):
            row["quantity"] = whole
            del self._whole[name]

    def _divide(self, primary: str, spawned: str, amount: Decimal) -> None:
        row = self._orders.get(primary)
        if row is None or row["quantity"] is None or spawned in self._taken:
            return
        left = Decimal(row["quantity"]) - amount
        if left <= 0 or left < Decimal(row["filled_quantity"]):
            return  # one that is made smaller keeps something, and is never divided beyond what is left
        self._whole.setdefault(primary, row["quantity"])
        self._taken[spawned] = (primary, amount)
        row["quantity"] = f"{left:f}"

    def _restore(self, spawned: str) -> None:
        primary, amount = self._taken.pop(spawned, (None, Decimal(0)))
        row = None if primary is None else self._orders.get(primary)
        if row is not None and primary in self._whole:
            unfilled = amount - Decimal(self._orders[spawned]["filled_quantity"])
            row["quantity"] = f"{Decimal(row['quantity']) + max(unfilled, Decimal(0)):f}"
