"""Cancels are not forgotten: they are sent again until the venue proves that nothing of what they were for is open.

The adapter sends a cancel once, and ``market_exit`` and ``cancel_all_orders`` never again (run). The guard remembers
which orders shall be gone. While one of them is open in the engine it asks the venue for it, and cancels it again: this
order alone, since a command for all orders would take those with it that were placed later. An order that is over at
the venue is done, and the engine is told so if it does not know.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import CancelOrder
from nautilus_trader.model.enums import OrderStatus

from opslab.contract.execution import Guard, Profile
from opslab.engine.guards.asking import Asking
from opslab.engine.guards.standing import Standing, reach
from opslab.errors import one_line
from opslab.safety.ambiguity import Told, pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.engine.guards.site import Site

PAUSES = {Profile.FAST: (0.2, 0.5), Profile.PRODUCTION: (1.0, 10.0)}
"""The first and the longest pause before the venue is asked and a cancel is sent again, in seconds."""

_COMMANDS = ("cancel_order", "cancel_all_orders", "batch_cancel_orders")


class MarketExit(Standing):
    """Repeats cancels until they are proven."""

    guard: ClassVar[Guard] = Guard.MARKET_EXIT

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self._repeated: set[str] = set()

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Stand at its cancels.

        Raises:
            EngineError: the adapter cancels in another way, or cannot be asked for orders.
        """
        asking, cache = Asking(client, self.guard), site.kernel.cache
        originals = {name: reach(client, name, self.guard) for name in _COMMANDS}
        again = originals["cancel_order"]
        for name, original in originals.items():
            setattr(client, name, self._persistent(client, asking, cache, original, again))
        rejected = reach(client, "generate_order_cancel_rejected", self.guard)

        def cancel_rejected(*args: Any, **words: Any) -> None:
            name = words["client_order_id"] if "client_order_id" in words else args[2]
            order = cache.order(name)
            # The strategy was told of its own cancel's failure; the guard's repetitions are none of its requests.
            if name.value not in self._repeated or order is None or order.status == OrderStatus.PENDING_CANCEL:
                rejected(*args, **words)

        client.generate_order_cancel_rejected = cancel_rejected
        self.stand(site, "cancels are sent again until the venue proves them")

    def _persistent(
        self, client: Any, asking: Asking, cache: Any, send: Callable[[Any], None], again: Callable[[Any], None]
    ) -> Callable[[Any], None]:
        def sent(command: Any) -> None:
            wanted = [order for order in _wanted(command, cache) if order.client_order_id.value not in self._repeated]
            send(command)
            if wanted:
                self._repeated.update(order.client_order_id.value for order in wanted)
                work = self._until_gone(asking, wanted, lambda order: again(_cancel_of(order, command)))
                self.spawn(client, work, f"are {len(wanted)} orders gone")

        return sent

    async def _until_gone(self, asking: Asking, wanted: list[Any], send: Callable[[Any], None]) -> None:
        names, attempt, left = {order.client_order_id.value for order in wanted}, 0, wanted
        try:
            while left:
                attempt += 1
                await asyncio.sleep(pause(attempt, *PAUSES[self.profile]))
                left = [order for order in left if not order.is_closed and await self._is_live(asking, order)]
                if left and attempt == 1:
                    told = sorted(order.client_order_id.value for order in left)
                    self.say("retried", f"{len(left)} orders are open though they were cancelled", orders=told[:20])
                for order in left:
                    send(order)
            if attempt > 1:
                self.say("corrected", f"what was cancelled is gone, asked {attempt} times", rounds=attempt)
        finally:
            self._repeated -= names

    async def _is_live(self, asking: Asking, order: Any) -> bool:
        """Whether an order may still be open; when the venue has it closed, the engine is told so."""
        answer = await asking.ask(order)
        if answer.told is Told.ABSENT and order.status != OrderStatus.SUBMITTED:
            return False
        if answer.told is not Told.THERE or answer.report is None:  # one in flight may arrive yet
            return not order.is_closed
        if answer.report.order_status in _OVER:
            if not order.is_closed and asking.adopt(answer):
                told = one_line(f"{order.client_order_id} is over at the venue: {answer.detail}")
                self.say("corrected", told, order=order.client_order_id.value)
            return False
        return not order.is_closed


_OVER = (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.FILLED, OrderStatus.REJECTED)


def _cancel_of(order: Any, command: Any) -> CancelOrder:
    return CancelOrder(
        trader_id=order.trader_id,
        strategy_id=order.strategy_id,
        instrument_id=order.instrument_id,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        command_id=UUID4(),
        ts_init=command.ts_init,
    )


def _wanted(command: Any, cache: Any) -> list[Any]:
    """Return the orders that a command shall cancel."""
    if (cancels := getattr(command, "cancels", None)) is not None:
        names = [each.client_order_id for each in cancels]
    elif (name := getattr(command, "client_order_id", None)) is not None:
        names = [name]
    else:
        where = {"instrument_id": command.instrument_id, "strategy_id": command.strategy_id}
        # One that a cancel is under way for is among both.
        open_or_inflight = (*cache.orders_open(**where), *cache.orders_inflight(**where))
        return list({order.client_order_id.value: order for order in open_or_inflight}.values())
    found = (cache.order(name) for name in names)
    return [order for order in found if order is not None and not order.is_closed]
