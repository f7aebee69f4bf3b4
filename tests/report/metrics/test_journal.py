"""A journal is counted in pieces while it grows, and must be whole once its run has ended."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opslab.report.metrics.files import open_directory
from opslab.report.metrics.journal import MAX_EVENTS, JournalCount

CORE = ("backtest", "nautilus", "binance", "BTCUSDT")
LATER = 10 * 10**9


def test_an_unfinished_line_does_not_count_until_it_is_whole(place):
    path = place.started("a") / "journal.jsonl"
    with path.open("ab") as lines:
        lines.write(b'{"event":"a')
        lines.flush()
        assert place.samples()["journal_events_total", "a", *CORE] == 1
        lines.write(b'b"}\n')
    assert place.samples()["journal_event_total", "a", *CORE, "ab"] == 1
    assert place.told == []


def test_only_the_appended_part_of_a_journal_is_read(place):
    path = place.run("a") / "journal.jsonl"
    root, count = open_directory(place.runs), JournalCount()
    assert count.read(root, "a/journal.jsonl") == path.stat().st_size
    with path.open("a") as lines:
        lines.write('{"event":"x"}\n')
    assert count.read(root, "a/journal.jsonl") == len('{"event":"x"}\n')
    assert count.read(root, "a/journal.jsonl") == 0
    os.close(root)
    assert (count.lines, count.events["x"]) == (5, 1)


@pytest.mark.parametrize(
    "content", ["", '{"event":"new"}\n', '{"event":"new"}\n' * 50], ids=["empty", "shorter", "longer"]
)
def test_a_journal_that_was_rewritten_is_counted_anew(place, content):
    path = place.run("a") / "journal.jsonl"
    root, count = open_directory(place.runs), JournalCount()
    count.read(root, "a/journal.jsonl")
    path.write_text(content)
    count.read(root, "a/journal.jsonl")
    os.close(root)
    assert count.lines == content.count("\n")
    assert set(count.events) == ({"new"} if content else set())


@given(st.lists(st.binary(max_size=40) | st.just(b'{"event":"e"}') | st.just(b"\n"), max_size=12), st.integers(1, 7))
@example([b'{"event":"e"}', b'{"event":"e"}', b"\n", b"\n"], 1)
@settings(max_examples=60, deadline=None)
def test_a_journal_read_in_pieces_counts_as_one_read_at_once(new_place, pieces, block):
    from opslab.report.metrics import journal

    place = new_place()
    path = place.write("a/journal.jsonl", b"")
    root, whole, parts = open_directory(place.runs), JournalCount(), JournalCount()
    before, journal.BLOCK = journal.BLOCK, block
    try:
        for piece in pieces:
            with path.open("ab") as lines:
                lines.write(piece)
            parts.read(root, "a/journal.jsonl")
    finally:
        journal.BLOCK = before
    whole.read(root, "a/journal.jsonl")
    os.close(root)
    assert (whole.lines, whole.events, whole.broken) == (parts.lines, parts.events, parts.broken)
    assert whole.lines == b"".join(pieces).count(b"\n")


@pytest.mark.parametrize("is_final", [True, False])
def test_only_of_a_journal_that_grows_no_more_every_change_is_counted_anew(place, is_final):
    path = place.write("a/journal.jsonl", '{"event":"a"}\n' * 100)
    root, count = open_directory(place.runs), JournalCount()
    count.read(root, "a/journal.jsonl", is_final=is_final)
    with path.open("r+b") as lines:
        lines.write(b"\0")
    size = count.read(root, "a/journal.jsonl", is_final=is_final)
    os.close(root)
    assert (size, count.broken) == ((path.stat().st_size, 1) if is_final else (0, 0))


def test_a_journal_that_grows_no_more_is_read_once(place, monkeypatch):
    from opslab.report.metrics import journal

    monkeypatch.setattr(journal, "SETTLE_NS", -LATER)
    path = place.write("a/journal.jsonl", '{"event":"a"}\n')
    root, count = open_directory(place.runs), JournalCount()
    sizes = [count.read(root, "a/journal.jsonl", is_final=True) for _ in range(3)]
    os.close(root)
    assert sizes == [path.stat().st_size, 0, 0]


def test_a_line_too_long_to_hold_is_broken_and_the_rest_counts(place, monkeypatch):
    from opslab.report.metrics import journal

    monkeypatch.setattr(journal, "MAX_LINE", 100)
    monkeypatch.setattr(journal, "BLOCK", 64)
    place.run("a")
    place.write("a/journal.jsonl", '{"event":"a"}\n{"event":"' + "x" * 1000 + '"}\n{"event":"b"}\n{"event":"b"}\n')
    found = place.samples()
    assert found["journal_events_total", "a", *CORE] == 4
    assert found["journal_event_total", "a", *CORE, "b"] == 2
    assert found["bundle_files_unreadable", "journal.jsonl"] == 1


def test_a_flood_of_event_names_is_bounded(place):
    place.run("a")
    place.write("a/journal.jsonl", "".join(f'{{"event":"e{number}"}}\n' for number in range(5 * MAX_EVENTS)))
    events = {key[-1]: value for key, value in place.samples().items() if key[0] == "journal_event_total"}
    assert len(events) == MAX_EVENTS + 1
    assert (events["e0"], events["other"]) == (1, 4 * MAX_EVENTS)


CUTS = {
    "empty": (lambda whole: b"", "is empty"),
    "one line only": (lambda whole: whole[: whole.index(b"\n") + 1], "has 1 whole lines, 4 were sealed"),
    "without its last newline": (lambda whole: whole[:-1], "has 3 whole lines, 4 were sealed"),
    "in its first line": (lambda whole: whole[:5], "has 0 whole lines, 4 were sealed"),
    "with a line too many": (lambda whole: whole + b'{"event":"x"}\n', "has 5 whole lines, 4 were sealed"),
    "with NULs behind it": (lambda whole: whole + bytes(5 << 20), "ends in an unfinished line of 5242880 bytes"),
    "of NULs alone": (lambda whole: bytes(len(whole)), "has 0 whole lines, 4 were sealed"),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_sealed_journal_that_is_not_whole_is_counted(place, name):
    path = place.run("r1")
    place.sealed("r1", 4)
    assert place.samples()["bundles_unreadable",] == 0
    cut, told = CUTS[name]
    (path / "journal.jsonl").write_bytes(cut((path / "journal.jsonl").read_bytes()))
    found = place.samples()
    assert (found["bundles_unreadable",], found["bundle_files_unreadable", "journal.jsonl"]) == (1, 1)
    assert [line.partition(": ")[2] for line in place.told if told in line], place.told
    assert found["run_status", "r1", *CORE, "completed"] == 2


@pytest.mark.parametrize(
    ("status", "counted"),
    [("completed", 1), ("failed", 1), ("safety_blocked", 1), ("running", 0), ("initialized", 0)],
)
@pytest.mark.parametrize("content", [b"", b'{"event":"run_started"}\n{"event":"half'], ids=["empty", "half a line"])
def test_without_a_manifest_the_status_says_whether_the_journal_must_be_whole(place, status, counted, content):
    place.run("r1", status=status)
    place.write("r1/journal.jsonl", content)
    assert place.samples()["bundles_unreadable",] == counted


def test_a_run_that_is_being_written_may_end_in_half_a_line(place):
    with (place.started("r1") / "journal.jsonl").open("ab") as lines:
        lines.write(b'{"event":"half')
    assert place.samples()["bundles_unreadable",] == 0


@pytest.mark.parametrize(
    "content", ["", "{}", '{"run_id":"other","journal":{"lines":4}}', '{"run_id":"r1","journal":{"lines":-1}}']
)
def test_a_manifest_that_cannot_be_read_is_counted(place, content):
    place.run("r1")
    place.write("r1/manifest.json", content)
    found = place.samples()
    assert (found["bundles_unreadable",], found["bundle_files_unreadable", "manifest.json"]) == (1, 1)


@pytest.mark.parametrize(("lines", "counted"), [(0, 1), (1, 1), (2, 0), (3, 0)])
def test_later_events_that_the_metadata_tell_of_must_be_there(place, lines, counted):
    place.run("r1", post={"lines": 2, "head_sha256": "0" * 64})
    place.sealed("r1", 4)
    if lines:
        place.write("r1/post.jsonl", '{"event":"kill_activated"}\n' * lines + '{"half')
    assert place.samples()["bundles_unreadable",] == counted


def test_later_events_that_begin_while_the_bundle_is_read_are_no_loss(place, monkeypatch):
    from opslab.report.metrics import bundle

    names_in = bundle._names
    place.run("r1", post={"lines": 1, "head_sha256": "0" * 64})
    place.sealed("r1", 4)
    place.write("r1/post.jsonl", '{"event":"kill_activated"}\n')
    monkeypatch.setattr(bundle, "_names", lambda *words: [name for name in names_in(*words) if name != "post.jsonl"])
    assert place.samples()["bundles_unreadable",] == 0


def test_each_trigger_that_fired_is_kept_once_over_all_readings(place):
    path = place.write("a/journal.jsonl", '{"event":"trigger_fired","trigger":"x"}\n{"event":"trigger_fired"}\n')
    root, count = open_directory(place.runs), JournalCount()
    count.read(root, "a/journal.jsonl")
    with path.open("a") as lines:
        lines.write('{"event":"trigger_fired","trigger":"y"}\n{"event":"trigger_fired","trigger":"x"}\n')
    count.read(root, "a/journal.jsonl")
    os.close(root)
    assert (count.triggers, count.lines) == (("x", "y"), 4)
