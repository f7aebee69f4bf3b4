"""Cancel an order and place another one. Source: Binance, *Cancel an existing order and send a new order (TRADE)*.

The new order's filters are looked at first: if it breaks one, nothing is cancelled. After that the cancel comes before
the new order, and what fails does not undo what did not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.http.params import CLIENT_ID
from opslab.venue.http.spot import order_payloads as payloads
from opslab.venue.http.spot.lookup import checked_name, checked_restrictions, read_target
from opslab.venue.http.spot.new_order import ORDER_PARAMETERS, read_new_order
from opslab.venue.http.spot.placing import answered, placed
from opslab.venue.http.spot.symbols import listing_of
from opslab.venue.refusal import Refusal
from opslab.venue.stream.figures import figures_of
from opslab.venue.wire import Reply

if TYPE_CHECKING:
    from opslab.venue.http.params import Params
    from opslab.venue.http.routing import Context
    from opslab.venue.orders import NewOrder

CANCEL_REPLACE_PARAMETERS = (
    *ORDER_PARAMETERS, "cancelReplaceMode", "cancelNewClientOrderId", "cancelOrigClientOrderId", "cancelOrderId",
    "cancelRestrictions", "orderRateLimitExceededMode",
)  # fmt: skip
"""What the request may bear."""

_MODES = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
_BROKEN_FILTERS = frozenset({-1013, -1111, -1121})
_SUCCESS, _FAILURE, _NOT_ATTEMPTED = "SUCCESS", "FAILURE", "NOT_ATTEMPTED"


def cancel_replace(context: Context, params: Params) -> dict[str, Any] | Reply:
    """Cancel one order and place another; a failure is answered with -2021 (in part, 409) or -2022 (400)."""
    command = read_new_order(params)
    listing_of(context, command.symbol)
    is_strict = params.choice("cancelReplaceMode", _MODES) == "STOP_ON_FAILURE"
    answer = answered(params, command)
    read_target(params, "cancelOrderId", "cancelOrigClientOrderId")
    params.text("cancelNewClientOrderId", None, pattern=CLIENT_ID)
    checked_name(params)
    _refuse_broken_filters(context, command)

    cancel_result, cancelled = _cancelled(context, params, command.symbol)
    if cancel_result == _FAILURE and is_strict:
        new_result, new = _NOT_ATTEMPTED, None
    else:
        new_result, new = _placed(context, command, answer)
    outcome = {
        "cancelResult": cancel_result,
        "newOrderResult": new_result,
        "cancelResponse": cancelled,
        "newOrderResponse": new,
    }
    return outcome if cancel_result == new_result == _SUCCESS else _failed(outcome)


def _cancelled(context: Context, params: Params, symbol: str) -> tuple[str, dict[str, Any]]:
    order_id, client_id = read_target(params, "cancelOrderId", "cancelOrigClientOrderId")
    request_id = params.text("cancelNewClientOrderId", None, pattern=CLIENT_ID)
    try:
        checked_restrictions(context, params, symbol, order_id, client_id)
        gone = context.exchange.cancel(context.account, symbol, order_id=order_id, client_order_id=client_id)
    except Refusal as refusal:
        return _FAILURE, refusal.body()
    figures = figures_of(listing_of(context, symbol).instrument)
    return _SUCCESS, payloads.cancelled(gone, figures, request_id)


def _placed(context: Context, command: NewOrder, answer: str) -> tuple[str, dict[str, Any]]:
    try:
        return _SUCCESS, placed(context, command, answer)
    except Refusal as refusal:
        return _FAILURE, refusal.body()


def _refuse_broken_filters(context: Context, command: NewOrder) -> None:
    """Ask only about filters: the funds that the new order needs may be those that the cancel frees."""
    try:
        context.exchange.check(context.account, command)
    except Refusal as refusal:
        if refusal.code in _BROKEN_FILTERS:
            raise


def _failed(outcome: dict[str, Any]) -> Reply:
    if _SUCCESS in (outcome["cancelResult"], outcome["newOrderResult"]):
        return Reply(409, {"code": -2021, "msg": "Order cancel-replace partially failed.", "data": outcome})
    return Reply(400, {"code": -2022, "msg": "Order cancel-replace failed.", "data": outcome})
