"""What went over the wire, as a view of its own: orders sent, fills told, request weight used. Pure.

It tells where something got lost: a fill that is in the books and was told on no user stream was lost by the venue or
on the way; one that was told and that the engine does not have was lost by the engine. Records are those of
``wire.jsonl``.

Sources: developers.binance.com, USD-M futures "New Order", "Place Multiple Orders", "Event: Order Update"; spot "New
order", WebSocket API "Place new order", user data stream "Order update"; "LIMITS" (``X-MBX-USED-WEIGHT-1M``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opslab.reconcile.three_views import fill_differences
from opslab.reconcile.view_rows import tolerances_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opslab.reconcile.view_difference import ViewDifference

_ORDER_NAMES = ("newClientOrderId", "clientAlgoId")
_EXECUTIONS = ("TRADE", "CALCULATED")
_PLACES = (
    "POST /fapi/v1/order",
    "POST /fapi/v1/algoOrder",
    "POST /api/v3/order",
    "WS order.place",
    "WS order.cancelReplace",
)
_BATCH = "POST /fapi/v1/batchOrders"


def wire_view(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a wire log amounts to.

    Args:
        records: each with ``kind`` and ``facts``, in order.

    Returns:
        ``requests``; ``orders_sent``, how many orders were asked for; ``client_order_ids``, how many of their client
        ids are distinct; ``used_weight``, the largest request weight within a minute that the venue told, null where
        it told none; and ``fills``, each as a user stream told it, once for each time on one socket.
    """
    requests, sent, weights = 0, [], []
    told: dict[int, list[dict[str, Any]]] = {}
    for record in records:
        facts = record["facts"]
        if record["kind"] == "request":
            requests += 1
            sent += _orders_of(f"{facts.get('method')} {facts.get('path')}", facts.get("params") or {})
        elif record["kind"] == "reply" and str(facts.get("used_weight", "")).isdecimal():
            weights.append(int(facts["used_weight"]))
        elif record["kind"] == "out" and (fill := _fill_of(facts)) is not None:
            told.setdefault(facts.get("socket", 0), []).append(fill)
    return {
        "requests": requests,
        "orders_sent": len(sent),
        "client_order_ids": len(set(sent)),
        "used_weight": max(weights, default=None),
        "fills": list(_once_each(told)),
    }


def wire_differences(books: Mapping[str, Any], account: str, wire: Mapping[str, Any]) -> list[ViewDifference]:
    """Return how the fills that user streams told differ from those of the venue's books.

    A fill that was lost there may have been found otherwise: that is for the engine's view to show.

    Args:
        books: a snapshot of the venue's books.
        account: the ledger's name of the account.
        wire: what ``wire_view`` returned.
    """
    true = {name: [_ledger_fill(row) for row in found["fills"]] for name, found in books["accounts"].items()}
    others = {_key(row) for name, rows in true.items() if name != account for row in rows}
    told = [row for row in wire["fills"] if _key(row) not in others]
    return fill_differences(
        "wire", true.get(account, []), told, tolerances_of({"instruments": books.get("symbols", {})})
    )


def _orders_of(route: str, params: Mapping[str, Any]) -> list[str]:
    if route in _PLACES:
        return [_name_of(params)]
    if route != _BATCH:
        return []
    try:
        batch = json.loads(params.get("batchOrders", "[]"))
    except (TypeError, ValueError):
        return []
    return [_name_of(row) for row in batch if isinstance(row, dict)] if isinstance(batch, list) else []


def _name_of(params: Mapping[str, Any]) -> str:
    return next((str(params[name]) for name in _ORDER_NAMES if params.get(name)), "")


def _fill_of(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    data = facts.get("data")
    if not isinstance(data, dict):
        return None
    event = data.get("event", data)  # the WebSocket API wraps it
    report = event.get("o") if isinstance(event, dict) and event.get("e") == "ORDER_TRADE_UPDATE" else event
    if not isinstance(report, dict) or report.get("x") not in _EXECUTIONS:
        return None
    return {
        "client_order_id": str(report.get("c")),
        "trade_id": str(report.get("t")),
        "instrument": report.get("s"),
        "side": report.get("S"),
        "quantity": report.get("l") or "0",
        "price": report.get("L") or "0",
        "fee": report.get("n"),
        "fee_currency": report.get("N"),
    }


def _once_each(told: Mapping[int, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield each fill as often as the socket did that told it most often: every socket of an account tells it once."""
    given: dict[tuple[str, str], int] = {}
    for rows in told.values():
        seen: dict[tuple[str, str], int] = {}
        for row in rows:
            key = _key(row)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] > given.get(key, 0):
                given[key] = seen[key]
                yield row


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["client_order_id"], row["trade_id"]


def _ledger_fill(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "client_order_id": row["client_order_id"],
        "trade_id": str(row["trade_id"]),
        "instrument": row["symbol"],
        "side": row["side"],
        "quantity": row["quantity"],
        "price": row["price"],
        "fee": row["commission"],
        "fee_currency": row["commission_asset"],
    }
