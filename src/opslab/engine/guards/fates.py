"""What an error, an order and the venue's answer say about a request of unknown fate. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nautilus_trader.adapters.binance.http.error import BinanceError
from nautilus_trader.model.enums import OrderStatus

from opslab.engine.guards.asking import code_of
from opslab.errors import one_line
from opslab.safety.ambiguity import NO_SUCH_ORDER, Fate, fate_of

AWAITED = {
    "submit": (OrderStatus.SUBMITTED,),
    "cancel": (OrderStatus.PENDING_CANCEL,),
    "modify": (OrderStatus.PENDING_UPDATE,),
}
"""What an order is while its request is under way."""

OVER = (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.FILLED, OrderStatus.REJECTED)


def terms_of(order: Any) -> tuple[Any, Any]:
    """Return what a change can change of an order: its quantity and its price, None where it has none."""
    return order.quantity, getattr(order, "price", None)


def is_made(order: Any, kind: str, words: dict[str, Any]) -> bool:
    """Whether an order is by now what a change asked for: the venue made it, and somebody told so.

    Args:
        order: the engine's order.
        kind: ``modify``; of other requests it is never said.
        words: what the adapter sent.
    """
    if kind != "modify" or order.status in AWAITED[kind]:
        return False
    asked = words.get("quantity"), words.get("price")
    pairs = [(text, now) for text, now in zip(asked, terms_of(order), strict=True) if text is not None]
    return all(now is not None and Decimal(str(text)) == Decimal(str(now)) for text, now in pairs)


def is_untold(order: Any, kind: str, before: tuple[Any, Any]) -> bool:
    """Whether nobody told yet what became of a request.

    The engine asks by itself too, and tells an order that is there as accepted: of a cancel or change it says nothing.

    Args:
        order: the engine's order.
        kind: ``submit``, ``cancel`` or ``modify``.
        before: the order's terms when the doubt arose.
    """
    is_as_before = order.is_open and (kind == "cancel" or (kind == "modify" and terms_of(order) == before))
    return order.status in AWAITED[kind] or is_as_before


def has_happened(kind: str, order: Any, report: Any) -> bool:
    """Whether a cancel or change shows in the order's state at the venue, or the order is over for another reason."""
    if report is None:
        return False
    is_changed = kind == "modify" and (report.quantity != order.quantity or report.price != order.price)
    return is_changed or report.order_status in OVER


def fate(error: BaseException) -> Fate:
    """Return what an error says about its request; a connection that broke says nothing."""
    if not isinstance(error, BinanceError):
        return Fate.OPEN
    return fate_of(error.status, code_of(error), str(error.message))


def is_unclear(error: BaseException) -> bool:
    """Whether a cancel or change may have happened, or the order is over: in both cases asking tells."""
    return fate(error) is Fate.OPEN or (isinstance(error, BinanceError) and code_of(error) in NO_SUCH_ORDER)


def line_of(error: BaseException) -> str:
    """Return an error in one line."""
    return one_line(f"{type(error).__name__}: {error}", 200)


def keys_of(words: dict[str, Any]) -> list[str]:
    """Return the names under which a failed cancel or change is found again: of the order, else of the symbol."""
    names = [
        words.get("orig_client_order_id"),
        words.get("client_algo_id"),
        words.get("order_id"),
        words.get("algo_id"),
    ]
    names += words.get("client_order_ids") or []
    found = [str(name) for name in names if name is not None]
    return found or [str(words["symbol"])]
