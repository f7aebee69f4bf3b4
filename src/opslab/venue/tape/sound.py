"""What a tape may not hold: no data, numbers that are none, times that go back, negative sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from opslab.errors import DataError
from opslab.venue.market import BookDelta, BookSnapshot, Kline, MarkPrice, Quote, TapeTrade
from opslab.venue.tape.grid import price_grid
from opslab.venue.tape.intervals import interval_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from numpy.typing import NDArray

    from opslab.contract.dataset import Instrument
    from opslab.data.candles import Candles
    from opslab.venue.market import MarketEvent
    from opslab.venue.tape.tape import Timed

_COLUMNS = ("open", "high", "low", "close", "volume")
_GATE = "pass the dataset through the data gate: tc data import"
_NS_PER_MS = 1_000_000
_EXACT = 2**53


def check_candles(instrument: Instrument, candles: Candles) -> None:
    """Refuse candles that cannot be played.

    Raises:
        DataError: see ``candles.candle_tape``.
    """
    where, count = instrument.symbol, len(candles.ts_close_ns)
    if not count:
        raise DataError("a tape without data", where=where, fix="name a dataset that holds candles")
    if candles.interval_ns % _NS_PER_MS:
        raise DataError(f"an interval of {candles.interval_ns} ns is no whole millisecond", where=where, fix=_GATE)
    interval_name(candles.interval_ns // _NS_PER_MS)
    for name in _COLUMNS:
        column = getattr(candles, name)
        if len(column) != count:
            raise DataError(f"{len(column)} values of {name} for {count} times", where=where, fix=_GATE)
        _refuse(where, name, column, ~np.isfinite(column), "is not a number")
        wrong = column < 0 if name == "volume" else column <= 0
        _refuse(where, name, column, wrong, "is negative" if name == "volume" else "is not above 0")
        _refuse(where, name, column, column >= _EXACT, "is too large")
    grid = price_grid(instrument)
    for name in _COLUMNS[:4]:
        column = getattr(candles, name)
        if (rows := grid.misses(column)).size:
            raise DataError(
                f"candle {rows[0]}: {name} {column[rows[0]]} is not on the tick grid of {instrument.tick_size}",
                where=where,
                fix="name the instrument that the candles are of",
            )
    body_low, body_high = np.minimum(candles.open, candles.close), np.maximum(candles.open, candles.close)
    _refuse(where, "low", candles.low, candles.low > body_low, "is above the open or close")
    _refuse(where, "high", candles.high, candles.high < body_high, "is below the open or close")
    steps = np.diff(candles.ts_close_ns.astype(np.int64))
    if (rows := np.flatnonzero(steps < candles.interval_ns)).size:
        raise DataError(f"candle {rows[0] + 1} is out of order or overlaps the one before", where=where, fix=_GATE)


def checked(events: Iterable[Timed], where: object, symbol: str | None = None) -> Iterator[Timed]:
    """Pass sound events on.

    Args:
        events: each with its time.
        where: the file they are from, for the message.
        symbol: the only one allowed; None: any.

    Raises:
        DataError: a time goes back, a number is not finite, a price is not above 0, a size is negative, or an event is
            of another symbol. Crossed books are let through: markets have them.
    """
    last = 0
    for number, (time_ms, event) in enumerate(events, start=1):
        if time_ms < last or time_ms < 0:
            raise DataError(f"event {number} is at {time_ms} ms, after one at {last} ms", where=where, fix="sort it")
        last = time_ms
        if symbol is not None and event.symbol != symbol:
            raise DataError(f"event {number} is of {event.symbol}, not of {symbol}", where=where, fix="name its symbol")
        if (wrong := _wrong(event)) is not None:
            raise DataError(f"event {number}: {wrong}", where=where, fix="correct the file")
        yield time_ms, event


def _wrong(event: MarketEvent) -> str | None:
    """Return what is wrong with an event's numbers, or None."""
    prices, sizes = _numbers(event)
    for name, values, least in (("price", prices, "above"), ("size", sizes, "at least")):
        for value in values:
            if not value.is_finite():
                return f"{name} {value} is not a number"
            if value < 0 or (least == "above" and not value):
                return f"{name} {value} is not {least} 0"
    return None


def _numbers(event: MarketEvent) -> tuple[list[Decimal], list[Decimal]]:
    match event:
        case Quote():
            return [event.bid, event.ask], [event.bid_size, event.ask_size]
        case TapeTrade():
            return [event.price], [event.size]
        case BookSnapshot() | BookDelta():
            levels = (*event.bids, *event.asks)
            return [price for price, _ in levels], [size for _, size in levels]
        case Kline():
            return [event.open, event.high, event.low, event.close], [event.volume, event.quote_volume]
        case MarkPrice():
            return [event.mark, event.index], [abs(event.funding_rate)]


def _refuse(where: str, name: str, column: NDArray[np.float64], wrong: NDArray[np.bool_], what: str) -> None:
    if (rows := np.flatnonzero(wrong)).size:
        raise DataError(f"candle {rows[0]}: {name} {column[rows[0]]} {what}", where=where, fix=_GATE)
