"""Candles to market events: quotes, trades that walk each candle, klines, books; the same for the same seed.

What is played of each candle, in this order. Times are those of the tape.

1. At its open, before anything else of it: the book moves to the open price (``BookSnapshot`` at first, ``BookDelta``
   afterwards), then the ``Quote``. An order that is sent when the candle before has closed meets this quote.
2. At its open: the first trade, at the open price. The further trades come evenly over the candle, the last one a
   millisecond before it closes; before each the book and the quote move such that the trade is at the touch.
3. Among the trades: klines as they stand.
4. At its close: the closed kline. The next candle's open, if there is no gap, has the same time and comes after it.

Trades start at the open, turn at low and high (a candle that rises goes to its low first), and end at the close; their
sizes add up to the volume. A candle without volume has quotes only; one whose volume is less than a step for each
turn of its price trades one step at each turn, which is more than its volume. Klines always tell the candle's prices,
and the volume that was traded.

The first candles may be kept back as history: they are not played, but known to the venue as closed klines when it
starts, as if they had been. No candle is made up: a dataset that has few gives few.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from opslab.contract.dataset import VolumeUnit
from opslab.errors import DataError
from opslab.venue.market import Kline, Quote, TapeTrade
from opslab.venue.tape.grid import price_grid, size_grid
from opslab.venue.tape.intervals import interval_name
from opslab.venue.tape.ladder import Ladder
from opslab.venue.tape.sound import check_candles
from opslab.venue.tape.tape import Tape
from opslab.venue.tape.walk import shared, turning_points, walked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from opslab.contract.dataset import Instrument
    from opslab.data.candles import Candles
    from opslab.venue.tape.tape import Timed

_NS_PER_MS = 1_000_000
_CHUNK = 4_096
MAX_LEVELS = 1_000
MAX_TRADES = 10_000
MAX_HISTORY = 5_000


@dataclass(frozen=True)
class CandleSettings:
    """How candles are played.

    Attributes:
        trades: trades of a candle, 1 to 10000; more where the price turns more often, fewer where the volume is less.
        kline_updates: klines told while a candle is open; at most one a trade.
        spread_ticks: between bid and ask; 0 locks the book, so that buys and sells fill at one price.
        levels: levels of the book on each side, 1 to 1000.
        level_size: what a level holds about, in base units; None: a tenth of the median candle's volume.
        seed: decides the sizes of trades, and who takes where the price stands still.
        history: candles at the beginning that are history; at most half of what there is, so that something is played.
    """

    trades: int = 8
    kline_updates: int = 2
    spread_ticks: int = 1
    levels: int = 10
    level_size: Decimal | None = None
    seed: int = 0
    history: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that make no market.

        Raises:
            DataError: a number is out of its range.
        """
        for name, least, most in (
            ("trades", 1, MAX_TRADES),
            ("kline_updates", 0, MAX_TRADES),
            ("spread_ticks", 0, 1_000_000),
            ("levels", 1, MAX_LEVELS),
            ("history", 0, MAX_HISTORY),
        ):
            if not least <= getattr(self, name) <= most:
                raise DataError(f"{name} is {getattr(self, name)}", where="tape", fix=f"choose {least} to {most}")
        if self.level_size is not None and not (self.level_size.is_finite() and self.level_size > 0):
            raise DataError(f"level_size is {self.level_size}", where="tape", fix="choose a quantity above 0")


DEFAULT = CandleSettings()


