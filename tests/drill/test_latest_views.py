"""What a run believed last: all three views of one moment, and never an earlier moment in place of a later one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.drill.history import FactMissing, RunHistory

NAMES = ("venue", "engine", "strategy")


def _row(name: str, phase: str, mark: int) -> dict[str, Any]:
    return {"view": name, "phase": phase, "orders": [mark]}


def _run(rows: list[dict[str, Any]]) -> RunHistory:
    bundle: Any = SimpleNamespace(views=tuple(rows))
    return RunHistory(bundle, find_problems=tuple, load_candles=dict)


def _moment(phase: str, mark: int, names: tuple[str, ...] = NAMES) -> list[dict[str, Any]]:
    return [_row(name, phase, mark) for name in names]


def test_the_last_moment_counts():
    found = _run([*_moment("start", 1), *_moment("end", 2)]).latest_views
    assert found == {name: {"orders": [2]} for name in NAMES}


def test_a_phase_that_comes_again_is_another_moment():
    assert _run([*_moment("restart", 1), *_moment("restart", 2)]).latest_views["venue"] == {"orders": [2]}


@pytest.mark.parametrize("told", [("venue",), ("venue", "engine")])
def test_two_moments_are_never_mixed(told):
    with pytest.raises(FactMissing, match="last moment \\(end\\)"):
        _ = _run([*_moment("start", 1), *_moment("end", 2, told)]).latest_views


def test_views_that_were_never_whole_are_none():
    with pytest.raises(FactMissing, match="no moment"):
        _ = _run([*_moment("start", 1, ("venue",)), *_moment("end", 2, ("engine", "strategy"))]).latest_views


@pytest.mark.parametrize("rows", [[], _moment("end", 1, ("engine",))])
def test_what_nobody_told_is_named(rows):
    with pytest.raises(FactMissing, match="no view of the venue"):
        _ = _run(rows).latest_views


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["start", "verify", "end"])), max_size=20))
def test_whatever_was_written_the_three_are_the_last_and_of_one_moment(written):
    rows = [_row(name, phase, number) for number, (name, phase) in enumerate(written)]
    try:
        found = _run(rows).latest_views
    except FactMissing:
        return
    marks = sorted(view["orders"][0] for view in found.values())
    assert marks == [*range(len(rows) - 3, len(rows))]
    assert len({rows[mark]["phase"] for mark in marks}) == 1
