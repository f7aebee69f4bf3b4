"""Spot user stream: what an account is told of a change in the ledger.

``payloads(event, exchange)`` gives the messages of one ledger event in the order in which they leave, unwrapped; the
WebSocket API wraps each as ``{"subscriptionId": n, "event": payload}``, a listenKey stream sends it as it is.
``payload["e"]`` names it. Whose they are: ``opslab.venue.stream.owner.owner_of(event)``.

Source: Binance, *User Data Streams for Binance* (spot).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.events import AccountChanged, Execution, OrderChanged
from opslab.venue.orders import OrderType
from opslab.venue.stream.figures import amount, figures_of

if TYPE_CHECKING:
    from opslab.venue.events import LedgerEvent
    from opslab.venue.exchange import Exchange
    from opslab.venue.orders import Fill, Order
    from opslab.venue.stream.figures import Figures

TRANSFERS = frozenset({"DEPOSIT", "WITHDRAW", "ADJUSTMENT", "ADMIN_DEPOSIT", "ADMIN_WITHDRAW"})
"""Reasons that come with a ``balanceUpdate``: money came or went, nothing was traded."""


def cancel_id(order: Order) -> str:
    """Return the id that the venue gives to the cancel request of an order, where the client gave none."""
    return f"cancel-{order.order_id}"


def execution_report(event: OrderChanged, figures: Figures) -> dict[str, Any]:
    """Return an ``executionReport``.

    After a cancel, ``c`` is the id of the cancel request and ``C`` the order's own. ``I`` is the number of the ledger
    event.
    """
    order, command = event.order, event.order.command
    is_cancel = event.execution is Execution.CANCELED
    report: dict[str, Any] = {
        "e": "executionReport",
        "E": event.time_ms,
        "s": command.symbol,
        "c": cancel_id(order) if is_cancel else order.client_order_id,
        "S": command.side.value,
        "o": order.orig_type.value,
        "f": command.time_in_force.value if command.time_in_force else "GTC",
        "q": figures.size(order.quantity),
        "p": figures.price(order.price),
        "P": figures.price(command.stop_price),
        "F": figures.size(None),
        "g": -1,
        "C": order.client_order_id if is_cancel else "",
        "x": event.execution.value,
        "X": order.status.value,
        "r": "NONE",
        "i": order.order_id,
        **_last_fill(event.fill, figures),
        "z": figures.size(order.executed),
        "T": event.time_ms,
        "I": event.seq,
        "w": order.is_working and order.status.is_open and order.orig_type is not OrderType.MARKET,
        "M": False,
        "O": order.time_ms,
        "Z": amount(order.cumulative_quote),
        "Q": amount(command.quote_quantity or Decimal(0)),
        "V": command.stp_mode,
    }
    if order.is_working:
        report["W"] = order.time_ms
    return report


def _last_fill(fill: Fill | None, figures: Figures) -> dict[str, Any]:
    if fill is None:
        nothing = figures.size(None)
        return {
            "l": nothing,
            "L": figures.price(None),
            "n": "0",
            "N": None,
            "t": -1,
            "m": False,
            "Y": amount(Decimal(0)),
        }
    return {
        "l": figures.size(fill.quantity),
        "L": figures.price(fill.price),
        "n": amount(fill.commission),
        "N": fill.commission_asset,
        "t": fill.trade_id,
        "m": fill.is_maker,
        "Y": amount(fill.price * fill.quantity),
    }


def account_position(event: AccountChanged) -> dict[str, Any]:
    """Return an ``outboundAccountPosition``: what is free and what is locked of each currency that changed."""
    balances = [
        {"a": state.asset, "f": amount(state.wallet - state.locked), "l": amount(state.locked)}
        for state in event.balances
    ]
    return {"e": "outboundAccountPosition", "E": event.time_ms, "u": event.time_ms, "B": balances}


def balance_updates(event: AccountChanged) -> list[dict[str, Any]]:
    """Return a ``balanceUpdate`` for each currency that was paid in or out."""
    return [
        {"e": "balanceUpdate", "E": event.time_ms, "a": state.asset, "d": amount(state.change), "T": event.time_ms}
        for state in event.balances
        if state.change
    ]


def listen_key_expired(listen_key: str, time_ms: int) -> dict[str, Any]:
    """Return what a listenKey stream sends last."""
    return {"e": "listenKeyExpired", "E": time_ms, "listenKey": listen_key}


def stream_terminated(time_ms: int) -> dict[str, Any]:
    """Return what a subscription of the WebSocket API sends last."""
    return {"e": "eventStreamTerminated", "E": time_ms}


def payloads(event: LedgerEvent, exchange: Exchange) -> list[dict[str, Any]]:
    """Return the messages of a ledger event, in the order in which they leave; none for what spot does not report."""
    if isinstance(event, OrderChanged):
        listing = exchange.listings[event.order.command.symbol]
        return [execution_report(event, figures_of(listing.instrument))]
    if isinstance(event, AccountChanged):
        updates = balance_updates(event) if event.reason in TRANSFERS else []
        return [account_position(event), *updates]
    return []
