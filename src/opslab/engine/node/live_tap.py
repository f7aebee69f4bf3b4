"""The capture of a live node's events, as they happen: each is written at once, in the canonical form."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.events import OrderDenied, OrderFilled, OrderRejected, OrderSubmitted

from opslab.engine.tap import ACCOUNT_TOPIC, TOPICS, to_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from nautilus_trader.common.component import MessageBus

_COUNTED = {
    OrderSubmitted: "orders_submitted",
    OrderDenied: "orders_denied",
    OrderRejected: "orders_rejected",
    OrderFilled: "fills_count",
}

FIRST = 100
"""Priority of what hears before a strategy does: what a strategy's handler raises keeps an event from nobody else."""


class LiveTap:
    """Writes every order, position and account event in the order in which it was published.

    Args:
        write: is given each line, its newline included.
        changed: is called after each event, to wake whoever waits.
    """

    def __init__(self, write: Callable[[bytes], None], changed: Callable[[], None]) -> None:
        self._write, self._changed = write, changed
        self._digest = hashlib.sha256()
        self._alone = threading.Lock()  # a timer's callback, which may order, has a thread of its own
        self._seen: set[Any] = set()
        self.events = 0
        self.counts: dict[str, int] = dict.fromkeys(_COUNTED.values(), 0)

    def attach(self, msgbus: MessageBus) -> None:
        """Subscribe to the events of a node that has not started yet."""
        for topic in (*TOPICS, ACCOUNT_TOPIC):
            msgbus.subscribe(topic=topic, handler=self._take, priority=FIRST)

    @property
    def sha256(self) -> str:
        """The digest of everything that was written."""
        return self._digest.hexdigest()

    def _take(self, event: Any) -> None:
        with self._alone:
            if event.id in self._seen:  # account states are published again and again
                return
            self._seen.add(event.id)
            line = to_line(event)
            self._write(line)
            self._digest.update(line)
            self.events += 1
            if name := _COUNTED.get(type(event)):
                self.counts[name] += 1
        self._changed()
