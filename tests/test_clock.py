from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from opslab.clock import SystemClock, from_stamp, to_stamp
from opslab.contract.base import UtcStamp


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment.year >= 1000))
def test_a_stamp_keeps_its_moment(moment):
    stamp = to_stamp(moment)
    assert from_stamp(stamp) == moment
    assert (len(stamp), stamp[-1]) == (27, "Z")
    assert TypeAdapter(UtcStamp).validate_python(stamp) == stamp


def test_a_stamp_is_utc_whatever_the_zone():
    moment = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert to_stamp(moment) == "2026-01-01T00:00:00.000000Z"
    assert from_stamp("2026-01-01T02:00:00+02:00") == moment


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "yesterday", ""])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        from_stamp(text)


def test_the_system_clock_is_aware_and_only_grows():
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
