"""The engine's own view of orders, positions and balances at the end of a run, as plain JSON values."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import OrderFilled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nautilus_trader.cache.base import CacheFacade


def engine_view(cache: CacheFacade) -> dict[str, list[dict[str, Any]]]:
    """Return ``orders``, ``positions`` and ``balances``, each sorted; quantities and money are decimal strings."""
    return {
        "orders": sorted((_order(order) for order in cache.orders()), key=lambda row: row["client_order_id"]),
        "positions": sorted(
            (_position(position) for position in cache.positions()),
            key=lambda row: (row["instrument"], row["position_id"]),
        ),
        "balances": [
            row for account in sorted(cache.accounts(), key=lambda item: item.id.value) for row in _balances(account)
        ],
    }


def engine_fills(cache: CacheFacade) -> list[dict[str, Any]]:
    """Return every fill that the engine's orders hold, in the order of orders and their events."""
    return [
        fill_row(event)
        for order in sorted(cache.orders(), key=lambda item: item.client_order_id.value)
        if order.filled_qty
        for event in order.events
        if isinstance(event, OrderFilled)
    ]


def fill_row(event: Any) -> dict[str, Any]:
    """Return a fill event as JSON values: decimal strings, the fee as the engine believes it."""
    return {
        "client_order_id": event.client_order_id.value,
        "trade_id": event.trade_id.value,
        "instrument": event.instrument_id.value,
        "side": "BUY" if event.order_side == OrderSide.BUY else "SELL",
        "quantity": f"{event.last_qty.as_decimal():f}",
        "price": f"{event.last_px.as_decimal():f}",
        "fee": f"{event.commission.as_decimal():f}",
        "fee_currency": event.commission.currency.code,
    }


def netted(positions: list[dict[str, Any]], strategy_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return positions with those of several strategies in one instrument taken together, as a netting venue has them.

    The engine keeps one position for each strategy; positions of nobody's, and hedged ones, stay apart.

    Args:
        positions: rows of ``engine_view``.
        strategy_ids: whose positions are taken together.
    """
    rest: list[dict[str, Any]] = []
    owned: dict[str, list[dict[str, Any]]] = {}
    for row in positions:
        mine = row["position_id"] in {f"{row['instrument']}-{name}" for name in strategy_ids}
        (owned.setdefault(row["instrument"], []) if mine else rest).append(row)
    rest += [rows[0] if len(rows) == 1 else _taken_together(rows) for rows in owned.values()]
    return sorted(rest, key=lambda row: (row["instrument"], row["position_id"]))


def _taken_together(rows: list[dict[str, Any]]) -> dict[str, Any]:
    amount = sum((Decimal(row["signed_quantity"]) for row in rows), Decimal(0))
    return {
        "position_id": " + ".join(row["position_id"] for row in rows),
        "instrument": rows[0]["instrument"],
        "side": "LONG" if amount > 0 else "SHORT" if amount < 0 else "FLAT",
        "quantity": f"{abs(amount):f}",
        "signed_quantity": f"{amount:f}",
        "average_open_price": None,
    }


def _order(order: Any) -> dict[str, Any]:
    return {
        "client_order_id": order.client_order_id.value,
        "venue_order_id": order.venue_order_id.value if order.venue_order_id else None,
        "instrument": order.instrument_id.value,
        "side": order.side_string(),
        "type": order.type_string(),
        "time_in_force": order.tif_string(),
        "status": order.status_string(),
        "quantity": str(order.quantity),
        "filled_quantity": str(order.filled_qty),
        "price": str(order.price) if order.has_price else None,
        "trigger_price": str(order.trigger_price) if order.has_trigger_price else None,
        "average_price": None if not order.filled_qty else repr(float(order.avg_px)),
        "reduce_only": order.is_reduce_only,
    }


def _position(position: Any) -> dict[str, Any]:
    return {
        "position_id": position.id.value,
        "instrument": position.instrument_id.value,
        "side": position.side.name,
        "quantity": str(position.quantity),
        "signed_quantity": f"{position.signed_decimal_qty():f}",
        "average_open_price": repr(float(position.avg_px_open)),
    }


def _balances(account: Any) -> list[dict[str, Any]]:
    return [
        {
            "account": account.id.value,
            "currency": currency.code,
            "total": f"{balance.total.as_decimal():f}",
            "locked": f"{balance.locked.as_decimal():f}",
            "free": f"{balance.free.as_decimal():f}",
        }
        for currency, balance in sorted(account.balances().items(), key=lambda item: item[0].code)
    ]
