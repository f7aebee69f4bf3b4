"""Time as an argument: UTC stamps for records, a monotonic reading for durations."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the lab asks for the time."""

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only grow, for durations."""
        ...


class SystemClock:
    """The machine's clock; freezegun moves it in tests."""

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that only grow, for durations."""
        return time.monotonic()


def to_stamp(moment: datetime) -> str:
    """Return the contract's form of an aware datetime: UTC, microseconds, trailing ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_stamp(text: str) -> datetime:
    """Return the aware datetime of an ISO-8601 stamp.

    Raises:
        ValueError: not ISO-8601, or without a zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)
