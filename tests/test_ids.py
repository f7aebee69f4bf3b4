from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.errors import IdError
from opslab.ids import MAX_ID_LENGTH, checked_id, checked_slug, fitted_id, is_session_id, new_session_id

SAFE = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True).filter(lambda text: ".." not in text)


@given(SAFE)
def test_safe_ids_pass_unchanged(text):
    assert checked_id(text) == text


@given(st.text(max_size=140))
def test_whatever_passes_is_a_plain_file_name(text):
    with contextlib.suppress(IdError):
        checked_id(text)
        assert text.isascii()
        assert not set(text) & set("/\\\0\n ")
        assert text not in {".", ".."}
        assert 0 < len(text) <= MAX_ID_LENGTH


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a..b",
        "../x",
        "/x",
        "a/b",
        "a\\b",
        "a\0",
        "a\n",
        "-a",
        ".a",
        "_a",
        "a" * 129,
        "\uff41",
        "\u0430",
        "é",
        1,
        None,
    ],
)
def test_unsafe_ids_are_refused_by_name(text):
    with pytest.raises(IdError, match=r"dataset .* is not a safe name"):
        checked_id(text, "dataset")


@pytest.mark.parametrize("text", ["a", "fill-lost", "stale_market_data", "a1-b2"])
def test_slugs(text):
    assert checked_slug(text) == text


@pytest.mark.parametrize("text", ["", "A", "a--b", "-a", "a-", "a b", "a\n", "ä", "a" * 129, None])
def test_what_is_no_slug_is_refused(text):
    with pytest.raises(IdError, match="is not a slug"):
        checked_slug(text)


@given(SAFE, st.from_regex(r"[a-z0-9-]{1,60}", fullmatch=True))
def test_fitted_ids_are_safe_and_keep_their_suffix(stem, suffix):
    fitted = fitted_id(stem, suffix)
    assert checked_id(fitted).endswith(f"-{suffix}")
    assert len(stem) + len(suffix) >= MAX_ID_LENGTH or fitted == f"{stem}-{suffix}"


def test_long_stems_that_begin_alike_stay_distinct():
    assert fitted_id("a" * 127 + "b", "s") != fitted_id("a" * 127 + "c", "s")


def test_session_ids_sort_by_time_and_are_known_again():
    early, late = (new_session_id(datetime(2026, 1, 1, hour, tzinfo=UTC)) for hour in (2, 10))
    assert early < late
    assert is_session_id(early)
    assert checked_id(early) == early
    assert new_session_id(datetime(2026, 1, 1, tzinfo=UTC)).startswith("20260101t000000z-")


@pytest.mark.parametrize(
    "text", ["", "btcusdt", "20260101t000000z", "20260101t000000z-abcd-x", "20260101t000000z-ABCD\n"]
)
def test_other_names_are_no_session_ids(text):
    assert not is_session_id(text)
