"""Facts, seeds and the drill's history."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.encoding import compact_json, sha256_hex
from opslab.drill.drill import derived_seed
from opslab.errors import DrillError


def test_a_fact_is_kept_as_it_was_when_it_was_recorded(drill, recorder) -> None:
    orders = [{"id": 1}]
    drill.record("orders", orders)
    orders[0]["id"] = 2
    orders.append({})
    assert drill.history.fact("orders") == [{"id": 1}]
    assert recorder.events[-1].value == [{"id": 1}]
    assert drill.facts_sha256() == sha256_hex(compact_json({"orders": [{"id": 1}]}).encode())


def test_no_fact_no_digest(drill) -> None:
    assert drill.facts_sha256() is None


def _deep() -> list:
    value: list = []
    for _ in range(100_000):
        value = [value]
    return value


CIRCLE: list = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, object(), {1, 2}, b"x", CIRCLE],
    ids=["nan", "inf", "object", "set", "bytes", "circle"],
)
def test_a_fact_that_is_no_json_is_refused(drill, value) -> None:
    with pytest.raises(DrillError, match="fact 'x' cannot be written") as caught:
        drill.record("x", value)
    assert "\n" not in str(caught.value)
    assert drill.facts == {}


def test_a_fact_nested_too_deep_is_refused(drill) -> None:
    with pytest.raises(DrillError, match="cannot be written"):
        drill.record("x", _deep())


@pytest.mark.parametrize("name", ["", 5, None, "two\nlines", "\ud800"])
def test_a_fact_needs_a_printable_name(drill, name) -> None:
    with pytest.raises(DrillError, match="fact name"):
        drill.record(name, 1)


@given(st.integers(0, 2**40), st.text(min_size=1, max_size=20))
def test_a_seed_follows_from_session_and_slug(seed, slug) -> None:
    assert derived_seed(seed, slug) == derived_seed(seed, slug)
    assert 0 <= derived_seed(seed, slug) < 2**63
    assert derived_seed(seed, slug) != derived_seed(seed + 1, slug)
    assert derived_seed(seed, slug) != derived_seed(seed, f"{slug}x")


def test_the_seed_of_a_slug_never_changes() -> None:
    assert derived_seed(0, "fill-lost") == int(sha256_hex(b"0:fill-lost")[:16], 16) >> 1


def test_random_choices_follow_the_seed(make_drill) -> None:
    assert make_drill(seed=7).random.random() == make_drill(seed=7).random.random()
    assert make_drill(seed=7).random.random() != make_drill(seed=8).random.random()
