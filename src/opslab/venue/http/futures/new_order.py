"""New orders, read from a request's parameters: plain ones and conditional (algo) ones.

Source: USD-M futures, "New Order" and "New Algo Order", their tables of mandatory parameters by type; codes -1102,
-1106, -1115, -1116, -1117 and -4015 of its error code page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.http.params import CLIENT_ID, SYMBOL, invalid
from opslab.venue.orders import NewOrder, OrderType, PositionSide, Side, TimeInForce
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.venue.http.params import Params

CONDITIONAL = (
    OrderType.STOP,
    OrderType.STOP_MARKET,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_MARKET,
    OrderType.TRAILING_STOP_MARKET,
)
"""Types that wait for a price; only the algo endpoints take them."""
FUTURES_TYPES = (OrderType.LIMIT, OrderType.MARKET, *CONDITIONAL)
"""The types that USD-M futures know."""
STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
_PRICED = frozenset({OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT})
_CLOSING = frozenset({OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET})
_OF_STOPS = ("stopPrice", "triggerPrice", "callbackRate", "activatePrice")
_NEEDLESS = {OrderType.LIMIT: _OF_STOPS, OrderType.MARKET: ("timeInForce", "price", *_OF_STOPS)}
_LONGEST_ID = 36


def read_order(params: Params) -> NewOrder:
    """Return the order that ``POST /fapi/v1/order`` asks for.

    Raises:
        Refusal: a parameter is missing, malformed or not for this type; -4120 for a conditional type, -4136 for
            ``closePosition``, which only conditional market orders know.
    """
    kind = _read_type(params, "type")
    if kind in CONDITIONAL:
        message = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        raise Refusal(-4120, message)
    return _read(params, kind, "newClientOrderId")


def read_algo(params: Params) -> NewOrder:
    """Return the order that ``POST /fapi/v1/algoOrder`` asks for.

    Raises:
        Refusal: as ``read_order``; -1130 for another ``algoType`` than ``CONDITIONAL``, -1116 for a plain type.
    """
    params.choice("algoType", ("CONDITIONAL",))
    kind = _read_type(params, "type")
    if kind not in CONDITIONAL:
        raise invalid("type")
    return _read(params, kind, "clientAlgoId")


def _read_type(params: Params, name: str) -> OrderType:
    params.text("symbol")
    kind = params.enum(name, OrderType)
    if kind not in FUTURES_TYPES:
        raise invalid(name)
    return kind


def _read(params: Params, kind: OrderType, id_name: str) -> NewOrder:
    _refuse_unsupported(params, kind)
    is_trailing = kind is OrderType.TRAILING_STOP_MARKET
    closes = params.flag("closePosition", False)
    if closes and kind not in _CLOSING:
        raise Refusal(-4136, f"Target strategy invalid for orderType {kind},closePosition true")
    time_in_force = _read_time_in_force(params, kind)
    return NewOrder(
        symbol=params.text("symbol", pattern=SYMBOL),
        side=params.enum("side", Side),
        type=kind,
        quantity=_read_quantity(params, closes=closes),
        price=params.decimal("price") if kind in _PRICED else None,
        stop_price=params.decimal("triggerPrice") if kind in CONDITIONAL and not is_trailing else None,
        time_in_force=time_in_force,
        client_order_id=read_client_id(params, id_name),
        reduce_only=params.flag("reduceOnly", False),
        close_position=closes,
        position_side=params.enum("positionSide", PositionSide, PositionSide.BOTH),
        working_type=params.choice("workingType", ("CONTRACT_PRICE", "MARK_PRICE"), "CONTRACT_PRICE"),
        activation_price=params.decimal("activatePrice", None) if is_trailing else None,
        callback_rate=params.decimal("callbackRate") if is_trailing else None,
        stp_mode=params.choice("selfTradePreventionMode", STP_MODES, "NONE"),
        good_till_ms=params.integer("goodTillDate", low=0) if time_in_force is TimeInForce.GTD else None,
    )


def read_client_id(params: Params, name: str) -> str:
    """Return a new order's client id, empty where none was sent.

    Raises:
        Refusal: -4015 longer than 36 characters, -1100 with other characters than Binance takes.
    """
    if len(params.values.get(name, "")) > _LONGEST_ID:
        raise Refusal(-4015, f"Client order id length should be less than {_LONGEST_ID} chars")
    return params.text(name, "", pattern=CLIENT_ID)


def _read_quantity(params: Params, *, closes: bool) -> Decimal | None:
    if not closes:
        return params.decimal("quantity")
    for name in ("quantity", "reduceOnly"):
        if name in params:
            raise Refusal(-1106, f"Parameter '{name.lower()}' sent when not required.")
    return None


def _read_time_in_force(params: Params, kind: OrderType) -> TimeInForce | None:
    """Return when it ends; a plain LIMIT must say so, conditional types may, and a MARKET has no use for it."""
    if kind is OrderType.LIMIT:
        return params.enum("timeInForce", TimeInForce)
    if kind is OrderType.MARKET:
        return None
    return params.enum("timeInForce", TimeInForce, TimeInForce.GTC)


def _refuse_unsupported(params: Params, kind: OrderType) -> None:
    for name in _NEEDLESS.get(kind, ()):
        if name in params.values:
            raise Refusal(-1106, f"Parameter '{name.lower()}' sent when not required.")
    if params.text("priceMatch", "NONE") != "NONE":  # the venue has no queue or opponent prices to give
        raise invalid("priceMatch")
    params.flag("priceProtect", False)
