"""JSON as it leaves the venue, and what cannot be written: the wire log tells of nothing that was not sent."""

from __future__ import annotations

import math
from typing import Any

import msgspec

_MOST_BITS = 10_000
"""Whole numbers beyond it have more digits than Python turns into text."""
_DEEPEST = 50
_encode = msgspec.json.Encoder().encode


class Unwritable(Exception):  # noqa: N818 - it names what the data are
    """Data that no JSON of the venue can hold."""


def written(data: Any) -> bytes:
    """Return data as JSON in UTF-8.

    Raises:
        Unwritable: half a surrogate pair, a whole number of thousands of digits, or something that is no JSON type.
    """
    try:
        return _encode(data)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Unwritable(f"cannot be written: {error}") from error


def fault_in(data: Any, depth: int = 0) -> str | None:
    """Return why plain data could not be written on the wire as they stand; None: they can.

    Args:
        data: JSON types, and others, which are not looked at.
        depth: how deep they lie.
    """
    match data:
        case str():
            return "holds half a surrogate pair" if any("\ud800" <= char <= "\udfff" for char in data) else None
        case bool():
            return None
        case int():
            return None if data.bit_length() <= _MOST_BITS else f"holds a whole number beyond {_MOST_BITS} bits"
        case float():
            return None if math.isfinite(data) else "holds a number that is not finite"
        case dict() | list() | tuple() if depth >= _DEEPEST:
            return f"nests deeper than {_DEEPEST} levels"
        case dict():
            return _first([*data.keys(), *data.values()], depth)
        case list() | tuple():
            return _first(data, depth)
    return None


def _first(items: list[Any] | tuple[Any, ...], depth: int) -> str | None:
    return next((why for item in items if (why := fault_in(item, depth + 1)) is not None), None)
