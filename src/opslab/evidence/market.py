"""What the market did that both runs were handed: when its candles closed, and between which prices it traded then."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

NS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Candlesticks:
    """One symbol's candles.

    Attributes:
        closes: when each closed, UNIX ns, in order.
        lows: the lowest price of each, quote units.
        highs: the highest price of each, quote units.
        tick: the smallest step of a price, quote units.
        reach: how many ticks beyond a candle's prices the venue's book lies: its spread, and its levels behind.
    """

    closes: NDArray[np.uint64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    tick: Decimal
    reach: int

    def band(self, since: int, until: int) -> tuple[Decimal, Decimal] | None:
        """Return the lowest and the highest price at which an order could be filled; None where no candle was left.

        Args:
            since: when the order was made, UNIX ns; candles that had closed by then could not fill it.
            until: when it was filled last, UNIX ns; the candle of that moment is the last one.
        """
        first = int(np.searchsorted(self.closes, since, side="right"))
        last = min(int(np.searchsorted(self.closes, max(since, until), side="left")), len(self.closes) - 1)
        if first >= len(self.closes):
            return None
        rows = slice(first, max(first, last) + 1)
        beyond = self.tick * self.reach
        return self._price(self.lows[rows].min()) - beyond, self._price(self.highs[rows].max()) + beyond

    def _price(self, value: float) -> Decimal:
        """Return a price on the grid: candles hold the float nearest to it."""
        return round(Decimal(repr(float(value))) / self.tick) * self.tick


@dataclass(frozen=True)
class Market:
    """The candles of both runs; without any nothing is explained by them.

    Attributes:
        by_symbol: the candles of each of the venue's symbols.
    """

    by_symbol: Mapping[str, Candlesticks] = field(default_factory=dict)

    @cached_property
    def closes(self) -> list[int]:
        """When each candle closed, UNIX ns, in order, of all symbols."""
        return sorted(close for candles in self.by_symbol.values() for close in candles.closes.tolist())

    def band(self, symbol: str, since: int, until: int) -> tuple[Decimal, Decimal] | None:
        """Return between which prices an order could be filled, as ``Candlesticks.band``; None: nobody can tell."""
        candles = self.by_symbol.get(symbol)
        return None if candles is None else candles.band(since, until)
