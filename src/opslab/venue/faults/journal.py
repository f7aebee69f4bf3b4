"""What the wire log says of faults, as JSON types: never keys, never whole payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.faults.base import Answer, Close, Hang, Reset, Silence, Wait
from opslab.venue.faults.target import order_report

if TYPE_CHECKING:
    from opslab.venue.faults.base import RequestEffect, SocketEffect
    from opslab.venue.wire import Message, Request, Socket

_ORDER_PARAMS = ("symbol", "orderId", "origClientOrderId", "newClientOrderId", "algoId", "clientAlgoId")
_MESSAGE_FIELDS = ("e", "E", "T", "u", "U", "pu", "a", "t", "lastUpdateId")
_REPORT_FIELDS = ("s", "c", "x", "X", "i", "t", "l", "z")


def request_facts(request: Request) -> dict[str, Any]:
    """Return which request was touched."""
    named = {key: request.params[key] for key in _ORDER_PARAMS if key in request.params}
    return {"request": request.number, "route": request.route, "account": request.account, **named}


def socket_facts(socket: Socket) -> dict[str, Any]:
    """Return which socket was touched."""
    return {"socket": socket.number, "kind": socket.kind, "account": socket.account}


def message_facts(message: Message) -> dict[str, Any]:
    """Return which message was touched: its stream, ids and times, and of an order report what it says."""
    facts: dict[str, Any] = {"socket": message.socket.number, "stream": message.stream}
    data: Any = message.data  # of an all-market stream it is a list
    if not isinstance(data, dict):
        return facts
    facts |= {key: value for key in _MESSAGE_FIELDS if isinstance(value := data.get(key), (int, str))}
    if message.socket.kind != "market":
        report = order_report(message.data)
        facts |= {key: value for key in _REPORT_FIELDS if isinstance(value := report.get(key), (int, str))}
    return facts


def effect_facts(effect: RequestEffect | SocketEffect) -> dict[str, Any]:
    """Return what was done."""
    match effect:
        case Answer():
            code = effect.reply.body.get("code") if isinstance(effect.reply.body, dict) else None
            return {"effect": "answer", "status": effect.reply.status, "code": code}
        case Wait():
            return {"effect": "wait", "seconds": effect.seconds}
        case Close():
            return {"effect": "close", "code": effect.code}
        case Hang():
            return {"effect": "hang"}
        case Reset():
            return {"effect": "reset"}
        case Silence():
            return {"effect": "silence"}
