"""The venue's books as a view: rows in the words that engine and strategy views use."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_WAITS = ("NEW", "TRIGGERING")
"""Words for a conditional order that is not an order yet."""


def venue_view(books: Mapping[str, Any], account: str, name_of: Callable[[str], str]) -> dict[str, Any]:
    """Return ``orders``, ``fills``, ``balances`` and, of a futures account, ``positions`` of one account, sorted.

    A conditional order that waits is one of its orders. ``instruments`` tells how exact numbers are.

    Args:
        books: a snapshot of the venue's books.
        account: the ledger's name of the account.
        name_of: returns how the engine names a symbol.
    """
    found = books["accounts"][account]
    view: dict[str, Any] = {
        "orders": sorted(
            [
                *(_order(row, name_of) for row in found["orders"]),
                *(_algo(row, name_of) for row in found.get("algos", ()) if row["status"] in _WAITS),
            ],
            key=lambda row: str(row["client_order_id"]),
        ),
        "fills": [_fill(row, name_of) for row in found["fills"]],
        "instruments": {
            name_of(symbol): {name: row[name] for name in ("tick_size", "step_size")}
            for symbol, row in books["symbols"].items()
            if "tick_size" in row
        },
        "balances": [_balance(account, asset, row) for asset, row in sorted(found["balances"].items())],
    }
    if books["market"] == "futures":
        view["positions"] = [
            {
                "position_id": f"{row['symbol']}-{row['side']}",
                "instrument": name_of(row["symbol"]),
                "signed_quantity": row["amount"],
                "average_open_price": row["entry_price"],
            }
            for row in found["positions"]
        ]
    return view


def held_of(books: Mapping[str, Any], account: str, assets: Collection[str]) -> dict[str, Decimal]:
    """Return how much an account has of some assets, in their units; what it has none of is left out.

    Args:
        books: a snapshot of the venue's books.
        account: the ledger's name of the account.
        assets: which ones.
    """
    rows = books["accounts"][account]["balances"]
    amounts = {asset: Decimal(rows[asset]["wallet"]) for asset in sorted(assets) if asset in rows}
    return {asset: amount for asset, amount in amounts.items() if amount > 0}


def _order(row: Mapping[str, Any], name_of: Callable[[str], str]) -> dict[str, Any]:
    command = row["command"]
    executed = Decimal(row["executed"])
    return {
        "client_order_id": row["client_order_id"],
        "venue_order_id": str(row["order_id"]),
        "instrument": name_of(command["symbol"]),
        "side": command["side"],
        "type": command["type"],
        "status": row["status"],
        "quantity": row["quantity"],
        "filled_quantity": row["executed"],
        "price": row["price"] if Decimal(row["price"]) else None,
        "average_price": f"{Decimal(row['cumulative_quote']) / executed:f}" if executed else None,
        "trigger_price": command["stop_price"],
        "reduce_only": command["reduce_only"],
        "position_side": command["position_side"],
    }


def _algo(row: Mapping[str, Any], name_of: Callable[[str], str]) -> dict[str, Any]:
    command = row["command"]
    return {
        "client_order_id": row["client_algo_id"],
        "venue_order_id": None,
        "instrument": name_of(command["symbol"]),
        "side": command["side"],
        "type": command["type"],
        "status": "NEW",
        "quantity": command["quantity"] or "0",
        "filled_quantity": "0",
        "price": command["price"],
        "average_price": None,
        "trigger_price": command["stop_price"],
        "reduce_only": command["reduce_only"],
        "position_side": command["position_side"],
    }


def _fill(row: Mapping[str, Any], name_of: Callable[[str], str]) -> dict[str, Any]:
    return {
        "client_order_id": row["client_order_id"],
        "trade_id": str(row["trade_id"]),
        "instrument": name_of(row["symbol"]),
        "side": row["side"],
        "quantity": row["quantity"],
        "price": row["price"],
        "fee": row["commission"],
        "fee_currency": row["commission_asset"],
    }


def _balance(account: str, asset: str, row: Mapping[str, Any]) -> dict[str, Any]:
    total, locked = Decimal(row["wallet"]), Decimal(row["locked"])
    return {
        "account": account,
        "currency": asset,
        "total": f"{total:f}",
        "locked": f"{locked:f}",
        "free": f"{total - locked:f}",
    }
