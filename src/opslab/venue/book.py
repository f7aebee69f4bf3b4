"""The public book of a symbol: others' levels from the tape, our accounts' orders, and the counter of update ids."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from opslab.venue.levels import ZERO, BookSide, Level
from opslab.venue.market import BookDelta, BookSnapshot, Quote
from opslab.venue.orders import Side
from opslab.venue.views import Depth, Published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from opslab.venue.market import Level as PriceSize


class Book:
    """Bids and asks, and what of them changed since it was last published.

    A tape that only has quotes shows one level of others a side. Once it has sent a snapshot or a delta the book is
    deep: a quote then takes away what is better than it, and sets its own two levels.

    Args:
        symbol: whose book it is.
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.bids, self.asks = BookSide(Side.BUY), BookSide(Side.SELL)
        self.last_id = 1
        self._is_deep = False
        self._lone: dict[Side, Decimal | None] = {Side.BUY: None, Side.SELL: None}
        self._shown: tuple[Decimal, Decimal, Decimal, Decimal] = (ZERO, ZERO, ZERO, ZERO)

    def side(self, side: Side) -> BookSide:
        """Return where orders of ``side`` rest."""
        return self.bids if side is Side.BUY else self.asks

    def opposite(self, side: Side) -> BookSide:
        """Return what an order of ``side`` takes from."""
        return self.asks if side is Side.BUY else self.bids

    def quote(self, event: Quote) -> None:
        """Take over others' best bid and ask."""
        self._touch(Side.BUY, event.bid, event.bid_size)
        self._touch(Side.SELL, event.ask, event.ask_size)

    def snapshot(self, event: BookSnapshot) -> None:
        """Take over the whole book of others."""
        self._is_deep = True
        for side, levels in ((self.bids, event.bids), (self.asks, event.asks)):
            fresh = dict(levels)
            for level in list(side.levels.values()):
                if level.others and level.price not in fresh:
                    side.set_others(level.price, ZERO)
            self._set(side, fresh.items())

    def delta(self, event: BookDelta) -> None:
        """Take over changed levels of others."""
        self._is_deep = True
        self._set(self.bids, event.bids)
        self._set(self.asks, event.asks)

    def best(self, time_ms: int) -> Quote | None:
        """Return best bid and ask, zeros where a side is empty; None: the book is empty."""
        bid, bid_size, ask, ask_size = self._touches()
        return Quote(self.symbol, time_ms, bid, bid_size, ask, ask_size) if bid_size or ask_size else None

    def depth(self, limit: int) -> Depth:
        """Return at most ``limit`` levels a side."""
        bids, asks = (
            tuple((level.price, level.total) for level in islice(side.walk(), limit)) for side in (self.bids, self.asks)
        )
        return Depth(self.symbol, self.last_id, bids, asks)

    def publish(self, time_ms: int, tell: Callable[[Published], None]) -> None:
        """Tell what changed since the last call: one delta with the next update ids, and the best when it moved."""
        if not self.bids.touched and not self.asks.touched:
            return
        bids, asks = self._changed(self.bids), self._changed(self.asks)
        if not bids and not asks:
            return
        previous = self.last_id
        self.last_id = last = previous + len(bids) + len(asks)
        tell(Published(BookDelta(self.symbol, time_ms, bids, asks), previous + 1, last, previous))
        best = self._touches()
        if best != self._shown:
            self._shown = best
            if best[1] and best[3]:
                tell(Published(Quote(self.symbol, time_ms, *best), previous + 1, last, previous))

    def _touches(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        bid, ask = self.bids.best(), self.asks.best()
        return (
            bid.price if bid else ZERO,
            bid.total if bid else ZERO,
            ask.price if ask else ZERO,
            ask.total if ask else ZERO,
        )

    def _touch(self, side: Side, price: Decimal, size: Decimal) -> None:
        levels = self.side(side)
        if self._is_deep:
            for level in self._before(levels, price):
                levels.set_others(level.price, ZERO)
        else:
            lone = self._lone[side]
            if lone is not None and lone != price:
                levels.set_others(lone, ZERO)
            self._lone[side] = price
        levels.set_others(price, size)

    @staticmethod
    def _before(side: BookSide, price: Decimal) -> list[Level]:
        """Return the levels of others that are better than a new best price."""
        found = []
        for level in side.walk():
            if not side.is_better(level.price, price):
                break
            if level.others:
                found.append(level)
        return found

    @staticmethod
    def _set(side: BookSide, levels: Iterable[PriceSize]) -> None:
        for price, size in levels:
            side.set_others(price, size)

    @staticmethod
    def _changed(side: BookSide) -> tuple[PriceSize, ...]:
        touched = side.touched
        if not touched:
            return ()
        levels, changed = side.levels, []
        for price, before in touched.items():
            level = levels.get(price)
            after = level.others + level.own if level is not None else ZERO
            if after != before:
                changed.append((price, after))
        touched.clear()
        return tuple(changed)
