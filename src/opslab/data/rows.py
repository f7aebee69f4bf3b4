"""The rows of a source as they were read: numbers where they could be read, and what was wrong where not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from opslab.data.candles import VALUES

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Problem(IntEnum):
    """Why a cell is not a usable value."""

    NONE = 0
    EMPTY = 1
    TEXT = 2
    NAN = 3
    INFINITE = 4
    INEXACT = 5
    OUT_OF_RANGE = 6


EARLIEST_NS = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
LATEST_NS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
"""Times outside the years 1990 to 2100 are not those of candles, UTC nanoseconds since the epoch."""

NO_ZONE = 10_000
"""Zone code of a time that names no zone; other codes are minutes east of UTC."""
EPOCH_UNITS = {10_001: "seconds", 10_002: "milliseconds", 10_003: "microseconds", 10_004: "nanoseconds"}
"""Zone codes of a number counted from the epoch (UTC by definition), by the unit that it counts."""
EPOCH_NS = 10_004
"""Zone code of nanoseconds since the epoch."""


@dataclass(frozen=True)
class SourceRows:
    """Candles as a source holds them, before any judgement; the arrays have one length.

    Attributes:
        row: number of each row in the source, from 1, a header not counted.
        stamp_ns: the source's time, UTC nanoseconds since the epoch, int64; 0 where it has a problem.
        stamp_problem: ``Problem`` of each time.
        zone: minutes east of UTC, ``NO_ZONE`` or one of ``EPOCH_UNITS``.
        values: open, high, low, close and volume, float64; NaN where they have a problem.
        problems: ``Problem`` of each value.
        malformed: rows that have no cells to read, with the reason.
        close_time_ns: the close time that the source states beside an open time, as ``stamp_ns``; None: it has none.
        close_time_problem: ``Problem`` of each close time.
    """

    row: NDArray[np.int64]
    stamp_ns: NDArray[np.int64]
    stamp_problem: NDArray[np.uint8]
    zone: NDArray[np.int32]
    values: dict[str, NDArray[np.float64]]
    problems: dict[str, NDArray[np.uint8]]
    malformed: tuple[tuple[int, str], ...] = field(default=())
    close_time_ns: NDArray[np.int64] | None = None
    close_time_problem: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.row)


def joined(parts: list[SourceRows], malformed: tuple[tuple[int, str], ...]) -> SourceRows:
    """Return ``parts`` one after the other, row numbers made to skip the ``malformed`` rows."""
    count = sum(len(part) for part in parts)
    row = np.arange(1, count + len(malformed) + 1, dtype=np.int64)
    if malformed:
        row = np.delete(row, [number - 1 for number, _ in malformed if number <= len(row)])[:count]

    def column(arrays: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate(arrays) if arrays else np.empty(0)

    return SourceRows(
        row=row,
        stamp_ns=np.concatenate([np.empty(0, np.int64), *(part.stamp_ns for part in parts)]),
        stamp_problem=np.concatenate([np.empty(0, np.uint8), *(part.stamp_problem for part in parts)]),
        zone=np.concatenate([np.empty(0, np.int32), *(part.zone for part in parts)]),
        values={name: column([part.values[name] for part in parts]) for name in VALUES},
        problems={
            name: np.concatenate([np.empty(0, np.uint8), *(part.problems[name] for part in parts)]) for name in VALUES
        },
        malformed=malformed,
        close_time_ns=_optional([part.close_time_ns for part in parts]),
        close_time_problem=_optional([part.close_time_problem for part in parts]),
    )


def _optional[T: (np.int64, np.uint8)](arrays: list[NDArray[T] | None]) -> NDArray[T] | None:
    there = [array for array in arrays if array is not None]
    return np.concatenate(there) if there else None
