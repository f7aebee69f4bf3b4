"""Until when nothing may be sent to a venue that throttles or bans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.safety.calm import BANNED, LONGEST_PAUSE_SECONDS, ORDERS_CODE, THROTTLED, Calm, named_seconds

WALL_MS = 1_767_225_600_000
STATUS = st.sampled_from([THROTTLED, BANNED])
SECONDS = st.floats(0, 3 * 86_400)


@given(STATUS, SECONDS)
def test_nothing_may_be_sent_for_as_long_as_the_venue_says(status, named):
    calm = Calm()
    assert calm.hear(0.0, status, -1003, named) >= named
    assert calm.left(named - 0.001) > 0
    assert calm.told(named - 0.001, WALL_MS) is not None


def test_it_says_until_when_in_a_line():
    calm = Calm()
    calm.hear(0.0, BANNED, -1003, 4.0)
    told = calm.told(1.0, WALL_MS)
    assert "bans this address (HTTP 418 -1003) until 2026-01-01T00:00:03Z, 3.0 s from now" in told
    assert calm.told(4.0, WALL_MS) is None


def test_a_pause_that_nobody_names_grows_to_its_bound():
    calm, now, pauses = Calm(), 0.0, []
    for _ in range(6):
        pauses.append(calm.hear(now, THROTTLED, -1003, None))
        now = calm.until
    assert pauses == [1.0, 2.0, 4.0, *[LONGEST_PAUSE_SECONDS] * 3]


def test_a_venue_that_names_nothing_to_wait_for_is_not_asked_without_pause():
    calm, now = Calm(), 0.0
    for _ in range(10):
        calm.hear(now, THROTTLED, -1003, 0.0)
        now = calm.until
    assert calm.hear(now, THROTTLED, -1003, 0.0) == pytest.approx(LONGEST_PAUSE_SECONDS)


def test_refusals_of_what_was_on_its_way_together_are_one():
    calm = Calm()
    for _ in range(5):
        calm.hear(0.0, THROTTLED, -1003, None)
    assert calm.left(0.0) == 1.0


def test_another_answer_lets_the_next_pause_be_short_again():
    calm = Calm()
    calm.hear(0.0, THROTTLED, -1003, None)
    calm.hear(calm.until, THROTTLED, -1003, None)
    calm.relent()
    assert calm.hear(calm.until, THROTTLED, -1003, None) == 1.0


def test_too_many_orders_stop_orders_only():
    calm = Calm()
    calm.hear(0.0, THROTTLED, ORDERS_CODE, 8.0)
    assert (calm.left(0.0), calm.orders_until) == (0.0, 8.0)


@given(st.lists(st.tuples(st.floats(0, 100), STATUS, st.none() | SECONDS), min_size=1, max_size=20))
def test_what_was_heard_is_never_shortened(heard):
    calm, now, longest = Calm(), 0.0, 0.0
    for later, status, named in heard:
        now += later
        calm.hear(now, status, -1003, named)
        longest = max(longest, now + (named or 0.0))
        assert calm.until >= longest - 1e-6


@given(st.text(max_size=20), st.text(max_size=40))
def test_any_words_name_a_time_or_none(header, message):
    seconds = named_seconds(header, message, WALL_MS)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("header", "message", "seconds"),
    [
        ("4", "", 4.0),
        ("", f"IP(127.0.0.1) banned until {WALL_MS + 2500}.", 2.5),
        ("soon", f"IP(127.0.0.1) banned until {WALL_MS + 2500}.", 2.5),
        ("", f"banned until {WALL_MS - 1}", None),
        ("-5", "", None),
        ("nan", "", None),
        ("1e400", "", None),
        ("", "too many", None),
    ],
)
def test_the_header_goes_before_the_message(header, message, seconds):
    assert named_seconds(header, message, WALL_MS) == seconds


def test_what_was_lifted_is_asked_anew_and_its_answer_counts_again():
    calm = Calm()
    calm.hear(10.0, 418, -1003, 120.0)
    calm.lift()
    assert calm.left(10.0) == 0.0
    calm.hear(10.0, 418, -1003, 30.0)
    assert calm.left(10.0) == 30.0
