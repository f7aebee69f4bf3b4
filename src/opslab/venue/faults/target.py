"""Which requests, sockets and messages a fault touches: shell patterns over routes, streams, accounts and symbols."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from opslab.venue.events import AccountChanged, AlgoChanged, MarginCalled, OrderChanged, SettingChanged

if TYPE_CHECKING:
    from opslab.venue.events import LedgerEvent
    from opslab.venue.wire import Message, Request, Socket


@dataclass(frozen=True, slots=True)
class Target:
    """A pattern; what is None, or ``*``, touches everything. ``*`` and ``?`` are wildcards.

    Attributes:
        route: method and path of requests, as in ``POST /fapi/v1/order`` or ``* /fapi/v1/*``; ``WS order.place`` over
            the WebSocket API; several with ``|``.
        account: the account's name; what bears no account is never touched by a named one.
        symbol: the venue's symbol, upper case, such as ``BTCUSDT``.
        stream: a market stream such as ``*@bookTicker``, or a user event's name such as ``ORDER_TRADE_UPDATE``.
        kind: of sockets and their messages: ``market``, ``user`` or ``api``; several with ``|``.
        execution: of order reports: the execution type, such as ``TRADE``.
    """

    route: str = "* *"
    account: str | None = None
    symbol: str | None = None
    stream: str = "*"
    kind: str | None = None
    execution: str | None = None

    def takes_request(self, request: Request) -> bool:
        """Whether a request is touched."""
        return (
            (self.route == "* *" or any(_is_route(route, request) for route in self.route.split("|")))
            and _is(self.account, request.account)
            and _is(self.symbol, request.params.get("symbol"))
        )

    def takes_socket(self, socket: Socket) -> bool:
        """Whether a WebSocket is touched."""
        return (self.kind is None or socket.kind in self.kind.split("|")) and _is(self.account, socket.account)

    def takes_message(self, message: Message) -> bool:
        """Whether a message is touched."""
        return (
            self.takes_socket(message.socket)
            and (self.stream == "*" or fnmatchcase(message.stream.lower(), self.stream.lower()))
            and (self.symbol is None or _is(self.symbol, symbol_of(message)))
            and (self.execution is None or _is(self.execution, order_report(message.data).get("x")))
        )


def takes_event(event: LedgerEvent, account: str | None, symbol: str | None) -> bool:
    """Whether a ledger event is of this account and about this symbol; None is any."""
    match event:
        case OrderChanged():
            owner, symbols = event.order.account, [event.order.command.symbol]
        case AlgoChanged():
            owner, symbols = event.algo.account, [event.algo.command.symbol]
        case AccountChanged():
            owner, symbols = event.account, [position.symbol for position in event.positions]
        case SettingChanged():
            owner, symbols = event.account, [event.symbol]
        case MarginCalled():
            owner, symbols = event.account, [symbol for symbol, _ in event.positions]
    return _is(account, owner) and (symbol is None or any(_is(symbol, item) for item in symbols))


def symbol_of(message: Message) -> str | None:
    """Return the symbol that a message is about, upper case, or None."""
    symbol, at, _ = message.stream.partition("@")
    if at:
        return symbol.upper() or None
    report = order_report(message.data)
    found = message.data.get("s", report.get("s")) if report else None
    return str(found) if found is not None else None


def order_report(data: Any) -> dict[str, Any]:
    """Return the fields of an order report: nested under ``o`` on futures, at the top on spot; none of a list."""
    if not isinstance(data, dict):
        return {}
    nested = data.get("o")
    return nested if isinstance(nested, dict) else data


def _is_route(route: str, request: Request) -> bool:
    method, _, path = route.strip().partition(" ")
    return fnmatchcase(request.method, method) and fnmatchcase(request.path, path or "*")


def _is(pattern: str | None, value: object) -> bool:
    return pattern in (None, "*") or (value is not None and fnmatchcase(str(value), str(pattern)))
