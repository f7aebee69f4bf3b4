"""The limits of a spec, enforced at the last door before an order leaves for the venue.

The door is the message bus endpoint ``ExecEngine.execute``. NautilusTrader's risk engine, its order emulator and its
execution algorithms all send there, so one gate covers every path in a backtest and in a live node alike (an emulated
order never passes ``RiskEngine.execute``). What is beyond a limit is answered as the engine's own risk engine answers:
``OrderDenied``, or ``OrderModifyRejected`` for a change. Cancels and queries always pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import ModifyOrder, SubmitOrder, SubmitOrderList
from nautilus_trader.model.enums import OrderSide, OrderStatus, PriceType
from nautilus_trader.model.events import OrderDenied, OrderModifyRejected

from opslab.safety.limits import Asked, SlidingSecond, reason_to_deny, reason_to_deny_one

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.contract.spec import Limits

ENDPOINT = "ExecEngine.execute"


class LimitGate:
    """Stands before the execution engine and lets through what is within the limits.

    Args:
        limits: the spec's limits.
        kernel: the engine's or node's kernel; its clock, cache and message bus are used.
    """

    def __init__(self, limits: Limits, kernel: Any) -> None:
        self._limits = limits
        self._msgbus, self._cache, self._clock = kernel.msgbus, kernel.cache, kernel.clock
        self._execute = kernel.exec_engine.execute
        self._window = SlidingSecond()
        self._sent: dict[Any, Any] = {}

    def install(self) -> None:
        """Take the place of the execution engine on the message bus."""
        self._msgbus.deregister(endpoint=ENDPOINT, handler=self._execute)
        self._msgbus.register(endpoint=ENDPOINT, handler=self.execute)

    def execute(self, command: Any) -> None:
        """Pass a command on, or answer it with a denial."""
        if isinstance(command, SubmitOrder):
            self._submit(command, [command.order])
        elif isinstance(command, SubmitOrderList):
            self._submit(command, command.order_list.orders)
        elif isinstance(command, ModifyOrder):
            self._modify(command)
        else:
            self._execute(command)

    def _submit(self, command: Any, orders: list[Any]) -> None:
        now = self._clock.timestamp_ns()
        asked = [self._asked(order, order.quantity, _limit_price(order)) for order in orders]
        live = self._live(orders) if self._limits.max_open_orders is not None else 0
        if reason := reason_to_deny(self._limits, asked, recent=self._window.count(now), live=live):
            for order in orders:
                self._deny(order, reason, now)
            return
        self._window.add(now, len(orders))
        if self._limits.max_open_orders is not None:
            self._sent.update((order.client_order_id, order) for order in orders)
        self._execute(command)

    def _modify(self, command: Any) -> None:
        order = self._cache.order(command.client_order_id)
        if order is None:
            self._execute(command)
            return
        price = max(
            filter(None, (_decimal(command.price), _decimal(command.trigger_price))), default=_limit_price(order)
        )
        asked = self._asked(order, command.quantity or order.quantity, price)
        if reason := reason_to_deny_one(self._limits, asked):
            self._reject_change(order, reason)
            return
        self._execute(command)

    def _asked(self, order: Any, amount: Any, limit_price: Decimal | None) -> Asked:
        """Return what an order asks for; a sell below the market is valued at the market, where it would fill."""
        quantity = amount.as_decimal()
        needs_price = self._limits.max_order_notional is not None or order.is_quote_quantity
        last = (
            self._last_price(order) if needs_price and (limit_price is None or order.side == OrderSide.SELL) else None
        )
        price = max(filter(None, (limit_price, last)), default=None)
        instrument = self._cache.instrument(order.instrument_id)
        if order.is_quote_quantity:
            return Asked(quantity=quantity / price if price else None, notional=quantity)
        multiplier = instrument.multiplier.as_decimal() if instrument else 1
        if instrument and instrument.is_inverse:
            return Asked(quantity=quantity, notional=quantity * multiplier)
        return Asked(quantity=quantity, notional=None if price is None else abs(price) * quantity * multiplier)

    def _last_price(self, order: Any) -> Decimal | None:
        """Return the newest known price of an order's instrument: the quote's far side, a trade or a bar's close."""
        name, cache = order.instrument_id, self._cache
        found: list[tuple[int, Any]] = []
        if quote := cache.quote_tick(name):
            found.append((quote.ts_event, quote.ask_price if order.side == OrderSide.BUY else quote.bid_price))
        if trade := cache.trade_tick(name):
            found.append((trade.ts_event, trade.price))
        bars = filter(None, map(cache.bar, cache.bar_types(instrument_id=name, price_type=PriceType.LAST)))
        found += [(bar.ts_event, bar.close) for bar in bars]
        return max(found, key=lambda item: item[0])[1].as_decimal() if found else None

    def _live(self, orders: list[Any]) -> int:
        """Return how many orders are open or on their way, ``orders`` themselves not counted."""
        for name in [name for name in self._sent if (order := self._cache.order(name)) is None or order.is_closed]:
            del self._sent[name]
        known = {order.client_order_id for order in self._cache.orders_open()}  # also those of before a restart
        return len((known | self._sent.keys()) - {order.client_order_id for order in orders})

    def _deny(self, order: Any, reason: str, now: int) -> None:
        if order.status not in (OrderStatus.INITIALIZED, OrderStatus.RELEASED):
            return
        if not self._cache.order_exists(order.client_order_id):
            self._cache.add_order(order)
        self._answer(
            OrderDenied(
                trader_id=order.trader_id,
                strategy_id=order.strategy_id,
                instrument_id=order.instrument_id,
                client_order_id=order.client_order_id,
                reason=reason,
                event_id=UUID4(),
                ts_init=now,
            )
        )

    def _reject_change(self, order: Any, reason: str) -> None:
        now = self._clock.timestamp_ns()
        self._answer(
            OrderModifyRejected(
                trader_id=order.trader_id,
                strategy_id=order.strategy_id,
                instrument_id=order.instrument_id,
                client_order_id=order.client_order_id,
                venue_order_id=order.venue_order_id,
                account_id=order.account_id,
                reason=reason,
                event_id=UUID4(),
                ts_event=now,
                ts_init=now,
            )
        )

    def _answer(self, event: Any) -> None:
        self._msgbus.send(endpoint="ExecEngine.process", msg=event)


def _decimal(price: Any) -> Decimal | None:
    return None if price is None else price.as_decimal()


def _limit_price(order: Any) -> Decimal | None:
    """Return the highest price that an order itself names, or None."""
    named = [
        price.as_decimal() for price in (_named(order, "price"), _named(order, "trigger_price")) if price is not None
    ]
    return max(named, default=None)


def _named(order: Any, field: str) -> Any:
    return getattr(order, field) if getattr(order, f"has_{field}") else None
