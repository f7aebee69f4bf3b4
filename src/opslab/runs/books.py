"""The venue's books as a view: rows in the words that engine and strategy views use."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def venue_view(books: Mapping[str, Any], account: str, name_of: Callable[[str], str]) -> dict[str, Any]:
    """Return ``orders``, ``balances`` and, of a futures account, ``positions`` of one account, each sorted.

    Args:
        books: a snapshot of the venue's books.
        account: the ledger's name of the account.
        name_of: returns how the engine names a symbol.
    """
    found = books["accounts"][account]
    view: dict[str, Any] = {
        "orders": sorted(
            (_order(row, name_of) for row in found["orders"]), key=lambda row: str(row["client_order_id"])
        ),
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
        "reduce_only": command["reduce_only"],
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
