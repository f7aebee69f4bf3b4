"""Drives a course against the venue's own core in virtual time, with whatever a test puts in between."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.venue.http.client import KEY, SECRET, Now, finished
from tests.venue.http.futures_world import FuturesWorld
from tests.venue.http.spot_world import SpotWorld

from opslab.safety.flatten.account import Account
from opslab.safety.flatten.course import Flattened, Step, course
from opslab.safety.flatten.drive import _headers, _url
from opslab.safety.flatten.talk import Ticking
from opslab.safety.flatten.turns import Answer, Failed, Pause, Request, Told
from opslab.venue.http.admission import RawRequest
from opslab.venue.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.safety.calm import Calm
    from opslab.safety.flatten.log import IntentLog

HTTP = "http://127.0.0.1:1"
FUTURES = Account(HTTP, "futures", KEY, SECRET)
SPOT = Account(HTTP, "spot", KEY, SECRET, ("BTCUSDT",))


class KilledError(Exception):
    """The process is gone."""


@dataclass
class Script:
    """A world, its clock, and what happens to each request.

    ``interfere(number, request, send)`` returns what the course is told; ``send`` lets the venue answer.
    """

    world: FuturesWorld | SpotWorld
    account: Account
    interfere: Callable[[int, Request, Callable[[], Answer]], Told] = lambda _number, _request, send: send()
    requests: list[Request] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def now(self) -> Now:
        return self.world.now

    def flatten(
        self,
        flatten_id: str = "fl-a",
        seconds: float = 30.0,
        log: IntentLog | None = None,
        skew_ms: int = 0,
        calm: Calm | None = None,
    ) -> Flattened:
        clocks = Ticking(lambda: self.now.ms / 1000, lambda: self.now.ms + skew_ms)
        turns = course(self.account, flatten_id, seconds, clocks, log=log, on_step=self.steps.append, calm=calm)
        told: Told = None
        while True:
            try:
                turn = turns.send(told)
            except StopIteration as end:
                return end.value
            if isinstance(turn, Pause):
                self.now.ms += max(int(turn.seconds * 1000), 1)
                told = None
                continue
            assert isinstance(turn, Request)
            self.now.ms += 1
            self.requests.append(turn)
            told = self.interfere(len(self.requests), turn, lambda turn=turn: self.send(turn))

    def send(self, request: Request) -> Answer:
        path, _, query = _url(self.account, request).removeprefix(HTTP).partition("?")
        raw = RawRequest(request.method, path, query.encode(), _headers(self.account, request), b"", "127.0.0.1:40000")
        reply = finished(self.world.desk.handle(raw))
        assert isinstance(reply, Reply), reply
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Answer(reply.status, headers, json.dumps(reply.body).encode())

    def closes(self) -> list[Any]:
        """Orders of flattens that the venue has."""
        orders = self.world.exchange.orders("main", "BTCUSDT")
        return [order for order in orders if order.client_order_id.startswith("fl-")]

    def sold(self) -> Decimal:
        return sum((order.executed * -order.command.side.sign for order in self.closes()), Decimal(0))

    def is_flat(self) -> bool:
        exchange = self.world.exchange
        return not (exchange.open_orders("main") or exchange.open_algos("main") or exchange.positions("main"))


def busy_futures() -> Script:
    """A long position of 0.030, three resting orders and a conditional one."""
    world = FuturesWorld()
    world.buy_market("0.030")
    for price in ("59000.0", "58000.0"):
        world.place(price=price)
    world.place(side="SELL", price="61000.0", reduceOnly="true", quantity="0.030")
    world.client.ok("POST", "/fapi/v1/algoOrder", **world.stop())
    return Script(world, FUTURES)


def busy_spot() -> Script:
    """Two bitcoins, one of them partly locked by an order to sell, and an order to buy."""
    world = SpotWorld()
    world.limit()
    world.limit("SELL", "61000.00", "0.500")
    return Script(world, SPOT)


def refused(code: int, status: int = 400, **headers: str) -> Answer:
    body = json.dumps({"code": code, "msg": "scripted"}).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


LOST = Failed("scripted")
UNSENT = Failed("scripted", is_sent=False)


def is_close(request):
    return (request.method, request.path.rpartition("/")[2]) == ("POST", "order")


def once(wanted, told):
    """Interfere with the first request that is wanted."""
    left = [told]

    def interfere(_number, request, send):
        return left.pop() if left and wanted(request) else send()

    return interfere


def always(wanted, told):
    return lambda _number, request, send: told if wanted(request) else send()
