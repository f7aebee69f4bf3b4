"""Several orders in one request: each is answered for itself, in the order of the request.

Source: USD-M futures, "Place Multiple Orders", "Modify Multiple Orders", "Cancel Multiple Orders".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.http.futures.lookup import read_listing
from opslab.venue.http.futures.orders import amend, cancel, place
from opslab.venue.http.params import Params, invalid
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.http.routing import Context

_MOST_PLACED = 5
_MOST_CANCELLED = 10
_CANCELLED_BY = {
    "orderIdList": "orderId",
    "origClientOrderIdList": "origClientOrderId",
    "orderidlist": "orderId",
    "origclientorderidlist": "origClientOrderId",
}
"""Lists of a batch cancel; some clients send their names in small letters, which Binance takes."""


def batch_size(params: Params) -> int:
    """Return how many orders a batch holds, for the order count.

    Raises:
        Refusal: -1102 or -1130, it is no batch.
    """
    return len(params.json_list("batchOrders", _MOST_PLACED))


def place_batch(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``POST /fapi/v1/batchOrders``, at most five orders."""
    return _each(context, params.json_params("batchOrders", _MOST_PLACED), place)


def amend_batch(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``PUT /fapi/v1/batchOrders``, at most five orders."""
    return _each(context, params.json_params("batchOrders", _MOST_PLACED), amend)


def cancel_batch(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``DELETE /fapi/v1/batchOrders``, at most ten orders by number or by client id, not both."""
    symbol = read_listing(context, params).symbol
    sent = [(name, target) for name, target in _CANCELLED_BY.items() if name in params]
    if len(sent) > 1:
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    source, target = sent[0] if sent else ("orderIdList", "orderId")
    entries = params.json_list(source, _MOST_CANCELLED)
    if not all(isinstance(entry, (int, str)) and not isinstance(entry, bool) for entry in entries):
        raise invalid(source)
    return _each(context, [Params({"symbol": symbol, target: str(entry)}) for entry in entries], cancel)


def _each(
    context: Context, entries: list[Params], act: Callable[[Context, Params], dict[str, Any]]
) -> list[dict[str, Any]]:
    answers = []
    for entry in entries:
        try:
            answers.append(act(context, entry))
        except Refusal as refusal:
            answers.append(refusal.body())
    return answers
