"""Limits that pull the switch: beyond them and not at them, and never on one bad reading."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.spec import PULLING_LIMITS, Limits
from opslab.safety import triggers
from opslab.safety.triggers import DOUBTS, READINGS, LossFromPeak, PerMinute, Runaway, TooOld

SECOND_NS = 10**9


def loss(limit, *readings):
    watch = LossFromPeak(Decimal(limit))
    return watch, [watch.read(Decimal(reading)) for reading in readings]


def test_the_limits_that_pull_are_those_that_are_watched():
    watched = {triggers.LOSS, triggers.ORDERS, triggers.REJECTS, triggers.RUNAWAY, triggers.FEED_AGE, triggers.MISMATCH}
    assert watched == set(PULLING_LIMITS)
    assert triggers.named_in(None) == triggers.named_in(Limits(max_open_orders=1)) == ()
    assert triggers.named_in(Limits(max_mismatch_seconds=1)) == ("max_mismatch_seconds",)


def test_a_minute_is_what_counts():
    rate = PerMinute("max_orders_per_minute", 2, "orders")
    assert [rate.add(name, name * 30 * SECOND_NS) for name in range(5)] == [None] * 5
    assert rate.add(5, 121 * SECOND_NS).value == "3"


def test_the_same_thing_counts_once():
    rate = PerMinute("max_rejects_per_minute", 1, "rejections")
    assert rate.add("O-1", 1) is None
    assert rate.add("O-1", 2) is None
    assert rate.add("O-2", 3).detail == "2 rejections within a minute, limit 1"


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(1, 10))
def test_a_rate_fires_exactly_when_a_window_holds_too_many(gaps, limit):
    rate, stamps = PerMinute("max_orders_per_minute", limit, "orders"), []
    for name, gap in enumerate(gaps):
        stamps.append((stamps[-1] if stamps else 0) + gap * SECOND_NS)
        within = sum(stamp > stamps[-1] - triggers.MINUTE_NS for stamp in stamps)
        assert (rate.add(name, stamps[-1]) is not None) is (within > limit)


def test_a_loop_fills_no_memory():
    rate = PerMinute("max_orders_per_minute", 3, "orders")
    fired = [rate.add(name, name) for name in range(1_000)]
    assert {one.value for one in fired[3:]} == {"4"}
    assert len(rate._stamps) == len(rate._names) == 4


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
def test_a_runaway_is_so_many_orders_in_a_row(steps, limit):
    watch, row = Runaway(limit), 0
    for is_order in steps:
        row = row + 1 if is_order else 0
        fired = watch.order() if is_order else watch.data()
        assert (fired is not None) is (row > limit)


def test_a_fall_to_the_limit_is_borne_and_one_beyond_it_is_not():
    assert loss(10, *[100] * 5, *[90] * 5)[1] == [None] * 10
    fired = loss(10, *[100] * 5, *[89] * 5)[1]
    assert fired[:7] == [None] * 7
    assert (fired[7].value, fired[7].detail) == ("11", "equity is below its peak by more than its limit")


def test_the_peak_is_the_highest_since_the_beginning():
    watch, fired = loss(10, *[100] * 5, *[120] * 5, *[111] * 5, *[109] * 3)
    assert watch.peak == 120
    assert fired[-1] is not None


@given(
    st.lists(st.decimals(1, 10**9, places=2), min_size=READINGS // 2, max_size=READINGS // 2), st.permutations(range(5))
)
def test_two_wrong_readings_of_five_move_neither_loss_nor_peak(wrong, order):
    around = [*wrong, *["1000"] * 3]
    watch, fired = loss(1, *["1000"] * 5, *[around[place] for place in order], *["1000"] * 5)
    assert set(fired) == {None}
    assert watch.peak == 1000


@pytest.mark.parametrize("nonsense", ["0", "-5", "NaN", "Infinity"])
def test_what_is_no_equity_is_a_doubt_and_no_loss(nonsense):
    watch, fired = loss(10, *[100] * 5, *[nonsense] * 50)
    assert set(fired) == {None}
    assert nonsense in watch.doubt
    watch.read(Decimal(100))
    assert watch.doubt is None


def test_a_single_doubt_is_none():
    watch, _ = loss(10, *[100] * 5)
    for _ in range(DOUBTS - 1):
        watch.unread("no answer")
    assert watch.doubt is None
    watch.unread("no answer")
    assert watch.doubt == "no answer"


@pytest.mark.parametrize(("ms", "fires"), [(None, False), (0, False), (1_500, False), (1_501, True)])
def test_what_lasts_too_long_fires(ms, fires):
    assert (TooOld("max_mismatch_seconds", 1.5, "{value} {limit}").read(ms) is not None) is fires


def test_a_mismatch_says_for_how_long():
    watch = triggers.mismatch(Limits(max_mismatch_seconds=2))
    assert watch.read(2_500).reason == "TRIGGER max_mismatch_seconds: the views have differed for 2.500 s, limit 2"
    assert triggers.mismatch(None) is triggers.mismatch(Limits()) is triggers.feed_age(Limits()) is None
