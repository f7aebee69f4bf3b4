"""Placing a spot order and wording the answer: ``ACK``, ``RESULT`` or ``FULL``.

Source: Binance, *New order (TRADE)*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.events import Execution, OrderChanged
from opslab.venue.http.spot import order_payloads as payloads
from opslab.venue.orders import OrderType
from opslab.venue.stream.figures import figures_of

if TYPE_CHECKING:
    from opslab.venue.exchange import Exchange
    from opslab.venue.http.params import Params
    from opslab.venue.http.routing import Context
    from opslab.venue.orders import Fill, NewOrder, Order

_ANSWERS = ("ACK", "RESULT", "FULL")


def answered(params: Params, command: NewOrder) -> str:
    """Return which answer is wanted: limit and market orders are answered in full, others are acknowledged.

    Raises:
        Refusal: -1130 for an answer that there is not.
    """
    default = "FULL" if command.type in (OrderType.LIMIT, OrderType.MARKET) else "ACK"
    return params.choice("newOrderRespType", _ANSWERS, default)


def placed(context: Context, command: NewOrder, answer: str) -> dict[str, Any]:
    """Place an order and answer it.

    Raises:
        Refusal: whatever the exchange refuses it with.
    """
    exchange = context.exchange
    order = exchange.submit(context.account, command)
    if answer == "ACK":
        return payloads.acknowledged(order)
    figures = figures_of(exchange.listings[command.symbol].instrument)
    if answer == "RESULT":
        return payloads.result(order, figures)
    return payloads.full(order, _fills(exchange, order) if order.executed else [], figures)


def _fills(exchange: Exchange, order: Order) -> list[Fill]:
    """Return the fills of an order that was just placed: they stand at the end of the log, after its beginning."""
    found = []
    for event in reversed(exchange.log):
        if isinstance(event, OrderChanged) and event.order.order_id == order.order_id:
            if event.fill is None and event.execution is Execution.NEW:
                break
            if event.fill is not None:
                found.append(event.fill)
    return found[::-1]
