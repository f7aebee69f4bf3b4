"""Pulls, and who acknowledged each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from opslab.clock import SystemClock
from opslab.safety.pulls import in_words, pulls_in, pulls_of, shown, stands_for
from opslab.safety.switches import KillSwitches


def event(name, number, actor, reason="why"):
    stamp = f"2026-01-01T00:00:{number:02}.000000Z"
    return {"event": f"kill_{name}", "event_id": str(number), "ts_utc": stamp, "actor": actor, "reason": reason}


def test_a_clear_acknowledges_every_pull_before_it_and_none_after():
    events = [
        event("activated", 1, "opslab"),
        event("activated", 2, "ann"),
        {"event": "guard_acted"},
        event("cleared", 3, "bob", "mended"),
        event("activated", 4, "opslab"),
    ]
    assert [(pull.actor, pull.acknowledged_by) for pull in pulls_of(events)] == [
        ("opslab", "bob"),
        ("ann", "bob"),
        ("opslab", None),
    ]
    told = [pull.told for pull in pulls_of(events)]
    assert told[0] == "acknowledged by bob at 2026-01-01T00:00:03.000000Z: mended"
    assert told[2] == "not acknowledged"


def test_an_event_that_is_told_twice_is_one_pull():
    assert len(pulls_of([event("activated", 1, "opslab")] * 2)) == 1


def test_a_second_clear_takes_nothing_from_the_first():
    events = [event("activated", 1, "a"), event("cleared", 2, "bob"), event("cleared", 3, "carl")]
    assert [pull.acknowledged_by for pull in pulls_of(events)] == ["bob"]


def test_a_status_shows_since_when_and_then_who(tmp_path):
    switches = KillSwitches(tmp_path / "switches", SystemClock())

    def lines(later=0):
        decision = switches.gate("r-1")
        return shown(decision, pulls_in(switches.root, decision), datetime.now(UTC) + timedelta(seconds=later))

    assert lines() == []
    switches.activate("r-1", "too much", "opslab")
    assert lines(7265) in ([f"unacknowledged_for={words}"] for words in ("2h 1m", "2h"))
    switches.clear("r-1", "mended\nit", "bob")
    (line,) = lines()
    assert line.startswith("acknowledged=by bob at ")
    assert "mended\\nit (pulled by opslab at " in line


def test_a_doubtful_switch_does_not_say_since_when(tmp_path):
    switches = KillSwitches(tmp_path / "switches", SystemClock())
    switches.activate("r-1", "too much", "opslab")
    (tmp_path / "switches/r-1.state.json").write_text("{")
    decision = switches.gate("r-1")
    assert shown(decision, (), datetime.now(UTC)) == ["unacknowledged_for=unknown"]


def test_a_clock_that_was_set_back_gives_no_negative_time():
    record = {"state": "active", "active_since_utc": "2026-01-01T00:00:10.000000Z"}
    assert stands_for(record, datetime(2026, 1, 1, tzinfo=UTC)) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0s"), (59, "59s"), (61, "1m 1s"), (3600, "1h"), (90_061, "1d 1h")]
)
def test_a_length_of_time_in_its_two_largest_units(seconds, words):
    assert in_words(seconds) == words
