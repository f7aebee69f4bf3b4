"""One side of a book: price levels with what others show and our own accounts' orders, in price-time priority."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.orders import Side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opslab.venue.orders import Order

ZERO = Decimal(0)


@dataclass(slots=True, eq=False)
class Resting:
    """An order of ours in a level; ``ahead``: how much of others' size at this price came before it."""

    order: Order
    ahead: Decimal


@dataclass(slots=True, eq=False)
class Level:
    """A price: others' size, the size of our orders, and these orders by id, oldest first."""

    price: Decimal
    others: Decimal = ZERO
    own: Decimal = ZERO
    queue: dict[int, Resting] = field(default_factory=dict)

    @property
    def total(self) -> Decimal:
        """What the public sees."""
        return self.others + self.own

    def head(self) -> Resting | None:
        """Return our oldest order here."""
        for resting in self.queue.values():
            return resting
        return None

    def pass_queue(self, size: Decimal) -> None:
        """Let ``size`` of others go who stood before our orders."""
        for resting in self.queue.values():
            resting.ahead = resting.ahead - size if resting.ahead > size else ZERO


class BookSide:
    """The bids or the asks of one book.

    Args:
        side: ``BUY`` for bids.
    """

    def __init__(self, side: Side) -> None:
        self.levels: dict[Decimal, Level] = {}
        self.touched: dict[Decimal, Decimal] = {}
        self._is_bids = side is Side.BUY
        self._prices: list[Decimal] = []
        self._best = -1 if self._is_bids else 0

    def best(self) -> Level | None:
        """Return the best level."""
        return self.levels[self._prices[self._best]] if self._prices else None

    def best_price(self) -> Decimal | None:
        """Return the best price."""
        return self._prices[self._best] if self._prices else None

    def walk(self) -> Iterator[Level]:
        """Yield the levels, best first; the side must not change meanwhile."""
        for price in reversed(self._prices) if self._is_bids else self._prices:
            yield self.levels[price]

    def is_better(self, price: Decimal, than: Decimal) -> bool:
        """Return whether ``price`` comes before ``than`` on this side."""
        return price > than if self._is_bids else price < than

    def set_others(self, price: Decimal, size: Decimal) -> None:
        """Others now show ``size`` at ``price``; who stood behind more than that has moved up."""
        level = self.levels.get(price)
        if level is None:
            if size:
                self._open(price).others = size
            return
        if level.others == size:
            return
        self.touched.setdefault(price, level.others + level.own)
        level.others = size
        if level.queue:
            for resting in level.queue.values():
                resting.ahead = min(resting.ahead, size)
        elif not size:
            self._drop_if_empty(level)

    def take_others(self, level: Level, size: Decimal) -> None:
        """One of our orders takes ``size`` of what others show; the front of the queue goes first."""
        self.touched.setdefault(level.price, level.total)
        level.others -= size
        if level.queue:
            level.pass_queue(size)
        self._drop_if_empty(level)

    def add(self, order: Order) -> None:
        """Let an order rest behind what the level shows now."""
        level = self.levels.get(order.price)
        if level is None:
            level = self._open(order.price)
        else:
            self.touched.setdefault(level.price, level.total)
        level.own += order.leaves
        level.queue[order.order_id] = Resting(order, level.others)

    def has(self, order: Order) -> bool:
        """Return whether the order rests here."""
        level = self.levels.get(order.price)
        return level is not None and order.order_id in level.queue

    def remove(self, order: Order) -> None:
        """Take an order out; its price and quantities must be those that it rested with."""
        level = self.levels[order.price]
        self.touched.setdefault(level.price, level.total)
        del level.queue[order.order_id]
        level.own -= order.leaves
        self._drop_if_empty(level)

    def reduce(self, order: Order, size: Decimal) -> None:
        """A resting order became smaller by ``size`` and keeps its place; call before the order's figures change."""
        level = self.levels[order.price]
        self.touched.setdefault(level.price, level.total)
        level.own -= size
        if size == order.leaves:
            del level.queue[order.order_id]
            self._drop_if_empty(level)

    def _open(self, price: Decimal) -> Level:
        level = self.levels[price] = Level(price)
        self.touched.setdefault(price, ZERO)
        insort(self._prices, price)
        return level

    def _drop_if_empty(self, level: Level) -> None:
        if not level.others and not level.queue:
            del self.levels[level.price]
            del self._prices[bisect_left(self._prices, level.price)]
