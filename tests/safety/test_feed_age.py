"""Feeds that say nothing: fresh, quiet or stale, by the venue's time and the venue's answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.safety.feed_age import FAST, Age, FeedHealth, Pulse

T0 = 1_000_000.0
"""The venue's time when our own clock, which only grows, says 0."""


@pytest.fixture
def feed():
    health = FeedHealth(FAST, 0.0)
    health.came(T0, 0.0)
    return health


def look(feed, now, **words):
    return feed.look(T0 + now, now, **words)


def test_a_feed_that_brings_something_is_fresh(feed):
    assert look(feed, 300) is Pulse.FRESH
    assert not feed.is_due(300)


def test_a_silent_feed_is_asked_about_and_believed_meanwhile(feed):
    assert look(feed, 500) is Pulse.FRESH
    assert feed.is_due(500)
    assert not feed.is_due(550)


def test_a_venue_that_has_nothing_newer_makes_a_market_quiet(feed):
    look(feed, 500)
    feed.answered(510, has_newer=False)
    assert look(feed, 600) is Pulse.QUIET


def test_a_venue_that_has_something_newer_makes_a_feed_dead_after_a_grace(feed):
    look(feed, 500)
    feed.answered(510, has_newer=True)
    assert look(feed, 550) is Pulse.FRESH
    assert look(feed, 620) is Pulse.STALE
    assert "something newer" in feed.why


def test_what_was_on_its_way_ends_the_doubt(feed):
    look(feed, 500)
    feed.answered(510, has_newer=True)
    feed.came(T0 + 505, 560)
    assert look(feed, 620) is Pulse.FRESH


def test_a_quiet_market_that_goes_on_without_us_is_noticed(feed):
    look(feed, 500)
    feed.answered(510, has_newer=False)
    feed.answered(900, has_newer=True)
    assert look(feed, 1_001) is Pulse.STALE


@pytest.mark.parametrize("is_answered_once", [False, True])
def test_a_venue_that_cannot_be_asked_is_doubted_in_the_end(feed, is_answered_once):
    look(feed, 500)
    if is_answered_once:
        feed.answered(510, has_newer=False)
        assert look(feed, 900) is Pulse.QUIET
    assert look(feed, 1_000) is Pulse.STALE
    assert "cannot be asked" in feed.why


def test_it_is_fresh_again_once_it_brings_what_is_new(feed):
    look(feed, 500)
    feed.answered(510, has_newer=True)
    assert look(feed, 700) is Pulse.STALE
    feed.came(T0 + 700, 701)
    assert look(feed, 710) is Pulse.FRESH


def test_old_content_is_stale_however_fast_it_comes(feed):
    for now in range(0, 2_000, 10):
        feed.came(T0 + now - 1_000, now)
        look(feed, now)
    assert look(feed, 2_000) is Pulse.STALE
    assert "by the venue's time" in feed.why


def test_what_waited_while_the_node_was_busy_is_no_late_feed(feed):
    for late in (900, 700, 500):
        feed.came(T0 + 1_000 - late, 1_000)
    for now in range(1_000, 1_400, 10):
        assert look(feed, now) is Pulse.FRESH


def test_what_is_told_again_is_no_progress(feed):
    for now in range(0, 2_000, 10):
        feed.came(T0 - now, now)
        look(feed, now)
    assert look(feed, 2_000) is Pulse.STALE


def test_stamps_from_the_future_do_not_hide_a_silence():
    feed = FeedHealth(FAST, 0.0)
    feed.came(T0 + 60_000, 0.0)
    look(feed, 1_000)
    assert feed.is_due(1_000)


def test_a_feed_that_never_brought_anything_is_as_old_as_its_subscription():
    feed = FeedHealth(FAST, 0.0)
    look(feed, 500)
    assert feed.is_due(500)


def test_a_bars_stamp_says_nothing_about_its_age():
    feed = FeedHealth(FAST, 0.0, is_stamped=False)
    feed.came(T0 - 3_600_000, 0.0)
    assert look(feed, 60_000, allowed_ms=60_000) is Pulse.FRESH
    look(feed, 60_500, allowed_ms=60_000)
    assert feed.is_due(60_500)


@given(
    st.lists(st.tuples(st.floats(0, 1_000), st.none() | st.floats(-5_000, 5_000)), max_size=30), st.none() | st.just(1)
)
def test_an_age_is_never_less_than_since_the_last_arrival_of_something_new(items, knows_time):
    age, now = Age(0.0), 0.0
    for wait, late in items:
        now += wait
        age.came(None if late is None else T0 + now - late, now)
    venue = None if knows_time is None else T0 + now
    assert age.ms(venue, now) >= now - age.advanced_ms >= 0
