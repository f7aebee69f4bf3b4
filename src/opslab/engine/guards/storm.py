"""Stops a strategy that goes on sending in such numbers that nothing else of its node gets a turn.

It acts only while a kill switch is active. What is counted is what a strategy sends, at the moment when it does: what
becomes of it is told later, and by then the strategy may have sent fifty times as much. When it is too much, decides
``safety.storm``.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from nautilus_trader.common.actor import Actor
from nautilus_trader.model.events import OrderInitialized, OrderPendingUpdate

from opslab.engine.guards.site import Bystander
from opslab.safety.storm import MOST, SECONDS, Storm

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.engine.guards.site import Site

EVENT = "strategy_stopped"
_SENT = (OrderInitialized, OrderPendingUpdate)


class Storms(Bystander):
    """Watches every strategy of a node.

    Args:
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._storms: dict[Any, Storm] = {}

    def on_node(self, site: Site) -> None:
        """Follow what strategies send."""
        site.kernel.msgbus.subscribe(topic="events.order.*", handler=lambda event: self._hear(event, site))

    def _hear(self, event: Any, site: Site) -> None:
        if not isinstance(event, _SENT):
            return
        storm = self._storms.setdefault(event.strategy_id, Storm())
        if not storm.sent(self._now()):
            return
        storm.calm()
        if not _is_pulled(site):
            return
        for strategy in site.kernel.trader.strategies():
            if strategy.id == event.strategy_id and strategy.is_running:
                _stop(strategy, site)


def _stop(strategy: Any, site: Site) -> None:
    """Stop a strategy at once: past ``manage_stop``, which would let it hear and send until it is flat."""
    name = strategy.id.value
    detail = f"it sent more than {MOST} orders or changes within {SECONDS:g} s while the kill switch is active"
    site.stopped[name] = f"strategy {name} was stopped: {detail}"
    with contextlib.suppress(Exception):  # whatever its on_stop raises, it hears nothing more
        Actor.stop(strategy)
    with contextlib.suppress(Exception):  # a journal that cannot be written must not end what keeps the node alive
        site.tell(EVENT, {"strategy": name, "detail": detail})


def _is_pulled(site: Site) -> bool:
    try:
        return site.read().blocked
    except Exception:  # noqa: BLE001 - a switch that nobody can read counts as active
        return True
