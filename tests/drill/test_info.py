"""What a drill declares: read strictly, refused in one line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.drill.info import declared, declared_defect, declared_mutant, defects_of, seconds
from opslab.errors import DrillError, OpsLabError


@pytest.mark.parametrize(
    ("text", "value"),
    [("5s", 5.0), ("250ms", 0.25), ("2m", 120.0), ("1h", 3600.0), (" 1.5 s ", 1.5), (3, 3.0), (0.5, 0.5)],
)
def test_durations(text, value) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        "-5s",
        "0s",
        "5 days",
        "1e3s",
        "\u0665s",
        0,
        -1,
        math.nan,
        math.inf,
        10**400,
        "9" * 400 + "h",
        True,
        None,
        [],
    ],
    ids=lambda value: repr(value)[:12],
)
def test_no_durations(text) -> None:
    with pytest.raises(DrillError, match="is malformed") as caught:
        seconds(text)
    assert "\n" not in str(caught.value)


@given(st.one_of(st.text(max_size=20), st.floats(), st.integers(), st.none(), st.binary()))
def test_any_duration_is_positive_or_refused(value) -> None:
    try:
        found = seconds(value)
    except DrillError:
        return
    assert 0 < found < math.inf


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
OPTIONS = ("rehearses", "severity", "runbook", "area", "title", "outcome", "detect_within", "recover_within", "bogus")


@given(anything, st.dictionaries(st.sampled_from(OPTIONS), anything, max_size=3))
def test_any_declaration_is_read_or_refused_in_one_line(slug, options) -> None:
    try:
        info = declared(slug, options, area="demo", title="Demo")
    except OpsLabError as error:
        told = str(error)
    else:
        told = info.title
        assert info.slug == slug
    assert "\n" not in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"serverity": "x"}, "unknown option 'serverity'"),
        ({"severity": "fatal"}, "severity 'fatal' is unknown"),
        ({"rehearses": "OL-06"}, "rehearses is not a list"),
        ({"rehearses": ["ol-6"]}, "incident id 'ol-6'"),
        ({"runbook": 5}, "runbook is not text"),
        ({"detect_within": "soon"}, "duration 'soon'"),
        ({"area": "No Area"}, "area 'No Area' is not a slug"),
        ({"outcome": "No Word"}, "outcome 'No Word' is not a slug"),
        ({"outcome": ""}, "outcome '' is not a slug"),
        ({"outcome": True}, "outcome True is not a slug"),
        ({"outcome": "fail"}, "outcome 'fail' says how a drill ended"),
        ({"outcome": "skipped"}, "outcome 'skipped' says how a drill ended"),
        ({"outcome": "caught"}, "outcome 'caught' says how a drill ended"),
    ],
)
def test_what_is_wrong_with_an_option(options, told) -> None:
    with pytest.raises(OpsLabError, match=told):
        declared("demo", options, area="demo", title="Demo")


def test_the_names_of_the_contract_are_slugs() -> None:
    info = declared("stale_market_data", {"outcome": "expected_warning"}, area="demo", title="Demo")
    assert (info.slug, info.outcome) == ("stale_market_data", "expected_warning")


def test_a_drill_has_no_word_for_a_pass_unless_it_says_so() -> None:
    assert declared("demo", {}, area="demo", title="Demo").outcome is None


def test_a_defect_is_inert_in_other_versions() -> None:
    defect = declared_defect("OPS-X-Y", versions=">=1.231,<1.232", reference="r")
    assert defects_of([defect], "1.231.0") == [defect]
    assert defects_of([defect], "1.231.4") == [defect]
    assert defects_of([defect], "1.230.9") == []
    assert defects_of([defect], "1.232.0") == []


@pytest.mark.parametrize(
    ("code", "versions", "reference"),
    [
        ("low", ">=1", "r"),
        (5, ">=1", "r"),
        ("OPS-X-Y", "newish", "r"),
        ("OPS-X-Y", "", "r"),
        ("OPS-X-Y", 1.2, "r"),
        ("OPS-X-Y", ">=1", ""),
        ("OPS-X-Y", ">=1", None),
    ],
)
def test_a_malformed_defect_is_refused(code, versions, reference) -> None:
    with pytest.raises(DrillError, match="known_defect"):
        declared_defect(code, versions=versions, reference=reference)


@pytest.mark.parametrize(("name", "enact"), [("Bad Name", None), (None, None), (5, None), ("m", "nothing"), ("m", 5)])
def test_a_malformed_mutant_is_refused(name, enact) -> None:
    with pytest.raises(OpsLabError):
        declared_mutant(name, enact)
