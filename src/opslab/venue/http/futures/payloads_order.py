"""Orders, conditional orders and fills as the REST API answers them.

Source: USD-M futures, "New Order", "Query Order", "New Algo Order", "Query Algo Order", "Account Trade List".
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.orders import AlgoStatus, OrderStatus, OrderType
from opslab.venue.stream.figures import amount

if TYPE_CHECKING:
    from opslab.venue.orders import AlgoOrder, Fill, Order
    from opslab.venue.stream.figures import Figures

_ZERO = Decimal(0)
_TRIGGERED = frozenset({AlgoStatus.TRIGGERING, AlgoStatus.TRIGGERED, AlgoStatus.FINISHED})


def found_order(order: Order, figures: Figures) -> dict[str, Any]:
    """Return an order as queries answer it: with ``time``."""
    facts = _order(order, figures)
    facts["time"] = order.time_ms
    return facts


def commanded_order(order: Order, figures: Figures) -> dict[str, Any]:
    """Return an order as a new, amended or cancelled one is answered: with ``cumQty``."""
    facts = _order(order, figures)
    facts["cumQty"] = facts["executedQty"]
    return facts


def acknowledged_order(order: Order, figures: Figures) -> dict[str, Any]:
    """Return the ``ACK`` answer to a new order: as it was taken, whatever filled at once."""
    facts = commanded_order(order, figures)
    if order.status is not OrderStatus.NEW:
        facts["status"] = OrderStatus.NEW.value
        facts["executedQty"] = facts["cumQty"] = figures.size(_ZERO)
        facts["cumQuote"] = amount(_ZERO)
        facts["avgPrice"] = figures.mean(_ZERO)
    return facts


def _order(order: Order, figures: Figures) -> dict[str, Any]:
    command = order.command
    facts: dict[str, Any] = {
        "orderId": order.order_id,
        "symbol": command.symbol,
        "status": order.status.value,
        "clientOrderId": order.client_order_id,
        "price": figures.price(order.price),
        "avgPrice": figures.mean(order.average_price),
        "origQty": figures.size(order.quantity),
        "executedQty": figures.size(order.executed),
        "cumQuote": amount(order.cumulative_quote),
        "timeInForce": command.time_in_force.value if command.time_in_force else "GTC",
        "type": command.type.value,
        "reduceOnly": command.reduce_only,
        "closePosition": command.close_position,
        "side": command.side.value,
        "positionSide": command.position_side.value,
        "stopPrice": figures.price(command.stop_price),
        "workingType": command.working_type,
        "priceProtect": False,
        "origType": order.orig_type.value,
        "priceMatch": "NONE",
        "selfTradePreventionMode": command.stp_mode,
        "goodTillDate": command.good_till_ms or 0,
        "updateTime": order.update_ms,
    }
    if command.type is OrderType.TRAILING_STOP_MARKET:
        facts["activatePrice"] = figures.price(command.activation_price)
        facts["priceRate"] = f"{command.callback_rate or Decimal(0):f}"
    return facts


def commanded_algo(algo: AlgoOrder, figures: Figures) -> dict[str, Any]:
    """Return a conditional order as a new one is answered.

    ``quantity`` is null for one that closes the position, ``activatePrice`` and ``callbackRate`` are null unless it
    trails: clients read numbers from them.
    """
    command = algo.command
    is_trailing = command.type is OrderType.TRAILING_STOP_MARKET
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": command.type.value,
        "symbol": command.symbol,
        "side": command.side.value,
        "positionSide": command.position_side.value,
        "timeInForce": command.time_in_force.value if command.time_in_force else "GTC",
        "quantity": None if command.quantity is None else figures.size(command.quantity),
        "algoStatus": algo.status.value,
        "triggerPrice": figures.price(command.stop_price or command.activation_price),
        "price": figures.price(command.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": command.stp_mode,
        "workingType": command.working_type,
        "priceMatch": "NONE",
        "closePosition": command.close_position,
        "priceProtect": False,
        "reduceOnly": command.reduce_only,
        "activatePrice": figures.price(command.activation_price) if is_trailing else None,
        "callbackRate": f"{command.callback_rate or Decimal(0):f}" if is_trailing else None,
        "createTime": algo.time_ms,
        "updateTime": algo.update_ms,
        "triggerTime": algo.update_ms if algo.status in _TRIGGERED else 0,
        "goodTillDate": command.good_till_ms or 0,
    }


def found_algo(algo: AlgoOrder, order: Order | None, figures: Figures) -> dict[str, Any]:
    """Return a conditional order as queries answer it.

    Args:
        algo: the conditional order.
        order: what it became, None before.
        figures: writes its numbers.
    """
    return commanded_algo(algo, figures) | {
        "actualOrderId": str(order.order_id) if order else "",
        "actualPrice": figures.mean(order.average_price) if order else figures.price(None),
    }


def found_fill(fill: Fill, figures: Figures) -> dict[str, Any]:
    """Return a fill as ``userTrades`` answers it."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "side": fill.side.value,
        "positionSide": fill.position_side.value,
        "price": figures.price(fill.price),
        "qty": figures.size(fill.quantity),
        "quoteQty": amount(fill.price * fill.quantity),
        "realizedPnl": amount(fill.realized),
        "commission": amount(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.time_ms,
        "buyer": fill.side.sign > 0,
        "maker": fill.is_maker,
    }
