"""Each check of the gate, shown to catch its defect and to name its row."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.dataset import MAX_RANGES, CheckStatus, Instrument, VolumeUnit
from opslab.data.candles import VALUES
from opslab.data.gate import CHECKS, Rules, check, on_step
from opslab.data.rows import EPOCH_NS, EPOCH_UNITS, NO_ZONE, Problem, SourceRows

MINUTE = 60_000_000_000
COUNT = 60
START = 1_700_000_040 * 1_000_000_000
RULES = Rules(
    Instrument(
        venue="binance",
        symbol="T",
        kind="spot",
        base="T",
        quote="USDT",
        price_precision=2,
        tick_size="0.05",
        size_precision=1,
        step_size="0.1",
    ),
    MINUTE,
)


def good(count: int = COUNT) -> SourceRows:
    ticks = 2000 + np.arange(count) % 7
    price = ticks * 5 / 100
    values = {"open": price, "high": price + 0.5, "low": price - 0.5, "close": price, "volume": np.full(count, 12.3)}
    values = {name: np.round(value, 2) for name, value in values.items()}
    return SourceRows(
        row=np.arange(1, count + 1),
        stamp_ns=START + np.arange(count) * MINUTE,
        stamp_problem=np.zeros(count, np.uint8),
        zone=np.zeros(count, np.int32),
        values=values,
        problems={name: np.zeros(count, np.uint8) for name in VALUES},
    )


def take(rows: SourceRows, order: list[int]) -> SourceRows:
    return SourceRows(
        row=np.arange(1, len(order) + 1),
        stamp_ns=rows.stamp_ns[order],
        stamp_problem=rows.stamp_problem[order],
        zone=rows.zone[order],
        values={name: value[order] for name, value in rows.values.items()},
        problems={name: problem[order] for name, problem in rows.problems.items()},
    )


def not_passed(rows: SourceRows, rules: Rules = RULES) -> dict[str, list[tuple[int, int]]]:
    return {
        found.name: [(part.first_row, part.last_row) for part in found.ranges]
        for found in check(rows, rules)
        if found.status is not CheckStatus.PASSED
    }


def broken_value(name: str, value: float):
    def break_(rows: SourceRows, index: int) -> None:
        rows.values[name][index] = value

    return break_


def broken_cell(name: str, problem: Problem):
    def break_(rows: SourceRows, index: int) -> None:
        rows.problems[name][index] = problem
        rows.values[name][index] = np.nan

    return break_


def broken_time(problem: Problem):
    def break_(rows: SourceRows, index: int) -> None:
        rows.stamp_problem[index] = problem
        rows.stamp_ns[index] = 0

    return break_


def zone(code: int):
    def break_(rows: SourceRows, index: int) -> None:
        rows.zone[index] = code

    return break_


def half_a_tick(rows: SourceRows, index: int) -> None:
    rows.values["close"][index] += 0.02


DEFECTS = [
    ("schema", broken_cell("open", Problem.TEXT)),
    ("schema", broken_cell("volume", Problem.EMPTY)),
    ("schema", broken_time(Problem.TEXT)),
    ("schema", broken_time(Problem.EMPTY)),
    ("schema", broken_time(Problem.OUT_OF_RANGE)),
    ("finite", broken_cell("high", Problem.NAN)),
    ("finite", broken_cell("volume", Problem.INFINITE)),
    ("positive", broken_value("low", 0.0)),
    ("positive", broken_value("open", -5.0)),
    ("ohlc", broken_value("low", 101.0)),
    ("ohlc", broken_value("high", 99.0)),
    ("volume", broken_value("volume", -0.1)),
    ("precision", half_a_tick),
    ("precision", broken_value("volume", 12.34)),
    ("precision", broken_cell("close", Problem.INEXACT)),
    ("time_zone", zone(120)),
    ("time_zone", zone(NO_ZONE)),
    ("time_zone", zone(EPOCH_NS)),
    ("outliers", broken_value("high", 1000.0)),
    ("outliers", broken_value("low", 10.0)),
]


@pytest.mark.parametrize(
    ("name", "break_"), DEFECTS, ids=[f"{number}-{name}" for number, (name, _) in enumerate(DEFECTS)]
)
@given(index=st.integers(1, COUNT - 1))
def test_a_defect_fails_exactly_its_check_and_names_its_row(name, break_, index):
    rows = good()
    break_(rows, index)
    assert not_passed(rows) == {name: [(index + 1, index + 1)]}


def test_good_candles_pass_every_check_and_each_is_listed_once():
    results = check(good(), RULES)
    assert [found.name for found in results] == list(CHECKS)
    assert {found.status for found in results} == {CheckStatus.PASSED}


@given(index=st.integers(0, COUNT - 2))
def test_swapped_rows_fail_the_order_and_nothing_else(index):
    order = list(range(COUNT))
    order[index], order[index + 1] = order[index + 1], order[index]
    assert not_passed(take(good(), order)) == {"order": [(index + 2, index + 2)]}


@given(index=st.integers(0, COUNT - 1))
def test_a_repeated_row_is_a_duplicate_and_nothing_else(index):
    order = sorted([*range(COUNT), index])
    assert not_passed(take(good(), order)) == {"duplicates": [(index + 2, index + 2)]}


@given(index=st.integers(1, COUNT - 2), size=st.integers(1, 5))
def test_missing_candles_are_a_gap_before_the_next_row(index, size):
    order = [i for i in range(COUNT + 5) if not index <= i < index + size]
    rows = take(good(COUNT + 5), order)
    assert not_passed(rows) == {"gaps": [(index + 1, index + 1)]}


def test_gaps_can_be_allowed_and_are_then_flagged():
    rows = take(good(), [0, 1, 4, 5, 9])
    allowed = Rules(RULES.instrument, MINUTE, gaps_allowed=True)
    by_name = {found.name: found for found in check(rows, allowed)}
    assert by_name["gaps"].status is CheckStatus.FLAGGED
    assert by_name["gaps"].count == 2
    assert by_name["gaps"].ranges[0].reason == "2 candles are missing before this row"


def test_a_step_that_is_no_multiple_of_the_interval_fails():
    rows = good()
    rows.stamp_ns[30:] += MINUTE // 2
    found = not_passed(rows)
    assert found["gaps"] == [(31, 31)]
    assert found["grid"] == [(31, COUNT)]


def test_candles_off_the_grid_of_their_interval_are_flagged():
    rows = good()
    rows.stamp_ns[:] -= 1
    by_name = {found.name: found for found in check(rows, RULES)}
    assert by_name["grid"].status is CheckStatus.FLAGGED
    assert by_name["grid"].count == COUNT


def test_a_jump_is_flagged_and_not_failed():
    rows = good()
    for name in ("open", "high", "low", "close"):
        rows.values[name][20:] *= 2
    by_name = {found.name: found for found in check(rows, RULES)}
    assert by_name["outliers"].status is CheckStatus.FLAGGED
    assert [part.first_row for part in by_name["outliers"].ranges] == [21]


def test_neighbouring_rows_of_one_reason_are_one_range():
    rows = good()
    rows.values["low"][10:15] = 0.0
    assert not_passed(rows)["positive"] == [(11, 15)]


def test_the_record_keeps_a_bounded_number_of_ranges_and_the_full_count():
    rows = good(1000)
    rows.values["low"][::2] = 0.0
    found = {result.name: result for result in check(rows, RULES)}["positive"]
    assert (found.count, len(found.ranges)) == (500, MAX_RANGES)


def test_volume_in_another_unit_is_not_compared_with_the_step():
    rows = good()
    rows.values["volume"][:] = 2300413.7295
    assert not_passed(rows, Rules(RULES.instrument, MINUTE, VolumeUnit.QUOTE)) == {}
    assert "precision" in not_passed(rows)


def test_no_rows_fail_the_schema():
    assert not_passed(take(good(), [])) == {"schema": [(0, 0)]}


@given(count=st.integers(0, 10**9), step=st.sampled_from(["0.1", "0.05", "0.00000001", "0.25", "1", "5", "0.10"]))
def test_every_whole_number_of_steps_is_on_the_step(count, step):
    assert on_step(np.array([float(Decimal(step) * count)]), Decimal(step)).all()


@given(count=st.integers(0, 10**6), off=st.integers(1, 99))
def test_no_other_decimal_is_on_the_step(count, off):
    value = float(Decimal("0.1") * count + Decimal("0.001") * off)
    assert on_step(np.array([value]), Decimal("0.1")).all() == (off == 0)


@pytest.mark.parametrize("value", [1e15, 1e30, 1e300])
@pytest.mark.parametrize("name", VALUES)
def test_a_value_beyond_every_tick_is_called_out_of_range(name, value):
    rows = good()
    rows.values[name][3] = value
    found = {result.name: result for result in check(rows, RULES)}["precision"]
    assert [(part.first_row, part.reason.split(":")[0]) for part in found.ranges] == [(4, f"{name} is out of range")]


@given(
    first=st.sampled_from(sorted(EPOCH_UNITS)),
    other=st.sampled_from(sorted(EPOCH_UNITS)),
    index=st.integers(1, COUNT - 1),
)
def test_two_units_of_epoch_numbers_are_two_zones(first, other, index):
    rows = good()
    rows.zone[:] = first
    rows.zone[index] = other
    found = {result.name: result for result in check(rows, RULES)}["time_zone"]
    assert [part.first_row for part in found.ranges] == ([] if first == other else [index + 1])
    assert all(EPOCH_UNITS[other] in part.reason for part in found.ranges)


def closing(rows: SourceRows, short_ns: int) -> SourceRows:
    closes = rows.stamp_ns + MINUTE - short_ns
    return replace(rows, close_time_ns=closes, close_time_problem=np.zeros(len(rows), np.uint8))


@given(index=st.integers(0, COUNT - 1), short=st.sampled_from([0, 1, 1_000, 1_000_000, 1_000_000_000]))
def test_a_close_time_that_contradicts_its_open_time_fails_the_schema(index, short):
    rows = closing(good(), short)
    assert not_passed(rows) == {}
    rows.close_time_ns[index] += MINUTE
    assert not_passed(rows) == {"schema": [(index + 1, index + 1)]}


def test_what_float64_cannot_tell_apart_is_off_the_step():
    assert not on_step(np.array([2.0**53 + 2]), Decimal(1)).any()
