"""The pure decision: each guard alone, on files that agree in everything else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opslab.contract.encoding import compact_json, pretty_json, sha256_hex
from opslab.safety.index import IndexReading, read_index
from opslab.safety.layout import Found
from opslab.safety.reading import read_switch
from opslab.store.journal import GENESIS

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def stamp(hour: int) -> str:
    return f"2026-01-05T{hour:02}:00:00.000000Z"


def event(number: int, state: str, before: str, **changes: object):
    name = "kill_activated" if state == "active" else "kill_cleared"
    fields = {"event": name, "event_id": f"e{number}", "ts_utc": stamp(8 + number), "previous_state": before}
    fixed = {"schema_version": "v1", "run_id": "k1", "reason": "why", "actor": "ann", "source": "tc"}
    return {**fixed, **fields, "new_state": state, **changes}


def chained(events, encode=compact_json) -> bytes:
    lines: list[bytes] = []
    for number, fields in enumerate(events, 1):
        before = sha256_hex(lines[-1]) if lines else GENESIS
        lines.append(encode({"seq": number, "prev_sha256": before, **fields}).encode())
    return b"".join(line + b"\n" for line in lines)


def decided(events=None, state=None, entry=None, encode=compact_json):
    """Decide on a cleared switch whose files agree, but for what is changed."""
    events = events or [event(0, "active", "absent"), event(1, "cleared", "active")]
    last, content = events[-1], chained(events, encode)
    record = {
        "schema_version": "v1",
        "run_id": "k1",
        "state": last["new_state"],
        "updated_at_utc": last["ts_utc"],
        "last_event_id": last["event_id"],
        "last_reason": last["reason"],
        "last_actor": last["actor"],
        "active_since_utc": stamp(8),
        "cleared_at_utc": last["ts_utc"],
        **(state or {}),
    }
    line = {
        "event": "switch_changed",
        "event_id": last["event_id"],
        "new_state": last["new_state"],
        "events_lines": len(events),
        "events_sha256": sha256_hex(content.split(b"\n")[-2]),
        **(entry or {}),
    }
    found = Found("state", pretty_json(record), is_file=True), Found("events", content, is_file=True)
    return read_switch("k1", *found, IndexReading({"k1": line}), NOW)


def test_files_that_agree_are_believed():
    reading = decided()
    assert (reading.state, reading.doubts) == ("cleared", ())


ACTIVE, CLEARED = event(0, "active", "absent"), event(1, "cleared", "active")


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"state": {"active_since_utc": stamp(13)}}, "state is from the future"),
        ({"state": {"active_since_utc": stamp(11)}}, "state has times in an order that cannot be"),
        ({"state": {"state": "active", "cleared_at_utc": None}}, "state disagrees with the latest event"),
        ({"state": {"last_actor": "ben"}}, "state disagrees with the latest event"),
        (
            {"encode": lambda line: compact_json(line).replace('","', '", "')},
            "events line 1 is not what the lab writes",
        ),
        (
            {"events": [{**ACTIVE, "seq": True}, CLEARED]},
            "events line 1 is not what the lab writes",
        ),
        ({"events": [{**ACTIVE, "run_id": "k2"}, CLEARED]}, "events holds an event of another run (k2)"),
        ({"events": [{**ACTIVE, "ts_utc": stamp(10)}, CLEARED]}, "events goes back in time"),
        ({"events": [{**ACTIVE, "ts_utc": stamp(13)}, CLEARED]}, "events is from the future"),
        ({"events": [{**ACTIVE, "event_id": "e1"}, CLEARED]}, "events holds an event twice"),
        (
            {"events": [ACTIVE, {**CLEARED, "previous_state": "absent"}]},
            "events goes on from absent where it stood at active",
        ),
        ({"entry": {"event_id": "e0"}}, "the index disagrees with the latest event"),
        ({"entry": {"new_state": "active"}}, "the index disagrees with the latest event"),
        ({"entry": {"events_lines": 3}}, "events is not as the index knows it"),
        ({"entry": {"events_sha256": "0" * 64}}, "events is not as the index knows it"),
        (
            {"entry": {"event": "switch_adopted"}},
            "the switch was adopted when the index was lost: nobody cleared it since",
        ),
    ],
)
def test_each_guard_alone_makes_the_switch_active(changes, doubt):
    reading = decided(**changes)
    assert (reading.state, reading.doubts) == ("active", (doubt,))


def test_a_mark_alone_makes_the_switch_active_and_is_no_doubt():
    words = {"reason": "now", "actor": "ben", "source": "tc"}
    mark = {"schema_version": "v1", "run_id": "k1", "event_id": "e2", "ts_utc": stamp(11), **words}
    found = [Found("m1", pretty_json(mark), is_file=True), Found("m2", b"", is_file=True), Found("m3", trouble="x")]
    found.append(Found("m4", pretty_json({**mark, "run_id": "k2"}), is_file=True))
    reading = read_switch("k1", Found("state"), Found("events"), IndexReading(), NOW, found)
    assert (reading.state, reading.doubts) == ("active", ())
    assert reading.trips == {
        "m1": "k1 activated by ben, which m1 alone records: now",
        "m2": "k1 activated, which m2 alone records (m2 is not JSON (Expecting value, line 1))",
        "m3": "k1 activated, which m3 alone records (m3 x)",
        "m4": "k1 activated, which m4 alone records",
    }
    assert reading.since == stamp(11)


def test_a_mark_that_says_nothing_does_not_tell_since_when():
    found = [Found("m2", b"", is_file=True)]
    assert read_switch("k1", Found("state"), Found("events"), IndexReading(), NOW, found).since is None


def test_a_directory_whose_marks_cannot_be_listed_is_a_doubt():
    reading = read_switch("k1", Found("state"), Found("events"), IndexReading(), NOW, None)
    assert (reading.state, reading.doubts) == ("active", ("the switches' directory cannot be listed",))


def test_an_activation_over_a_doubt_may_go_on_from_anything():
    events = [ACTIVE, CLEARED, event(2, "active", "active", doubts=["broken"]), event(3, "cleared", "active")]
    assert decided(events).state == "cleared"


def test_a_directory_that_cannot_be_listed_is_no_lab_without_switches():
    assert read_index(Found("index"), Found("anchor"), None).doubts == ("the switches' directory cannot be listed",)
    assert read_index(Found("index"), Found("anchor"), []).is_unused


def test_a_missing_index_is_named_as_such_even_where_the_anchor_counts_no_lines():
    anchor = Found("anchor", pretty_json({"schema_version": "v1", "lines": 0, "sha256": GENESIS}), is_file=True)
    assert read_index(Found("index"), anchor, ()).doubts == ("the index is missing though there was one",)
    assert read_index(Found("index", b"", is_file=True), anchor, ()).doubts == ()
