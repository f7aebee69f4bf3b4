"""The book of others around a price: levels one tick apart, sized by a rule of their price alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.market import BookDelta, BookSnapshot

if TYPE_CHECKING:
    from opslab.venue.market import Level
    from opslab.venue.tape.grid import Grid

_SPREADING = 2_654_435_761
"""Knuth's multiplier: neighbouring prices get unlike sizes (The Art of Computer Programming, 6.4)."""
_KINDS = 13
_REMEMBERED = 1 << 16
"""Most levels that are remembered as decimals: prices come back, and making them anew costs most of a tape's time."""


class Ladder:
    """Makes the books and the changes between them.

    Args:
        symbol: the venue's symbol.
        prices: the price grid.
        sizes: the size grid.
        levels: how many on each side; the touch is the first.
        size: what a level holds about, in steps.
    """

    def __init__(self, symbol: str, prices: Grid, sizes: Grid, levels: int, size: int) -> None:
        self._symbol, self._prices, self._sizes, self._levels, self._size = symbol, prices, sizes, levels, size
        self._touch: tuple[int, int] | None = None
        self._known: dict[int, tuple[Level, Level]] = {}

    def size_at(self, price: int) -> int:
        """Return what the level at ``price`` ticks holds, in steps: between half and twice the usual size."""
        return max(1, self._size * (6 + price * _SPREADING % (1 << 32) % _KINDS) // 12)

    def level(self, price: int) -> Level:
        """Return the level at ``price`` ticks."""
        return self._both(price)[0]

    def moved(self, time_ms: int, bid: int, ask: int) -> BookSnapshot | BookDelta:
        """Return how the book changes when the touch moves to ``bid`` and ``ask``, in ticks; at first, the book."""
        before, self._touch = self._touch, (bid, ask)
        bids, asks = self._bids(bid), self._asks(ask)
        if before is None:
            return BookSnapshot(self._symbol, time_ms, self._filled(bids), self._filled(asks))
        return BookDelta(
            self._symbol,
            time_ms,
            self._changed(self._bids(before[0]), bids),
            self._changed(self._asks(before[1]), asks),
        )

    def _bids(self, touch: int) -> range:
        return range(touch, max(0, touch - self._levels), -1)

    def _asks(self, touch: int) -> range:
        return range(touch, touch + self._levels)

    def _filled(self, prices: range) -> tuple[Level, ...]:
        return tuple([self._both(price)[0] for price in prices])

    def _changed(self, before: range, after: range) -> tuple[Level, ...]:
        """Return the levels that go, those that come, and the touch, which others have filled up again."""
        gone = [self._both(price)[1] for price in before if price not in after]
        touch = after.start
        return (*gone, *[self._both(price)[0] for price in after if price == touch or price not in before])

    def _both(self, price: int) -> tuple[Level, Level]:
        """Return the level at ``price`` as it stands, and as it goes."""
        if (known := self._known.get(price)) is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            decimal = self._prices.decimal(price)
            known = (decimal, self._sizes.decimal(self.size_at(price))), (decimal, self._sizes.decimal(0))
            self._known[price] = known
        return known
