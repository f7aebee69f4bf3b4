"""What is rendered of containments: plain words, the last numbers, and what was left."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from opslab.report.containment import containment_metrics, containment_section, left_line

STAMP = "2026-01-01T00:00:00.000000Z"
BEGAN = {
    "event": "containment_began",
    "ts_utc": STAMP,
    "cause": "pulled | by ann",
    "source": "switch",
    "detect_ms": 4.5,
}
FLAT = {
    "event": "containment_ended",
    "ts_utc": STAMP,
    "is_flat": True,
    "orders_cancelled": 50,
    "positions_closed": 1,
    "contain_ms": 12.0,
    "flat_ms": 15.5,
    "left": {"orders": [], "positions": {}},
    "unknown": [],
}
NOT_FLAT = {
    **FLAT,
    "is_flat": False,
    "flat_ms": None,
    "left": {"orders": ["o-1"], "positions": {"BTCUSDT-PERP.BINANCE": "0.010"}},
    "unknown": ["no answer within 3 s"],
}


def bundle(*events):
    return SimpleNamespace(journal=events)


def ended(left):
    return {"event": "paper_completed", "ts_utc": STAMP, "left": left}


def test_a_run_without_any_has_no_section():
    assert containment_section(bundle({"event": "paper_completed", "ts_utc": STAMP})) == ""


def test_a_flat_venue_is_told_with_its_times():
    text = containment_section(bundle(BEGAN, FLAT))
    assert "noticed after 4.5 ms" in text
    assert "**flat** after 15.5 ms: 50 orders cancelled, 1 positions closed" in text


def test_what_is_left_and_unknown_is_named():
    text = containment_section(bundle(BEGAN, NOT_FLAT))
    assert "**not flat**" in text
    assert all(name in text for name in ("order o-1", "0.010 BTCUSDT-PERP.BINANCE", "no answer within 3 s"))


def test_words_of_others_do_not_break_the_table():
    row = next(line for line in containment_section(bundle(BEGAN, FLAT)).splitlines() if "began" in line)
    assert row.replace("\\|", "").count("|") == 3


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ({"orders": [], "positions": {}}, "nothing"),
        ({"orders": ["a", "b"], "positions": {"X": "-1"}}, "order a, order b, -1 X"),
        ({"orders": list("abcdefg"), "positions": {}}, "order a, order b, order c, order d, order e, 2 more orders"),
    ],
)
def test_what_a_run_left_is_one_line(left, told):
    assert left_line(bundle(ended(left))) == told


def test_nobody_asked_is_not_nothing_left():
    assert left_line(bundle(ended(None))) is None
    assert left_line(bundle()) is None


def test_the_numbers_are_those_of_the_last_containment():
    assert containment_metrics([BEGAN, NOT_FLAT, BEGAN, FLAT]) == {
        "containment_flat": True,
        "containment_detect_ms": 4.5,
        "containment_contain_ms": 12.0,
        "containment_flat_ms": 15.5,
    }


@pytest.mark.parametrize("source", ["switch", "stop"])
def test_who_empties_the_venue_once_more_does_not_hide_when_the_pull_was_noticed(source):
    again = {**BEGAN, "source": source, "detect_ms": None, "attempt": 2}
    found = containment_metrics([BEGAN, NOT_FLAT, again, FLAT])
    assert (found["containment_detect_ms"], found["containment_flat"]) == (4.5, True)
    assert f"began again, attempt 2 ({source})" in containment_section(bundle(BEGAN, NOT_FLAT, again, FLAT))


def test_another_pull_is_noticed_anew():
    assert containment_metrics([BEGAN, FLAT, {**BEGAN, "detect_ms": 7.25}, FLAT])["containment_detect_ms"] == 7.25


def test_a_strategy_that_was_stopped_is_named():
    event = {"event": "strategy_stopped", "ts_utc": STAMP, "strategy": "Storm|y-000", "detail": "it sent <b>much</b>"}
    row = next(line for line in containment_section(bundle(BEGAN, event, FLAT)).splitlines() if "stopped" in line)
    assert "Storm" in row
    assert "<b>" not in row
    assert row.replace("\\|", "").count("|") == 3


def test_a_run_without_any_has_no_numbers():
    assert containment_metrics([]) == {}


def test_an_event_that_says_less_is_told_as_far_as_it_goes():
    began = {"event": "containment_began", "ts_utc": STAMP, "cause": "by hand", "source": "switch"}
    flat, left = ({"event": "containment_ended", "ts_utc": STAMP, "is_flat": is_flat} for is_flat in (True, False))
    text = containment_section(bundle(began, flat, left))
    assert "began (switch): by hand |" in text
    assert "**flat**: 0 orders cancelled" in text
    assert "left: nothing" in text
    assert containment_metrics([began, flat]) == {
        "containment_flat": True,
        "containment_detect_ms": None,
        "containment_contain_ms": None,
        "containment_flat_ms": None,
    }
