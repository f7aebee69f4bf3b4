"""Waiting stops of one symbol and one kind of price, sorted so that a price asks only those that it reaches."""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.orders import AlgoOrder, OrderType, Side

if TYPE_CHECKING:
    from opslab.venue.orders import NewOrder, Order

type Waiting = AlgoOrder | Order

TAKE_PROFITS = frozenset(
    {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET, OrderType.TAKE_PROFIT_LIMIT},
)


def waits_for_rise(command: NewOrder) -> bool:
    """Return whether the price must rise to trigger it: a stop to buy, a take-profit to sell."""
    return (command.side is Side.BUY) is not (command.type in TAKE_PROFITS)


def reached(command: NewOrder, price: Decimal) -> bool:
    """Return whether ``price`` triggers a stop or take-profit that has a trigger price."""
    stop = command.stop_price or Decimal(0)
    return price >= stop if waits_for_rise(command) else price <= stop


class Triggers:
    """The waiting orders."""

    def __init__(self) -> None:
        self._rising: list[tuple[Decimal, int]] = []
        self._falling: list[tuple[Decimal, int]] = []
        self._waiting: dict[int, Waiting] = {}
        self._trailing: dict[int, AlgoOrder] = {}

    def __bool__(self) -> bool:
        """Return whether anything waits."""
        return bool(self._waiting or self._trailing)

    def add(self, item: Waiting) -> None:
        """Let it wait."""
        if isinstance(item, AlgoOrder) and item.command.type is OrderType.TRAILING_STOP_MARKET:
            self._trailing[item.algo_id] = item
            return
        number = item.algo_id if isinstance(item, AlgoOrder) else item.order_id
        stop = item.command.stop_price or Decimal(0)
        self._waiting[number] = item
        if waits_for_rise(item.command):
            insort(self._rising, (stop, number))
        else:
            insort(self._falling, (-stop, number))

    def remove(self, item: Waiting) -> None:
        """Let it wait no more."""
        number = item.algo_id if isinstance(item, AlgoOrder) else item.order_id
        if self._trailing.pop(number, None) is None and self._waiting.pop(number, None) is not None:
            stop = item.command.stop_price or Decimal(0)
            rises = waits_for_rise(item.command)
            places, key = (self._rising, (stop, number)) if rises else (self._falling, (-stop, number))
            del places[bisect_left(places, key)]

    def pop_due(self, price: Decimal) -> Waiting | None:
        """Take out and return the next one that ``price`` triggers: the nearest first, then the oldest."""
        if self._rising and self._rising[0][0] <= price:
            return self._waiting.pop(self._rising.pop(0)[1])
        if self._falling and self._falling[0][0] <= -price:
            return self._waiting.pop(self._falling.pop(0)[1])
        for trailing in self._trailing.values():
            if _trails(trailing, price):
                del self._trailing[trailing.algo_id]
                return trailing
        return None


def _trails(algo: AlgoOrder, price: Decimal) -> bool:
    """Move a trailing stop's extreme to ``price`` and return whether it triggers.

    Source: Binance's USD-M help page "What Is a Trailing Stop Order": active once the activation price is reached, it
    follows the best price and triggers when the price has turned by the callback rate.
    """
    command = algo.command
    is_sell = command.side is Side.SELL
    if not algo.is_active:
        start = command.activation_price or Decimal(0)
        if price < start if is_sell else price > start:
            return False
        algo.is_active = True
    extreme = algo.extreme
    if extreme is None or (price > extreme if is_sell else price < extreme):
        algo.extreme = price
        return False
    rate = (command.callback_rate or Decimal(0)) / 100
    return price <= extreme * (1 - rate) if is_sell else price >= extreme * (1 + rate)
