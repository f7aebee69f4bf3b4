"""Times of candles to UTC nanoseconds: ISO-8601 with or without a zone, or a number counted from the epoch.

The unit of an epoch number follows from its size: seconds, milliseconds, microseconds and nanoseconds of the years
1990 to 2100 do not overlap. The zone code keeps the unit, so that the gate sees a source that mixes them. A time
without a zone is UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from opslab.data.arrow import Cells
from opslab.data.arrow import kernels as pc
from opslab.data.rows import EARLIEST_NS, EPOCH_NS, EPOCH_UNITS, LATEST_NS, NO_ZONE, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH_TEXT = r"^[0-9]{9,19}(\.0{1,9})?$"
_ISO = (
    r"^(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r" ?(?P<zone>Z|z|UTC|utc|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})?$"
)
_UNITS = (1_000_000_000, 1_000_000, 1_000, 1)

Stamps = tuple["NDArray[np.int64]", "NDArray[np.uint8]", "NDArray[np.int32]"]
"""UTC nanoseconds, ``Problem`` and zone code of each cell."""


def stamps_from_text(cells: Cells) -> Stamps:
    """Return the times in an Arrow array of strings."""
    text = pc.utf8_trim_whitespace(pc.fill_null(cells, ""))
    is_epoch = pc.match_substring_regex(text, _EPOCH_TEXT).to_numpy(zero_copy_only=False)
    if is_epoch.all():
        return _stamps_from_epoch_text(text)
    stamp_ns, problem, zone = _stamps_from_iso(text)
    if is_epoch.any():
        places = np.flatnonzero(is_epoch)
        stamp_ns[places], problem[places], zone[places] = _stamps_from_epoch_text(text.take(pa.array(places)))
    problem[pc.equal(text, "").to_numpy(zero_copy_only=False)] = Problem.EMPTY
    return _bounded(stamp_ns, problem, zone)


def stamps_from_epoch(numbers: NDArray[np.int64], problem: NDArray[np.uint8] | None = None) -> Stamps:
    """Return the times that ``numbers`` count from the epoch, in the unit that each one's size tells."""
    stamp_ns = np.zeros(len(numbers), np.int64)
    problem = np.zeros(len(numbers), np.uint8) if problem is None else problem
    zone = np.full(len(numbers), EPOCH_NS, np.int32)
    told = np.zeros(len(numbers), bool)
    for code, factor in zip(EPOCH_UNITS, _UNITS, strict=True):
        fits = (numbers >= EARLIEST_NS // factor) & (numbers <= LATEST_NS // factor)
        stamp_ns[fits] = numbers[fits] * factor
        zone[fits] = code
        told |= fits
    problem[~told & (problem == Problem.NONE)] = Problem.OUT_OF_RANGE
    return stamp_ns, problem, zone


def stamps_from_arrow(cells: Cells) -> Stamps:
    """Return the times in an Arrow array of timestamps or dates; a zone there means that the values are UTC."""
    empty = pc.is_null(cells).to_numpy(zero_copy_only=False)
    zone = 0 if getattr(cells.type, "tz", None) else NO_ZONE
    if pa.types.is_date(cells.type):
        cells = pc.cast(cells, pa.timestamp("s"))
    factor = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}[cells.type.unit]
    counted = pc.fill_null(pc.cast(cells, pa.int64()), 0).to_numpy(zero_copy_only=False)
    fits = (counted >= EARLIEST_NS // factor) & (counted <= LATEST_NS // factor)
    stamp_ns = np.where(fits, counted, 0) * factor
    problem = np.where(fits, Problem.NONE, Problem.OUT_OF_RANGE).astype(np.uint8)
    problem[empty] = Problem.EMPTY
    return stamp_ns, problem, np.full(len(counted), zone, np.int32)


def _stamps_from_epoch_text(text: Cells) -> Stamps:
    digits = pc.replace_substring_regex(text, r"\..*$", "")
    too_long = pc.greater(pc.binary_length(digits), 18).to_numpy(zero_copy_only=False)
    within = pc.if_else(pa.array(too_long & ~_below_limit(digits)), "0", digits)
    return stamps_from_epoch(pc.cast(within, pa.int64()).to_numpy(zero_copy_only=False))


def _below_limit(digits: Cells) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.less_equal(digits, str(LATEST_NS)).to_numpy(zero_copy_only=False)
    return found


def _stamps_from_iso(text: Cells) -> Stamps:
    parts = pc.extract_regex(text, _ISO)
    matched = pc.is_valid(parts).to_numpy(zero_copy_only=False)
    field = {name: pc.fill_null(pc.struct_field(parts, name), "") for name in ("date", "time", "fraction", "zone")}
    time = pc.if_else(pc.equal(field["time"], ""), "00:00", field["time"])
    whole = pc.if_else(pa.array(matched), pc.binary_join_element_wise(field["date"], time, " "), "1970-01-01 00:00")
    seconds, is_date = _seconds(whole)
    fraction = pc.cast(pc.utf8_rpad(field["fraction"], 9, "0"), pa.int64()).to_numpy(zero_copy_only=False)
    zone, is_zone = _zones(field["zone"])
    usable = matched & is_date & is_zone
    offset = np.where(np.abs(zone) < NO_ZONE, zone, 0).astype(np.int64) * 60
    fits = usable & (np.abs(seconds) < LATEST_NS // 1_000_000_000 * 2)
    stamp_ns = np.where(fits, (np.where(fits, seconds, 0) - offset) * 1_000_000_000 + fraction, 0)
    problem = np.where(usable, np.where(fits, Problem.NONE, Problem.OUT_OF_RANGE), Problem.TEXT).astype(np.uint8)
    return stamp_ns, problem, zone


def _seconds(text: Cells) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return seconds since the epoch, and which cells are real dates (a 30th of February makes the cast refuse all)."""
    seconds_type = pa.timestamp("s")
    try:
        seconds = pc.cast(pc.cast(text, seconds_type), pa.int64())
    except pa.ArrowInvalid:
        good = np.array([_is_date(cell) for cell in text.to_pylist()], bool)
        seconds = pc.cast(pc.cast(pc.if_else(pa.array(good), text, "1970-01-01 00:00"), seconds_type), pa.int64())
        return seconds.to_numpy(zero_copy_only=False), good
    return seconds.to_numpy(zero_copy_only=False), np.ones(len(text), bool)


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _zones(text: Cells) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    encoded = pc.dictionary_encode(text)
    codes = [_zone(name) for name in encoded.dictionary.to_pylist()]
    known = np.array([code if code is not None else 0 for code in codes] or [0], np.int32)
    valid = np.array([code is not None for code in codes] or [True], bool)
    index = encoded.indices.to_numpy(zero_copy_only=False)
    return known[index], valid[index]


def _zone(text: str) -> int | None:
    if not text:
        return NO_ZONE
    if text.upper() in {"Z", "UTC"}:
        return 0
    digits = text[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or "0")
    if hours > 15 or minutes > 59:  # noqa: PLR2004 - the widest offset in use is 14 hours
        return None
    return (-1 if text[0] == "-" else 1) * (hours * 60 + minutes)


def _bounded(stamp_ns: NDArray[np.int64], problem: NDArray[np.uint8], zone: NDArray[np.int32]) -> Stamps:
    outside = ((stamp_ns < EARLIEST_NS) | (stamp_ns > LATEST_NS)) & (problem == Problem.NONE)
    problem[outside] = Problem.OUT_OF_RANGE
    stamp_ns[problem != Problem.NONE] = 0
    return stamp_ns, problem, zone
