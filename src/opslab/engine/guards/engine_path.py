"""What a node's own engine can do to empty the venue: cancels and closes in the names of the strategies that own them.

``Strategy``'s own methods are called, never those that a user's strategy may have put in their place.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from nautilus_trader.model.enums import OrderSide, OrderStatus, TimeInForce
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.trading.strategy import Strategy

from opslab.errors import one_line
from opslab.safety.containing import Held, closes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nautilus_trader.system.kernel import NautilusKernel

_ENDED = (OrderStatus.CANCELED, OrderStatus.EXPIRED)
_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


class Mark(NamedTuple):
    """A moment of a node.

    Attributes:
        since_ns: the node's time.
        closes: how many closes were sent before.
    """

    since_ns: int
    closes: int


class EnginePath:
    """Cancels and closes through the engine.

    Args:
        kernel: the node's kernel.
        keep: of spot: base units by asset that are not sold.

    Attributes:
        troubles: what raised, each in one line; nothing of it keeps the rest from being done.
    """

    def __init__(self, kernel: NautilusKernel, keep: Mapping[str, Decimal] | None = None) -> None:
        self._kernel, self._cache, self._keep = kernel, kernel.cache, keep or {}
        self._sent: list[Any] = []
        self._closes: list[Any] = []
        self.troubles: dict[str, None] = {}

    @property
    def open_orders(self) -> list[Any]:
        """Orders that are or may be at the venue, or wait in the emulator, whoever owns them."""
        cache = self._cache
        found = [*cache.orders_open(), *cache.orders_inflight(), *cache.orders_emulated(), *self._unanswered()]
        return list({order.client_order_id: order for order in found}.values())

    @property
    def positions(self) -> list[Any]:
        """Open positions, whoever owns them."""
        return list(self._cache.positions_open())

    def known(self) -> dict[str, str]:
        """Return what is open by the engine's belief, without the closes that were sent here: quantity by name."""
        mine = {order.client_order_id for order in self._unanswered()}
        orders = {f"order {one.client_order_id}": "open" for one in self.open_orders if one.client_order_id not in mine}
        return orders | {f"position {held.id}": f"{held.signed_decimal_qty():f}" for held in self.positions}

    def mark(self) -> Mark:
        """Return what tells later what has been done since now."""
        return Mark(self._kernel.clock.timestamp_ns(), len(self._closes))

    def orders_at_venue(self) -> set[str]:
        """Return the ids of orders that the venue told to be open, without the closes that were sent here."""
        mine = {order.client_order_id for order in self._closes}
        return {one.client_order_id.value for one in self._cache.orders_open() if one.client_order_id not in mine}

    def positions_at_venue(self) -> set[str]:
        """Return the names of what is held, whoever owns it: by instrument, of spot by base asset.

        In hedge mode by symbol and side, as the venue's answers name it.
        """
        held: dict[str, Decimal] = {}
        for position in self.positions:
            name, side = self._name(position.instrument_id), position.id.value.rpartition("-")[2]
            if side in ("LONG", "SHORT"):
                name = f"{self._cache.instrument(position.instrument_id).raw_symbol}-{side}"
            held[name] = held.get(name, Decimal(0)) + position.signed_decimal_qty()
        return {name for name, amount in held.items() if amount}

    def cancelled_since(self, mark: Mark) -> set[str]:
        """Return the ids of orders that rested, and that the venue has told to be cancelled since."""
        closed = (order for order in self._cache.orders_closed() if order.last_event.ts_init >= mark.since_ns)
        return {
            order.client_order_id.value
            for order in closed
            if order.status in _ENDED and order.venue_order_id is not None and order.time_in_force not in _AT_ONCE
        }

    def closes_sent(self, mark: Mark) -> set[str]:
        """Return the ids of the closes that were sent since."""
        return {order.client_order_id.value for order in self._closes[mark.closes :]}

    def refused_closes(self, mark: Mark) -> set[str]:
        """Return the names of positions of which no close since has done anything, and none is under way."""
        tried = {self._name(order.instrument_id) for order in self._closes[mark.closes :]}
        worked = (order for order in self._closes[mark.closes :] if order.filled_qty or not order.is_closed)
        return tried - {self._name(order.instrument_id) for order in worked}

    def _name(self, instrument_id: Any) -> str:
        instrument = self._cache.instrument(instrument_id)
        return str(instrument.base_currency.code if isinstance(instrument, CurrencyPair) else instrument_id.value)

    def names_under_way(self) -> list[str]:
        """Return the ids of orders of which nobody knows yet whether the venue has them.

        The closes that were sent here do not count: whatever becomes of them, they cannot open anything.
        """
        closes_sent = {order.client_order_id for order in self._sent}
        waiting = (order for order in self._cache.orders_inflight() if order.status == OrderStatus.SUBMITTED)
        return sorted(order.client_order_id.value for order in waiting if order.client_order_id not in closes_sent)

    def has_orders(self) -> bool:
        """Return whether an order is open; cheap, for whoever asks every few milliseconds."""
        cache = self._cache
        return bool(cache.orders_open_count() or cache.orders_inflight_count() or cache.orders_emulated_count())

    def is_done(self) -> bool:
        """Return whether no strategy of the node owns an order or a position any more; as cheap."""
        return not self._unanswered() and not any(self._has(owner) for owner in self._strategies())

    def _has(self, owner: Any) -> bool:
        cache, mine = self._cache, {"strategy_id": owner}
        orders = (cache.orders_open_count, cache.orders_inflight_count, cache.orders_emulated_count)
        return any(count(**mine) for count in (*orders, cache.positions_open_count))

    def cancel(self) -> None:
        """Cancel every order of every strategy: with one request for an instrument where the adapter can."""
        owners = self._strategies()
        pairs = {(order.strategy_id, order.instrument_id) for order in self.open_orders}
        for owner, instrument_id in sorted(pairs, key=str):
            if owner in owners:
                self._try(partial(Strategy.cancel_all_orders, owners[owner], instrument_id))

    def close(self, *, unhindered: bool = False) -> None:
        """Close every position in the name of the strategy that owns it, never by more than what is left of it.

        Args:
            unhindered: close only those beside which no order of the closing side rests, which had to be cancelled
                first; before the cancels, since nothing that only reduces needs to wait for them.
        """
        owners = self._strategies()
        for position in self.positions:
            if position.strategy_id in owners and not (unhindered and self._is_hindered(position)):
                self._try(partial(self._close, owners[position.strategy_id], position))

    def _is_hindered(self, position: Any) -> bool:
        side = OrderSide.SELL if position.is_long else OrderSide.BUY
        where = {"instrument_id": position.instrument_id, "side": side}
        return bool(self._cache.orders_open_count(**where) or self._cache.orders_inflight_count(**where))

    def _close(self, strategy: Any, position: Any) -> None:
        instrument = self._cache.instrument(position.instrument_id)
        is_spot = isinstance(instrument, CurrencyPair)
        quantity = position.signed_decimal_qty()
        if is_spot:
            quantity = min(quantity, self._free(instrument))
        largest = instrument.max_quantity.as_decimal() if instrument.max_quantity is not None else None
        side = OrderSide.SELL if quantity > 0 else OrderSide.BUY
        for amount in closes(Held(quantity, self._closing(position, side), largest)):
            if amount < instrument.size_increment.as_decimal():
                continue  # dust: the venue's own answer names it
            order = strategy.order_factory.market(
                position.instrument_id, side, instrument.make_qty(amount, round_down=True), reduce_only=not is_spot
            )
            self._sent.append(order)
            self._closes.append(order)
            Strategy.submit_order(strategy, order, position.id)

    def _closing(self, position: Any, side: OrderSide) -> Decimal:
        """Return what the closes that were sent before may take off a position yet."""
        orders = [order for order in self._unanswered() if order.instrument_id == position.instrument_id]
        mine = (order for order in orders if order.side == side and order.strategy_id == position.strategy_id)
        return sum((order.leaves_qty.as_decimal() for order in mine), Decimal(0))

    def _free(self, instrument: Any) -> Decimal:
        """Return what of a spot position can be sold: fees or somebody else may have taken from it, or it is locked."""
        account, base = self._cache.account_for_venue(instrument.venue), instrument.base_currency
        free, total = (account.balance_free(base), account.balance_total(base)) if account is not None else (None, None)
        if free is None or total is None:
            return Decimal(0)
        kept = self._keep.get(base.code, Decimal(0))
        amounts: tuple[Decimal, Decimal] = (free.as_decimal(), total.as_decimal() - kept)
        return min(amounts)

    def _unanswered(self) -> list[Any]:
        """Return the closes that are under way; an engine that swallows one leaves it here."""
        self._sent = [order for order in self._sent if not order.is_closed]
        return self._sent

    def _strategies(self) -> dict[Any, Any]:
        return {strategy.id: strategy for strategy in self._kernel.trader.strategies()}

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever the engine does, the rest is done
            self.troubles[f"the engine: {type(error).__name__}: {one_line(error)}"] = None
