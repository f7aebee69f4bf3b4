"""A storm is more than so many within a second, however they are spread; nothing less ever is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opslab.safety.storm import Storm

MOST, SECONDS = 5, 1.0
GAPS = st.lists(st.sampled_from([0.0, 0.01, 0.19, 0.2, 0.25, 0.5, 1.0, 3.0]), max_size=60)


@given(GAPS)
def test_it_is_told_exactly_when_more_than_the_most_lie_within_the_time(gaps):
    storm, now, times = Storm(MOST, SECONDS), 0.0, []
    for gap in gaps:
        now += gap
        times.append(now)
        is_storm = len(times) > MOST and times[-1] - times[-1 - MOST] <= SECONDS
        assert storm.sent(now) is is_storm


@given(GAPS)
def test_what_was_before_the_calm_does_not_count(gaps):
    storm = Storm(MOST, SECONDS)
    for _ in gaps:
        storm.sent(0.0)
    storm.calm()
    assert not any(storm.sent(0.0) for _ in range(MOST))
    assert storm.sent(0.0)
