"""Candles of longer intervals, made of the tape's shorter ones.

Buckets as Binance's: multiples of the interval since 1970, weeks from Monday, months of the calendar, all in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opslab.venue.market import Kline

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_FIRST_MONDAY = 4 * _DAY
INTERVALS = {
    "1s": _SECOND, "1m": _MINUTE, "3m": 3 * _MINUTE, "5m": 5 * _MINUTE, "15m": 15 * _MINUTE, "30m": 30 * _MINUTE,
    "1h": _HOUR, "2h": 2 * _HOUR, "4h": 4 * _HOUR, "6h": 6 * _HOUR, "8h": 8 * _HOUR, "12h": 12 * _HOUR,
    "1d": _DAY, "3d": 3 * _DAY, "1w": 7 * _DAY, "1M": 28 * _DAY,
}  # fmt: skip
"""Length of each interval in milliseconds; of a month the shortest."""


def bucket(time_ms: int, interval: str) -> tuple[int, int]:
    """Return when the candle that holds a time opens, and when the next one does, Unix milliseconds."""
    if interval == "1M":
        first = datetime.fromtimestamp(time_ms / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        is_december = first.month == 12  # noqa: PLR2004 - the number of December
        year, month = (first.year + 1, 1) if is_december else (first.year, first.month + 1)
        following = first.replace(year=year, month=month)
        return int(first.timestamp()) * 1000, int(following.timestamp()) * 1000
    length = INTERVALS[interval]
    offset = _FIRST_MONDAY if interval == "1w" else 0
    start = time_ms - (time_ms - offset) % length
    return start, start + length


def merged(parts: Sequence[Kline], interval: str) -> Kline:
    """Return the candle that the parts make together.

    Args:
        parts: at least one, oldest first, all of one bucket.
        interval: of the result.

    Returns:
        A candle that is closed when the last part is, and reaches to the end of the bucket.
    """
    start, following = bucket(parts[0].open_ms, interval)
    last = parts[-1]
    return msgspec.structs.replace(
        last,
        open_ms=start,
        close_ms=following - 1,
        interval=interval,
        open=parts[0].open,
        high=max(part.high for part in parts),
        low=min(part.low for part in parts),
        volume=sum((part.volume for part in parts[1:]), parts[0].volume),
        quote_volume=sum((part.quote_volume for part in parts[1:]), parts[0].quote_volume),
        trades=sum(part.trades for part in parts),
        is_closed=last.is_closed and last.close_ms >= following - 1,
    )


def parts_of(klines: Sequence[Kline], interval: str) -> list[Kline]:
    """Return the candles to make an interval of: the tape's own of that interval, else the longest that fill it.

    Candles fill an interval when a whole number of them makes each of its buckets: 3m ones do not fill 5m. Months,
    whose length changes, are filled by what fills a day.

    Args:
        klines: the tape's, oldest first within each of their intervals.
        interval: wanted.
    """
    found = {kline.interval for kline in klines}
    if interval not in found:
        whole = _DAY if interval == "1M" else INTERVALS[interval]
        found = {name for name in found if whole % INTERVALS.get(name, whole + 1) == 0}
    if not found:
        return []
    source = interval if interval in found else max(found, key=INTERVALS.__getitem__)
    return [kline for kline in klines if kline.interval == source]


def current(klines: Sequence[Kline], interval: str) -> Kline | None:
    """Return the newest candle of an interval, None when the tape's candles are longer than it."""
    parts = parts_of(klines, interval)
    if not parts or parts[-1].interval == interval:
        return parts[-1] if parts else None
    start, _ = bucket(parts[-1].open_ms, interval)
    first = len(parts)
    while first and parts[first - 1].open_ms >= start:
        first -= 1
    return merged(parts[first:], interval)


def series(
    klines: Sequence[Kline], interval: str, *, start_ms: int | None = None, end_ms: int | None = None
) -> list[Kline]:
    """Return the candles of an interval that open within a period, oldest first.

    Args:
        klines: the tape's, oldest first within each of their intervals.
        interval: wanted; shorter than the tape's gives none.
        start_ms: the earliest opening, inclusive; None: no limit.
        end_ms: the latest opening, inclusive; None: no limit.
    """
    parts = parts_of(klines, interval)
    found = parts if parts and parts[0].interval == interval else list(_gathered(parts, interval))
    low = start_ms or 0
    return [candle for candle in found if candle.open_ms >= low and (end_ms is None or candle.open_ms <= end_ms)]


def _gathered(parts: Sequence[Kline], interval: str) -> Iterator[Kline]:
    held: list[Kline] = []
    following = 0
    for part in parts:
        if held and part.open_ms >= following:
            yield merged(held, interval)
            held = []
        if not held:
            following = bucket(part.open_ms, interval)[1]
        held.append(part)
    if held:
        yield merged(held, interval)
