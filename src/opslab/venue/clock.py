"""The venue's clock: the machine's, with an offset that a drill may set, in whole milliseconds as on the wire."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from opslab.clock import SystemClock

if TYPE_CHECKING:
    from opslab.clock import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StandingClock:
    """Stands still: only the venue's offset moves its time then, so that two runs have the same.

    Args:
        start_ms: Unix time in milliseconds.
    """

    def __init__(self, start_ms: int) -> None:
        self._start = _EPOCH + timedelta(milliseconds=start_ms)

    def now(self) -> datetime:
        """Return the time at which it stands."""
        return self._start

    def monotonic(self) -> float:
        """Return seconds that only grow: durations are the machine's."""
        return time.monotonic()


class VenueClock:
    """Tells the venue's time.

    Args:
        clock: the machine's clock.
        offset_ms: how far the venue is ahead of it.
    """

    def __init__(self, clock: Clock, offset_ms: int = 0) -> None:
        self._clock = clock
        self._is_system = type(clock) is SystemClock
        self.offset_ms = offset_ms

    def now_ms(self) -> int:
        """Return Unix time in milliseconds, as the venue believes it."""
        if self._is_system:  # the venue asks several times a request: no datetime is made of it on the way
            return time.time_ns() // 1_000_000 + self.offset_ms
        since = self._clock.now() - _EPOCH  # whole numbers: a float would be a millisecond off now and then
        return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000 + self.offset_ms

    def monotonic(self) -> float:
        """Return seconds that only grow; no offset touches them."""
        return self._clock.monotonic()
