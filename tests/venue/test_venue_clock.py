from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from opslab.venue.clock import VenueClock


class Still:
    """A machine's clock that stands."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return 0.0


@given(st.integers(0, 10**13), st.integers(0, 999), st.integers(-(10**9), 10**9))
def test_milliseconds_are_whole_and_never_off_by_one(ms: int, micros: int, offset: int):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms, microseconds=micros)
    assert VenueClock(Still(moment), offset).now_ms() == ms + offset
