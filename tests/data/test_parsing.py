"""Cells to numbers and times: round trips, and what cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.data.importing import parse_interval
from opslab.data.numbers import numbers_from_floats, numbers_from_text
from opslab.data.rows import EPOCH_UNITS, NO_ZONE, Problem
from opslab.data.stamps import stamps_from_arrow, stamps_from_epoch, stamps_from_text
from opslab.errors import DataError

SECOND = 1_000_000_000
FIRST, LAST = datetime(1990, 1, 2, tzinfo=UTC), datetime(2099, 12, 30, tzinfo=UTC)


def nanoseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


moments = st.integers(nanoseconds(FIRST) // 1000, nanoseconds(LAST) // 1000).map(
    lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
)


def text(*cells: str | None) -> pa.Array:
    return pa.array(cells, pa.string())


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_a_decimal_of_15_digits_survives(value):
    numbers, problems = numbers_from_text(text(f"{value:f}"))
    assert (float(numbers[0]), int(problems[0])) == (float(value), Problem.NONE)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_shortest_text_of_any_float_survives(value):
    numbers, problems = numbers_from_text(text(repr(value)))
    assert (numbers[0], int(problems[0])) == (value, Problem.NONE)


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("", Problem.EMPTY), (None, Problem.EMPTY), ("  ", Problem.EMPTY), ("abc", Problem.TEXT), ("1_0", Problem.TEXT),
        ("0x10", Problem.TEXT), ("1,5", Problem.TEXT), ("\uff11", Problem.TEXT), ("--1", Problem.TEXT), ("1e", Problem.TEXT),
        ("null", Problem.TEXT), ("NaN", Problem.NAN), ("-nan", Problem.NAN), ("inf", Problem.INFINITE),
        ("-Infinity", Problem.INFINITE), ("1e400", Problem.INFINITE), ("-1e400", Problem.INFINITE),
        ("9" * 400, Problem.INFINITE), ("1e-400", Problem.INEXACT), ("1.00000000000000000001", Problem.INEXACT),
        ("9007199254740993", Problem.INEXACT), ("12345678901234567.1", Problem.INEXACT), ("1e999999999", Problem.INFINITE),
    ],
)  # fmt: skip
def test_what_is_no_number_says_why(cell, problem):
    _, problems = numbers_from_text(text("1.5", cell))
    assert [int(found) for found in problems] == [Problem.NONE, problem]


@pytest.mark.parametrize("cell", [" 1.5 ", "+1.5", "1.50", "1.5e0", "0.15E1", "001.5", "1.5000000000000000000"])
def test_one_number_in_many_spellings(cell):
    numbers, problems = numbers_from_text(text(cell))
    assert (numbers[0], int(problems[0])) == (1.5, Problem.NONE)


def test_floats_of_a_binary_source_keep_their_value_and_say_what_they_lack():
    numbers, problems = numbers_from_floats(pa.array([0.1, None, float("nan"), float("-inf")]))
    assert numbers[0] == 0.1
    assert [int(found) for found in problems] == [Problem.NONE, Problem.EMPTY, Problem.NAN, Problem.INFINITE]


@given(moments, st.sampled_from(["T", " "]), st.sampled_from(["Z", "", "+00:00", " UTC", "+0000", "+00"]))
def test_iso_times_in_utc_survive(moment, separator, zone):
    cell = moment.replace(tzinfo=None).isoformat(sep=separator) + zone
    stamps, problems, zones = stamps_from_text(text(cell))
    assert (int(stamps[0]), int(problems[0])) == (nanoseconds(moment), Problem.NONE)
    assert int(zones[0]) == (0 if zone else NO_ZONE)


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_iso_times_with_an_offset_are_converted(moment, minutes):
    cell = moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    stamps, problems, zones = stamps_from_text(text(cell))
    assert (int(stamps[0]), int(problems[0]), int(zones[0])) == (nanoseconds(moment), Problem.NONE, minutes)


@given(
    moments,
    st.sampled_from([(1, "seconds"), (1_000, "milliseconds"), (1_000_000, "microseconds"), (SECOND, "nanoseconds")]),
)
def test_epoch_numbers_tell_their_unit(moment, unit):
    per_second, name = unit
    counted = int(moment.timestamp()) * per_second
    stamps, problems, zones = stamps_from_text(text(str(counted)))
    assert (int(stamps[0]), int(problems[0])) == (int(moment.timestamp()) * SECOND, Problem.NONE)
    assert EPOCH_UNITS[int(zones[0])] == name


@given(
    st.lists(moments, min_size=1, max_size=20), st.sampled_from(["s", "ms", "us", "ns"]), st.sampled_from([None, "UTC"])
)
def test_binary_times_survive_in_every_unit(times, unit, zone):
    whole = [moment.replace(microsecond=0) for moment in times]
    cells = pa.array([moment.replace(tzinfo=None) for moment in whole], pa.timestamp(unit)).cast(
        pa.timestamp(unit, zone)
    )
    stamps, problems, zones = stamps_from_arrow(cells)
    assert [int(stamp) for stamp in stamps] == [nanoseconds(moment) for moment in whole]
    assert not problems.any()
    assert set(zones.tolist()) == {0 if zone else NO_ZONE}


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("", Problem.EMPTY), (None, Problem.EMPTY), ("yesterday", Problem.TEXT), ("2024-02-30", Problem.TEXT),
        ("2024-01-01 25:00", Problem.TEXT), ("01/02/2024", Problem.TEXT), ("2024-01-01T00:00:00+99:00", Problem.TEXT),
        ("-1704067200", Problem.TEXT), ("17", Problem.TEXT), ("1989-12-31", Problem.OUT_OF_RANGE), ("2500-01-01", Problem.OUT_OF_RANGE),
        ("9999-12-31T23:59:59Z", Problem.OUT_OF_RANGE), ("0001-01-01", Problem.OUT_OF_RANGE), ("9999999999999999999", Problem.OUT_OF_RANGE),
        ("99999999999", Problem.OUT_OF_RANGE), ("2024-01-01 00:00:00 Europe/Berlin", Problem.TEXT),
    ],
)  # fmt: skip
def test_what_is_no_time_says_why_and_leaves_its_neighbour_alone(cell, problem):
    stamps, problems, _ = stamps_from_text(text("2024-01-01T00:00:00Z", cell))
    assert [int(found) for found in problems] == [Problem.NONE, problem]
    assert int(stamps[0]) == 1_704_067_200 * SECOND


@given(st.lists(st.one_of(st.text(max_size=30), st.none()), max_size=10))
def test_no_text_at_all_breaks_the_parsers(cells):
    stamps, problems, _ = stamps_from_text(text(*cells))
    numbers, number_problems = numbers_from_text(text(*cells))
    assert len(stamps) == len(problems) == len(numbers) == len(number_problems) == len(cells)


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_integer_is_a_time_or_out_of_range(number):
    import numpy as np

    stamps, problems, _ = stamps_from_epoch(np.array([number]))
    assert (int(stamps[0]) == 0) == (int(problems[0]) == Problem.OUT_OF_RANGE)


@pytest.mark.parametrize(
    ("cell", "seconds"), [("1m", 60), ("15s", 15), ("4h", 14_400), ("1d", 86_400), ("1w", 604_800)]
)
def test_intervals(cell, seconds):
    assert parse_interval(cell) == seconds


@pytest.mark.parametrize("cell", ["", "m", "0m", "-1m", "1M", "1.5m", "1 m", "99w", "1m1m", "\uff19m", "1" * 40 + "m"])
def test_what_is_no_interval_is_refused(cell):
    with pytest.raises(DataError, match="is not a candle length"):
        parse_interval(cell)
