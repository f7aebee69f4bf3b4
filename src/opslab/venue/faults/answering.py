"""Verbs at the door of requests: reject, throttle, ban, delay, hang, reset; before a request takes effect or after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.faults.base import Answer
from opslab.venue.faults.inert import Inert
from opslab.venue.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.faults.base import RequestEffect
    from opslab.venue.faults.levers import Levers
    from opslab.venue.faults.target import Target
    from opslab.venue.wire import Request

TEXTS = {
    -1001: "Internal error; unable to process your request. Please try again.",
    -1003: "Too many requests; please use the websocket for live updates to avoid polling the API.",
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1013: "Market is closed.",
    -1015: "Too many new orders; current limit is 300 orders per TEN_SECONDS.",
    -1016: "This service is no longer available.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1125: "This listenKey does not exist.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -4118: "ReduceOnly Order Failed. Please check your existing position and open orders",
    -4131: "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    -4140: "Invalid symbol status for opening position.",
    -4164: "Order's notional must be no smaller than 5.0 (unless you choose reduce only)",
}
"""Binance's texts, by code (API documents, error codes of USD-M futures and of spot)."""


def refusal_of(status: int, code: int, message: str | None = None, headers: dict[str, str] | None = None) -> Reply:
    """Return an error reply in Binance's shape; without a message with the text of the code."""
    text = (
        message if message is not None else TEXTS.get(code, "An unknown error occurred while processing the request.")
    )
    return Reply(status, {"code": code, "msg": text}, dict(headers or {}))


class AtRequests(Inert):
    """Does the same with each request that it touches.

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        effect: what is done with a request; None leaves it alone.
        after: act on the reply, when what was asked for has happened, instead of on the request.
    """

    def __init__(
        self, name: str, target: Target, effect: Callable[[Request], RequestEffect | None], *, after: bool = False
    ) -> None:
        super().__init__(name, target)
        self.doors = frozenset({"after" if after else "before"})
        self._effect = effect

    def before(self, request: Request) -> RequestEffect | None:
        """Do it instead of letting the request in."""
        return self._effect(request)

    def after(self, request: Request, reply: Reply) -> RequestEffect | None:
        """Do it instead of sending the reply."""
        del reply
        return self._effect(request)


class Ban(Inert):
    """Bans every request until a moment of the venue's time, 418 with ``Retry-After``.

    Args:
        name: see ``Inert``.
        target: see ``Inert``; Binance bans an address, so the default is everything.
        seconds: how long.
    """

    def __init__(self, name: str, target: Target, seconds: float) -> None:
        super().__init__(name, target)
        self._seconds, self._until_ms = seconds, 0
        self._now_ms: Callable[[], int] = lambda: 0

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Note until when."""
        self._now_ms = levers.now_ms
        self._until_ms = self._now_ms() + int(self._seconds * 1000)
        return []

    def before(self, request: Request) -> RequestEffect | None:
        """Refuse, while the ban lasts."""
        left_ms = self._until_ms - self._now_ms()
        if left_ms <= 0:
            return None
        address = request.remote.rpartition(":")[0] or "127.0.0.1"
        text = (
            f"Way too many requests; IP({address}) banned until {self._until_ms}. "
            "Please use the websocket for live updates to avoid bans."
        )
        return Answer(refusal_of(418, -1003, text, {"Retry-After": str(-(-left_ms // 1000))}))


class Throttle(Inert):
    """Lets some requests of each window of time in and refuses the others, 429 with ``Retry-After``.

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        allowed: how many of a window get in.
        window: length of a window, in seconds of the venue's time.
    """

    def __init__(self, name: str, target: Target, allowed: int, window: float) -> None:
        super().__init__(name, target)
        self._allowed, self._window_ms = allowed, max(1, int(window * 1000))
        self._now_ms: Callable[[], int] = lambda: 0
        self._window, self._count = -1, 0

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Take the venue's clock."""
        self._now_ms = levers.now_ms
        return []

    def before(self, request: Request) -> RequestEffect | None:
        """Refuse what is too much."""
        del request
        now_ms = self._now_ms()
        if (window := now_ms // self._window_ms) != self._window:
            self._window, self._count = window, 0
        self._count += 1
        if self._count <= self._allowed:
            return None
        left_ms = (window + 1) * self._window_ms - now_ms
        return Answer(refusal_of(429, -1003, headers={"Retry-After": str(-(-left_ms // 1000))}))
