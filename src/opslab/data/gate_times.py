"""The data gate's checks of times: zone, order, duplicates, gaps, grid, and a close time beside the open time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from opslab.data.rows import EPOCH_UNITS, NO_ZONE, Problem, SourceRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

Spots = list[tuple[str, "NDArray[np.int64]"]]
"""Reasons, each with the rows that it holds for."""

_DAY_NS = 86_400_000_000_000
_MANY = 64
_LAST_MOMENTS_NS = (0, 1, 1_000, 1_000_000, 1_000_000_000)


def mixed_zones(rows: SourceRows, usable: NDArray[np.bool_]) -> Spots:
    """Return rows whose zone, or whose unit of an epoch number, is not the first row's."""
    zones, numbers = rows.zone[usable], rows.row[usable]
    if not len(zones):
        return []
    first = zones[0]
    return [
        (f"the time has {_zone_name(int(other))}, the first row has {_zone_name(int(first))}", numbers[zones == other])
        for other in np.unique(zones)
        if other != first
    ]


def _zone_name(zone: int) -> str:
    if zone == NO_ZONE:
        return "no zone"
    if zone in EPOCH_UNITS:
        return f"an epoch number in {EPOCH_UNITS[zone]}"
    return f"zone {'-' if zone < 0 else '+'}{abs(zone) // 60:02d}:{abs(zone) % 60:02d}"


def disorder(rows: SourceRows, usable: NDArray[np.bool_]) -> Spots:
    """Return rows whose time is before an earlier row's."""
    stamps = rows.stamp_ns[usable]
    early = np.zeros(len(stamps), bool)
    early[1:] = stamps[1:] < np.maximum.accumulate(stamps)[:-1]
    return [("the time is before an earlier row's", rows.row[usable][early])]


def duplicates(rows: SourceRows, usable: NDArray[np.bool_]) -> Spots:
    """Return rows whose time was there before."""
    stamps, numbers = rows.stamp_ns[usable], rows.row[usable]
    order = np.argsort(stamps, kind="stable")
    again = np.zeros(len(stamps), bool)
    again[1:] = stamps[order][1:] == stamps[order][:-1]
    return [("the time is an earlier row's", np.sort(numbers[order][again]))]


def gaps(rows: SourceRows, usable: NDArray[np.bool_], interval_ns: int) -> Spots:
    """Return rows before which candles are missing; rows that could not be read are not missing."""
    stamps, numbers = rows.stamp_ns[usable], rows.row[usable]
    sorted_stamps, place = np.unique(stamps, return_index=True)
    steps = np.diff(sorted_stamps)
    row = numbers[place]
    unread = np.diff(row) - np.diff(place)
    missing, rest = steps // interval_ns - 1, steps % interval_ns
    after = row[1:]
    spots: Spots = [("the step from the candle before is not a multiple of the interval", np.sort(after[rest != 0]))]
    gap = (rest == 0) & (missing > 0) & (missing > unread)
    sizes = np.unique(missing[gap])
    if len(sizes) > _MANY:
        return [*spots, ("candles are missing before this row", np.sort(after[gap]))]
    return spots + [
        (
            f"{size} {'candle is' if size == 1 else 'candles are'} missing before this row",
            np.sort(after[gap & (missing == size)]),
        )
        for size in sizes
    ]


def off_grid(rows: SourceRows, usable: NDArray[np.bool_], interval_ns: int) -> Spots:
    """Return rows whose time is not a whole number of intervals from midnight UTC, where a day has a whole number."""
    if _DAY_NS % interval_ns:
        return []
    return [
        (
            "the time is not a whole number of intervals from midnight UTC",
            rows.row[usable & (rows.stamp_ns % interval_ns != 0)],
        )
    ]


def early_closes(rows: SourceRows, usable: NDArray[np.bool_], interval_ns: int) -> Spots:
    """Return rows whose own close time is not one interval after their open time.

    Binance writes the last moment that still belongs to the candle: a millisecond or, in newer files, a microsecond
    before the next one opens (https://github.com/binance/binance-public-data). Other exporters write the next open.
    """
    if rows.close_time_ns is None or rows.close_time_problem is None:
        return []
    short = rows.stamp_ns + interval_ns - rows.close_time_ns
    both = usable & (rows.close_time_problem == Problem.NONE)
    reason = "the close time is not one interval after the open time"
    return [(reason, rows.row[both & ~np.isin(short, _LAST_MOMENTS_NS)])]
