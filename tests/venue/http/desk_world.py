"""A desk with a few plain routes and a clock that stands still."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.venue.http.client import Client, Now, account

from opslab.venue.http.admission import Desk
from opslab.venue.http.recording import visible_params
from opslab.venue.http.routing import Route, Security
from opslab.venue.orders import Market
from opslab.venue.refusal import Refusal
from opslab.venue.wire import WireLog


def _seen(context, params):
    return {"account": context.account, "now": context.now_ms, "params": visible_params(params.values)}


def _refuse(context, params):
    raise Refusal(-2010, "No.", 400, {"X-Why": "test"})


def _crash(context, params):
    raise RuntimeError("broken inside")


ROUTES = (
    Route("GET", "/open", Security.NONE, 1, _seen),
    Route("GET", "/keyed", Security.KEY, 1, _seen),
    Route("POST", "/signed", Security.SIGNED, 1, _seen),
    Route("GET", "/signed", Security.SIGNED, 1, _seen),
    Route("GET", "/strict", Security.NONE, 1, _seen, names=frozenset({"symbol"})),
    Route("GET", "/refuse", Security.NONE, 1, _refuse),
    Route("GET", "/crash", Security.NONE, 1, _crash),
    Route("GET", "/bulk", Security.NONE, 1, lambda c, p: [1, 2, 3], is_bulk=True),
    Route("GET", "/badcost", Security.NONE, lambda params: 1 // 0, _seen),
    Route("POST", "/order", Security.SIGNED, 0, _seen, orders=1),
    Route("PUT", "/listenKey", Security.KEY, 1, lambda c, p: {"listenKey": "secret-key"}),
    Route("WS", "order.place", Security.SIGNED, 1, _seen),
    Route("WS", "ping", Security.NONE, 1, _seen),
)


class World:
    """A desk with a still clock."""

    def __init__(self, market: Market = Market.FUTURES, **settings: Any) -> None:
        self.now = Now()
        self.wire = WireLog(self.now)
        self.cancelled: list[tuple[str, str]] = []
        exchange: Any = SimpleNamespace(cancel_all=lambda name, symbol: self.cancelled.append((name, symbol)))
        self.desk = Desk(
            market=market,
            exchange=exchange,
            routes=ROUTES,
            accounts=(account(),),
            now_ms=self.now,
            wire=self.wire,
            **settings,
        )
        self.client = Client(self.desk, self.now)

    def errors(self) -> list[dict[str, Any]]:
        return [record.facts for record in self.wire.records() if record.kind == "error"]


def code_of(reply: Any) -> tuple[int, int]:
    """Return status and Binance's code."""
    return reply.status, reply.body["code"]
