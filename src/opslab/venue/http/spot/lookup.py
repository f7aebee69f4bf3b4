"""Which order a request means, and under which conditions it may be cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.orders import OrderStatus
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from opslab.venue.http.params import Params
    from opslab.venue.http.routing import Context

_RESTRICTIONS = {"ONLY_NEW": OrderStatus.NEW, "ONLY_PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED}


def read_target(
    params: Params, number: str = "orderId", text: str = "origClientOrderId"
) -> tuple[int | None, str | None]:
    """Return the order's number and its client id, one of them perhaps None.

    Args:
        params: of the request.
        number: name of the parameter with the venue's id.
        text: name of the parameter with the client's id.

    Raises:
        Refusal: -1102 when neither was sent.
    """
    order_id, client_id = params.integer(number, None), params.text(text, None)
    if order_id is None and client_id is None:
        raise Refusal(-1102, f"Param '{text}' or '{number}' must be sent, but both were empty/null!")
    return order_id, client_id


def checked_name(params: Params) -> str | None:
    """Return ``cancelRestrictions``, None where it was not sent.

    Raises:
        Refusal: -1145 for one that there is not.
    """
    restriction = params.text("cancelRestrictions", None)
    if restriction is not None and restriction not in _RESTRICTIONS:
        raise Refusal(-1145, "Invalid cancelRestrictions; it has to be either ONLY_NEW or ONLY_PARTIALLY_FILLED.")
    return restriction


def checked_restrictions(
    context: Context, params: Params, symbol: str, order_id: int | None, client_id: str | None
) -> None:
    """Refuse a cancel that does not fit the order.

    Raises:
        Refusal: -2011 unknown, or not in the state that ``cancelRestrictions`` wants; -1145 such a restriction is
            unknown.
    """
    restriction = checked_name(params)
    try:
        order = context.exchange.order(context.account, symbol, order_id=order_id, client_order_id=client_id)
    except Refusal as refusal:
        raise Refusal(-2011, "Unknown order sent.") from refusal
    if not order.status.is_open:
        raise Refusal(-2011, "Unknown order sent.")
    if restriction is not None and order.status is not _RESTRICTIONS[restriction]:
        raise Refusal(-2011, "Order was not canceled due to cancel restrictions.")
