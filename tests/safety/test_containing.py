"""What a node does next while it empties its venue: never more than is held, and the venue has the last word."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from opslab.safety.containing import (
    FIRST_PAUSE_SECONDS,
    LAST_PAUSE_SECONDS,
    TRIES,
    TRY_SECONDS,
    Held,
    Step,
    closes,
    is_new,
    next_step,
    pause_after,
)

AMOUNTS = st.decimals(min_value=0, max_value=100, places=3)
SIGNED = st.decimals(min_value=-100, max_value=100, places=3)
LARGEST = st.none() | st.decimals(min_value="0.5", max_value=50, places=3)


@given(SIGNED, AMOUNTS, LARGEST)
def test_closes_are_together_what_nothing_closes_yet(held, closing, largest):
    found = closes(Held(held, closing, largest))
    assert sum(found, Decimal(0)) == max(abs(held) - closing, 0)


@given(SIGNED, AMOUNTS, LARGEST)
def test_no_close_is_empty_or_larger_than_one_may_be(held, closing, largest):
    found = closes(Held(held, closing, largest))
    assert all(amount > 0 and (largest is None or amount <= largest) for amount in found)


def test_a_largest_order_of_nothing_is_no_limit():
    assert closes(Held(Decimal(3), largest=Decimal(0))) == (Decimal(3),)


def test_the_engine_is_told_first():
    assert next_step(0, 0.0, is_engine_done=False) is Step.TELL


def test_it_is_given_time_for_each_try():
    assert next_step(1, TRY_SECONDS / 2, is_engine_done=False) is Step.WAIT
    assert next_step(1, TRY_SECONDS, is_engine_done=False) is Step.TELL


def test_after_its_tries_the_venue_is_asked():
    assert next_step(TRIES, TRY_SECONDS, is_engine_done=False) is Step.ASK


@given(st.integers(0, 10), st.floats(0, 100))
def test_an_engine_that_is_done_leaves_the_word_to_the_venue(tries, waited):
    assert next_step(tries, waited, is_engine_done=True) is Step.ASK


@given(st.floats(0, 100))
def test_telling_comes_to_an_end(waited):
    steps = {next_step(tries, waited, is_engine_done=False) for tries in range(TRIES, TRIES + 5)}
    assert Step.TELL not in steps


@given(st.integers(0, 10**9))
def test_pauses_grow_and_stay_short(looks):
    assert FIRST_PAUSE_SECONDS <= pause_after(looks) <= pause_after(looks + 1) <= LAST_PAUSE_SECONDS


NAMES = st.dictionaries(st.sampled_from(["order a", "order b", "position c"]), st.sampled_from(["open", "1", "-1"]))


@given(NAMES)
def test_what_was_known_when_flat_is_not_new(known):
    assert not is_new(known, known)
    assert not is_new({}, known)


@given(NAMES, NAMES)
def test_whatever_was_not_so_is_new(known, before):
    assert is_new(known, before) == bool(known.items() - before.items())
