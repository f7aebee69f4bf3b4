"""Durations as people write them, ``2s`` or ``500ms``, in fields of fault models."""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, Field

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TEXT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?(ms|s|m|h)", re.ASCII)
LONGEST_SECONDS = 7 * 24 * 3600.0


def seconds_of(value: object) -> float:
    """Return a duration in seconds: a number of seconds, or text such as ``500ms``, ``2s``, ``1.5m``, ``24h``.

    Raises:
        ValueError: it is anything else, negative, not finite, or longer than a week.
    """
    if isinstance(value, str):
        if (found := _TEXT.fullmatch(value.strip())) is None:
            raise ValueError(f"{value!r:.40} is not a duration: write one such as 500ms, 2s or 1m")
        value = float(found[1]) * _UNITS[found[2]]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("is not a duration: write one such as 500ms, 2s or 1m")  # noqa: TRY004 - pydantic takes it
    if not (math.isfinite(value) and 0 <= value <= LONGEST_SECONDS):
        raise ValueError("is not a duration between 0 and a week")
    return float(value)


Seconds = Annotated[float, BeforeValidator(seconds_of), Field(json_schema_extra={"examples": ["500ms", "2s"]})]
"""A duration in seconds; text with a unit is taken too."""
