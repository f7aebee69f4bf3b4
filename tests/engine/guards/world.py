"""Stand-ins for what guards wrap: a client of the adapter with nothing behind it, and a site that remembers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from nautilus_trader.model.enums import OrderStatus, OrderType
from nautilus_trader.model.identifiers import ClientId, ClientOrderId, InstrumentId, Venue, VenueOrderId

from opslab.engine.guards.site import Site
from opslab.safety.gate import GateDecision

NAME = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
OPEN = GateDecision(blocked=False, state="absent", decided_by=None, reasons=())


class Told:
    """A site, and what its guards told."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.orders: dict[str, Any] = {}
        self.given_up: list[Any] = []
        self.engine = SimpleNamespace(_resolve_inflight_order=self.given_up.append)
        cache = SimpleNamespace(order=lambda name: self.orders.get(name.value))
        self.handlers: list[Any] = []
        msgbus = SimpleNamespace(subscribe=lambda topic, handler, priority: self.handlers.append(handler))
        kernel: Any = SimpleNamespace(cache=cache, exec_engine=self.engine, msgbus=msgbus)
        config: Any = SimpleNamespace(data_clients={}, exec_clients={})
        self.site = Site(config, kernel, lambda: OPEN, lambda _reason: None, lambda _name, facts: self.hear(facts))

    def hear(self, facts: Any) -> None:
        self.events.append(dict(facts))

    @property
    def actions(self) -> list[str]:
        return [event["action"] for event in self.events]

    def order(self, name: str = "O-1", status: OrderStatus = OrderStatus.SUBMITTED) -> Any:
        made = SimpleNamespace(
            client_order_id=ClientOrderId(name),
            venue_order_id=VenueOrderId("7"),
            instrument_id=NAME,
            strategy_id="S",
            trader_id="T",
            status=status,
            order_type=OrderType.LIMIT,
            is_closed=False,
            is_open=False,
            quantity=None,
            price=None,
        )
        self.orders[name] = made
        return made


class Client:
    """What guards ask of an execution client."""

    def __init__(self) -> None:
        self.id, self.venue = ClientId("BINANCE"), Venue("BINANCE")
        self.rejections: list[tuple[str, str]] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self._recv_window = 5000
        self._http_account = SimpleNamespace()
        self._clock = SimpleNamespace(timestamp_ns=lambda: 1)
        for name in ("order", "order_cancel", "order_modify"):
            told = f"generate_{name}_rejected"
            setattr(self, told, lambda *args, told=told, **words: self._reject(told, args, words))

    def _reject(self, told: str, args: Any, words: Any) -> None:
        self.rejections.append((told, (words.get("client_order_id") or args[2]).value))

    def create_task(self, coroutine: Any, log_msg: str | None = None) -> asyncio.Task[Any]:
        del log_msg
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.append(task)
        return task


class Response:
    """An HTTP response of the Rust client."""

    def __init__(self, status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"{}") -> None:
        self.status, self.headers, self.body = status, headers or {}, body
