"""A new spot order, read from a request's parameters.

Which parameters a type demands and which it may not bear: Binance, *New order (TRADE)*, "Additional mandatory
parameters based on type"; codes -1102, -1106 and -1115 of its *Error codes*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.http.params import CLIENT_ID, SYMBOL, invalid, mandatory
from opslab.venue.orders import NewOrder, OrderType, Side, TimeInForce
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from opslab.venue.http.params import Params

SPOT_TYPES = (
    OrderType.LIMIT,
    OrderType.LIMIT_MAKER,
    OrderType.MARKET,
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)
"""The types that spot knows."""

_PRICED = frozenset({OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT, OrderType.LIMIT_MAKER})
_TIMED = frozenset({OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
_TRIGGERED = frozenset(
    {OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
)
_STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
_UNSUPPORTED = {
    "icebergQty": "Iceberg orders are not supported for this symbol.",
    "trailingDelta": "Trailing stop orders are not supported for this symbol.",
    "pegPriceType": "Pegged orders are not supported for this symbol.",
}

ORDER_PARAMETERS = (
    "symbol", "side", "type", "timeInForce", "quantity", "quoteOrderQty", "price", "newClientOrderId", "strategyId",
    "strategyType", "stopPrice", "trailingDelta", "icebergQty", "newOrderRespType", "selfTradePreventionMode",
    "pegPriceType", "pegOffsetValue", "pegOffsetType",
)  # fmt: skip
"""What a new order may bear."""


def read_new_order(params: Params) -> NewOrder:
    """Return the order that the parameters ask for.

    Raises:
        Refusal: -1102 mandatory and not sent, -1106 sent though the type has no use for it, -1115, -1116 and -1117 for
            a time in force, type or side that spot does not know, -1013 for a kind of order that no symbol here takes.
    """
    symbol = params.text("symbol", pattern=SYMBOL)
    side = params.enum("side", Side)
    kind = params.enum("type", OrderType)
    if kind not in SPOT_TYPES:
        raise invalid("type")
    for name, message in _UNSUPPORTED.items():
        if name in params:
            raise Refusal(-1013, message)
    _refuse_unneeded(params, kind)
    quantity = params.decimal("quantity", None)
    quote_quantity = params.decimal("quoteOrderQty", None)
    if quantity is None and quote_quantity is None:
        raise mandatory("quantity")
    return NewOrder(
        symbol=symbol,
        side=side,
        type=kind,
        quantity=quantity,
        price=params.decimal("price") if kind in _PRICED else None,
        stop_price=params.decimal("stopPrice") if kind in _TRIGGERED else None,
        time_in_force=params.enum("timeInForce", TimeInForce) if kind in _TIMED else None,
        client_order_id=params.text("newClientOrderId", "", pattern=CLIENT_ID),
        quote_quantity=quote_quantity,
        stp_mode=params.choice("selfTradePreventionMode", _STP_MODES, "NONE"),
    )


def _refuse_unneeded(params: Params, kind: OrderType) -> None:
    needless = []
    if kind not in _PRICED:
        needless.append("price")
    if kind not in _TRIGGERED:
        needless.append("stopPrice")
    if kind not in _TIMED:
        needless.append("timeInForce")
    if kind is not OrderType.MARKET or "quantity" in params:
        needless.append("quoteOrderQty")
    for name in needless:
        if name in params:
            raise Refusal(-1106, f"Parameter '{name}' sent when not required.")
