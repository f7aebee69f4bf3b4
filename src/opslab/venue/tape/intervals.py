"""Binance's names of kline intervals (API documents, Kline/Candlestick chart intervals)."""

from __future__ import annotations

from opslab.errors import DataError

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
INTERVALS_MS = {
    "1s": _SECOND,
    **{f"{count}m": count * _MINUTE for count in (1, 3, 5, 15, 30)},
    **{f"{count}h": count * _HOUR for count in (1, 2, 4, 6, 8, 12)},
    "1d": _DAY,
    "3d": 3 * _DAY,
    "1w": 7 * _DAY,
}
"""Length of each interval, milliseconds."""
_NAMES = {length: name for name, length in INTERVALS_MS.items()}


def interval_name(interval_ms: int) -> str:
    """Return what klines of this length are called, such as ``1m``.

    Raises:
        DataError: Binance has no such klines.
    """
    if (name := _NAMES.get(interval_ms)) is None:
        raise DataError(
            f"the venue has no klines of {interval_ms / 1000:g} s",
            where="tape",
            fix=f"use candles of {', '.join(INTERVALS_MS)}",
        )
    return name
