"""The capture of a run's events, and their canonical form.

While the engine runs, order and position events are only appended to a list, the cheapest handler there is; they are
serialised after the run. Subscribed are ``events.order.*``, ``events.position.*`` and ``events.account.*``: the pattern
``*`` would show each fill and cancel twice, because ``events.fills.*`` and ``events.cancels.*`` repeat them.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from nautilus_trader.model.events import OrderDenied, OrderFilled, OrderSubmitted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nautilus_trader.common.component import MessageBus

TOPICS = ("events.order.*", "events.position.*")
ACCOUNT_TOPIC = "events.account.*"
_PER_PROCESS = ("event_id",)
"""Fields that NautilusTrader draws at random in every process; everything else repeats."""


class EventTap:
    """Keeps every order, position and account event in the order in which it was published."""

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._seen: set[Any] = set()
        self.ruin: str | None = None
        """The first balance below zero that the account published, with its time; None while there was none."""

    def attach(self, msgbus: MessageBus) -> None:
        """Subscribe to the events of an engine that has not run yet."""
        for topic in TOPICS:
            msgbus.subscribe(topic=topic, handler=self._events.append)
        msgbus.subscribe(topic=ACCOUNT_TOPIC, handler=self._keep_state)

    def lines(self) -> tuple[bytes, ...]:
        """Return the canonical event stream."""
        return tuple(event if isinstance(event, bytes) else to_line(event) for event in self._events)

    def counts(self) -> dict[str, int]:
        """Return how many orders were submitted to the venue, how many denied before, and how many fills there were."""
        kinds = {OrderSubmitted: "orders_submitted", OrderDenied: "orders_denied", OrderFilled: "fills_count"}
        found = dict.fromkeys(kinds.values(), 0)
        for event in self._events:
            if name := kinds.get(type(event)):
                found[name] += 1
        return found

    def _keep_state(self, state: Any) -> None:
        # NautilusTrader 1.231 goes on changing the balances inside a published state, so it is written down at once;
        # a state that is published again is left out.
        if state.id not in self._seen:
            self._seen.add(state.id)
            self._events.append(to_line(state))
            if self.ruin is None:
                self.ruin = _ruin_of(state)


def _ruin_of(state: Any) -> str | None:
    for balance in state.balances:
        if balance.total.as_double() < 0:
            at = datetime.fromtimestamp(state.ts_event // 10**9, UTC)
            return f"total {balance.total} at {at:%Y-%m-%dT%H:%M:%SZ}"
    return None


def to_line(event: Any) -> bytes:
    """Return the canonical form: one compact JSON object, keys sorted, without what differs between processes."""
    fields = type(event).to_dict(event)
    for name in _PER_PROCESS:
        fields.pop(name, None)
    return msgspec.json.encode(fields, order="sorted") + b"\n"


def stream_sha256(lines: Iterable[bytes]) -> str:
    """Return the digest of an event stream: SHA-256 over its lines."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.hexdigest()
