"""How far the venue's clock is away: several samples, halved, and none of them decides alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.safety.skew import Estimate, Sample, Skew, Standing, standing, told

WINDOW = 5_000


def measured(*samples):
    skew = Skew()
    for sample in samples:
        skew.add(Sample(*sample))
    return skew.estimate()


def at(offset, trip=10):
    return (1_000, 1_000 + trip / 2 + offset, 1_000 + trip)


def test_the_way_there_and_back_is_halved():
    assert measured(at(0), at(0), at(0)) == Estimate(0, 5, 3)


def test_two_samples_are_too_few():
    assert measured(at(0), at(0)) is None


@given(st.permutations([0, 1, 2]), st.integers(-(10**7), 10**7), st.integers(-(10**7), 10**7))
def test_two_wrong_samples_of_five_move_nothing(good, bad, worse):
    found = measured(*map(at, good), at(bad), at(worse))
    assert 0 <= found.offset_ms <= 2


def test_a_sample_during_which_our_clock_went_back_is_left_out():
    assert measured(at(0), at(0), (1_000, 1_000, 999)) is None


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (0, Standing.FINE),
        (2_400, Standing.FINE),
        (2_600, Standing.NEAR),
        (4_900, Standing.NEAR),
        (5_100, Standing.BEYOND),
        (-400, Standing.FINE),
        (-600, Standing.NEAR),
        (-1_100, Standing.BEYOND),
    ],
)
def test_half_of_what_the_venue_bears_is_kept(offset, expected):
    assert standing(Estimate(offset, 5, 5), WINDOW) is expected


def test_a_slow_way_makes_requests_older():
    assert standing(Estimate(2_400, 200, 5), WINDOW) is Standing.NEAR


def test_nothing_known_is_no_reason_to_trade():
    assert standing(None, WINDOW) is Standing.NEAR
    assert "cannot be told" in told(None, WINDOW)


def test_it_says_which_clock_is_ahead():
    assert told(Estimate(10_000, 5, 5), WINDOW).startswith("our clock is 10.000 s behind the venue's")
    assert "ahead of the venue's" in told(Estimate(-2_000, 5, 5), WINDOW)