def candle_tape(instrument: Instrument, candles: Candles, settings: CandleSettings = DEFAULT) -> Tape:
    """Return the tape of one instrument's candles; see ``tape.merged`` for several.

    Raises:
        DataError: there is no candle, one has a number that is not finite, not positive or off the tick grid, its low
            and high do not hold its open and close, the times are not in order, or the venue has no such klines.
    """
    check_candles(instrument, candles)
    interval_ms = candles.interval_ns // _NS_PER_MS
    known = min(settings.history, len(candles) // 2)
    first_ms = int(candles.ts_close_ns[known]) // _NS_PER_MS - interval_ms
    duration_ms = int(candles.ts_close_ns[-1]) // _NS_PER_MS - first_ms

    def reel() -> _Reel:
        return _Reel(instrument, candles, settings)

    return Tape(
        lambda: reel().events(known),
        first_ms,
        duration_ms,
        (instrument.symbol,),
        interval_ms,
        lambda: reel().history(known),
    )


def base_volumes(instrument: Instrument, candles: Candles, rows: slice) -> NDArray[np.int64]:
    """Return the volumes of ``rows`` in steps; one counted in quote units is divided by the close and rounded down."""
    volume = candles.volume[rows]
    if candles.volume_unit is not VolumeUnit.QUOTE:
        return size_grid(instrument).nearest(volume)
    return np.floor(volume / candles.close[rows] / float(instrument.step_size)).astype(np.int64)


class _Reel:
    """One play of a candle tape: the state between candles."""

    def __init__(self, instrument: Instrument, candles: Candles, settings: CandleSettings) -> None:
        self._instrument, self._candles, self._settings = instrument, candles, settings
        self._prices, self._sizes = price_grid(instrument), size_grid(instrument)
        self._interval_ms = candles.interval_ns // _NS_PER_MS
        self._interval = interval_name(self._interval_ms)
        self._chance = random.Random(f"{settings.seed}/{instrument.symbol}")  # noqa: S311 - made-up trades, no secrets
        self._ladder = Ladder(instrument.symbol, self._prices, self._sizes, settings.levels, self._level_size())
        self._last = 0

    def events(self, begin: int) -> Iterator[Timed]:
        """Produce the events of the candles from number ``begin`` on."""
        for open_ms, candle, volume in self._rows(begin, len(self._candles)):
            yield from self._candle(open_ms, candle, volume)

    def history(self, end: int) -> Iterator[Kline]:
        """Produce the closed klines of the candles before number ``end``."""
        for open_ms, candle, volume in self._rows(0, end):
            path, sizes = self._walk(candle, volume)
            running = _Running(self, open_ms, path[0])
            for price, size in zip(path, sizes, strict=True):
                running.add(price, size)
            yield running.kline(is_closed=True)

    def _rows(self, begin: int, end: int) -> Iterator[tuple[int, tuple[int, int, int, int], int]]:
        """Produce open time, prices in ticks and volume in steps of candles, reading a chunk of them at a time."""
        candles, prices = self._candles, self._prices
        for start in range(begin, end, _CHUNK):
            rows = slice(start, min(start + _CHUNK, end))
            closes = (candles.ts_close_ns[rows] // np.uint64(_NS_PER_MS)).tolist()
            columns = [
                prices.nearest(getattr(candles, name)[rows]).tolist() for name in ("open", "high", "low", "close")
            ]
            volumes = base_volumes(self._instrument, candles, rows).tolist()
            for close_ms, open_, high, low, close, volume in zip(closes, *columns, volumes, strict=True):
                yield close_ms - self._interval_ms, (open_, high, low, close), volume

    def _walk(self, candle: tuple[int, int, int, int], volume: int) -> tuple[list[int], list[int]]:
        """Return the prices of a candle's trades in ticks, and their sizes in steps."""
        path = walked(turning_points(*candle), min(self._settings.trades, volume))
        return path, shared(volume, len(path), self._chance) if volume else [0] * len(path)

    def _candle(self, open_ms: int, candle: tuple[int, int, int, int], volume: int) -> Iterator[Timed]:
        path, sizes = self._walk(candle, volume)
        span, steps = self._interval_ms - 1, max(1, len(path) - 1)
        told = self._told_after(len(path))
        running = _Running(self, open_ms, path[0])
        for index, (price, size) in enumerate(zip(path, sizes, strict=True)):
            time_ms = open_ms + span * index // steps
            yield from self._step(time_ms, price, size)
            running.add(price, size)
            if index in told:
                yield time_ms, running.kline(is_closed=False)
        yield open_ms + self._interval_ms, running.kline(is_closed=True)

    def _step(self, time_ms: int, price: int, size: int) -> Iterator[Timed]:
        symbol, spread = self._instrument.symbol, self._settings.spread_ticks
        is_sell = price < self._last or (price == self._last and self._chance.random() < 0.5)  # noqa: PLR2004 - even
        self._last = price
        if price - spread < 1:
            is_sell = True  # there is no bid below one tick
        bid = price if is_sell else price - spread
        ladder = self._ladder
        yield time_ms, ladder.moved(time_ms, bid, bid + spread)
        yield time_ms, Quote(symbol, time_ms, *ladder.level(bid), *ladder.level(bid + spread))
        if size:
            yield time_ms, TapeTrade(symbol, time_ms, ladder.level(price)[0], self._sizes.decimal(size), is_sell)

    def _told_after(self, count: int) -> frozenset[int]:
        """Return after which of ``count`` trades a kline is told: evenly, never after the last."""
        updates = min(self._settings.kline_updates, count - 1)
        return frozenset((index + 1) * count // (updates + 1) - 1 for index in range(updates))

    def _level_size(self) -> int:
        if self._settings.level_size is not None:
            return max(1, int(self._settings.level_size / self._sizes.step))
        return max(1, int(np.median(base_volumes(self._instrument, self._candles, slice(None)))) // 10)

    def kline(self, open_ms: int, ticks: tuple[int, int, int, int], traded: tuple[int, int, int]) -> Kline:
        """Return a closed kline; ``traded`` is steps, ticks times steps, and the number of trades."""
        volume, turnover, trades = traded
        open_, high, low, close = (self._prices.decimal(price) for price in ticks)
        return Kline(
            symbol=self._instrument.symbol,
            open_ms=open_ms,
            close_ms=open_ms + self._interval_ms - 1,
            interval=self._interval,
            open=open_,
            high=high,
            low=low,
            close=close,
            volume=self._sizes.decimal(volume),
            quote_volume=Decimal(turnover) * self._prices.step * self._sizes.step,
            trades=trades,
            is_closed=True,
        )


class _Running:
    """A candle while it grows."""

    def __init__(self, reel: _Reel, open_ms: int, price: int) -> None:
        self._reel, self._open_ms = reel, open_ms
        self._open = self._high = self._low = self._close = price
        self._volume = self._turnover = self._trades = 0

    def add(self, price: int, size: int) -> None:
        """Take a trade in; a size of 0 is a move of the quote alone."""
        self._high, self._low, self._close = max(self._high, price), min(self._low, price), price
        self._volume += size
        self._turnover += price * size
        self._trades += size > 0

    def kline(self, *, is_closed: bool) -> Kline:
        """Return it as it stands."""
        ticks = self._open, self._high, self._low, self._close
        kline = self._reel.kline(self._open_ms, ticks, (self._volume, self._turnover, self._trades))
        return kline if is_closed else msgspec.structs.replace(kline, is_closed=False)
