"""A scrape reads what changed since the last one, and only that."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opslab.report.metrics import scan as scanning
from opslab.report.metrics.files import open_directory
from opslab.report.metrics.journal import MAX_EVENTS, JournalCount
from opslab.report.metrics.scan import RunScanner

CORE = ("backtest", "nautilus", "binance", "BTCUSDT")
LATER = 10 * 10**9


@pytest.fixture
def scanner(place):
    """A scanner that comes long after everything was written."""
    return RunScanner(place.runs, now_ns=lambda: time.time_ns() + LATER)


def test_nothing_is_read_twice(place, scanner):
    for name in "abc":
        place.run(name)
    first = scanner.scan()
    again = scanner.scan()
    assert (first.read, again.read) == (3, 0)
    assert again.page is first.page


CHANGES = {
    "metadata": lambda place: place.run("b", venue="other"),
    "journal": lambda place: place.write("b/journal.jsonl", '{"event":"x"}\n'),
    "later event": lambda place: place.write("b/post.jsonl", '{"event":"x"}\n'),
    "drill": lambda place: place.write("b/drills/d.json", {"drill_name": "d"}),
    "reconciliation": lambda place: place.write("b/reconciliation_result.json", {"status": "ok"}),
    "removed": lambda place: (place.runs / "b" / "metrics.json").unlink(),
    "rights": lambda place: (place.runs / "b" / "metadata.json").chmod(0o600),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_only_the_bundle_that_changed_is_read(place, scanner, change):
    for name in "abc":
        place.run(name)
    scanner.scan()
    change(place)
    assert (scanner.scan().read, scanner.scan().read) == (1, 0)


def test_a_changed_report_of_a_drill_is_seen(place, scanner):
    place.run("a")
    place.write("a/drills/d.json", {"drill_name": "d", "pass": True})
    before = scanner.scan()
    place.write("a/drills/d.json", {"drill_name": "d", "pass": None})
    after = scanner.scan()
    assert (before.page.columns != after.page.columns, after.read) == (True, 1)


def test_a_change_within_the_clocks_tick_is_seen(place):
    """Same size, same inode, same times: only the caution about fresh files tells."""
    path = place.run("a")
    scanner = RunScanner(place.runs, now_ns=lambda: (path / "metrics.json").stat().st_ctime_ns)
    assert (scanner.scan().read, scanner.scan().read) == (1, 1)


def test_new_runs_appear_in_order_and_removed_ones_vanish(place):
    place.run("b")
    place.samples()
    place.run("a")
    names = [key[1] for key in place.samples() if key[0] == "run_info"]
    assert names == ["a", "b"]
    shutil.rmtree(place.runs / "b")
    assert [key[1] for key in place.samples() if key[0] == "run_info"] == ["a"]


def test_a_file_of_an_ended_run_that_is_overwritten_in_place_is_seen_after_some_scans(place, scanner, monkeypatch):
    monkeypatch.setattr(scanning, "FULL_CHECKS", 2)
    for name in "abcdef":
        place.run(name)
    scanner.scan()
    place.write("f/metrics.json", {"run_id": "f", "bars_seen": 1})
    assert sum(scanner.scan().read for _ in range(3)) == 1


@pytest.mark.parametrize("file", ["journal.jsonl", "post.jsonl", "drills/d.json", "metadata.json"])
def test_what_the_lab_itself_changes_is_seen_at_once(place, scanner, monkeypatch, file):
    from opslab.store.durable import write_bytes

    monkeypatch.setattr(scanning, "FULL_CHECKS", 0)
    path = place.run("a")
    place.write("a/post.jsonl", "")
    place.write("a/drills/c.json", {"drill_name": "c"})
    scanner.scan()
    if file.endswith("jsonl"):
        with (path / file).open("a") as lines:
            lines.write('{"event":"kill_activated"}\n')
    else:
        write_bytes(path / file, json.dumps({"run_id": "a", "status": "failed", "drill_name": "d"}).encode())
    assert (scanner.scan().read, scanner.scan().read) == (1, 0)


def test_every_file_of_a_running_run_is_looked_at_each_time(place, scanner, monkeypatch):
    monkeypatch.setattr(scanning, "FULL_CHECKS", 0)
    place.started("a")
    place.write("a/metrics.json", {"run_id": "a"})
    scanner.scan()
    place.write("a/metrics.json", {"run_id": "a", "bars_seen": 1})
    assert scanner.scan().read == 1


def test_a_process_that_dies_shows_though_no_file_changed(place, scanner):
    from opslab.store.lock import Lock

    lock = Lock(place.started("a") / "run.lock")
    lock.acquire()
    assert scanner.scan().statuses == {"running": 1}
    lock.release()
    assert scanner.scan().statuses == {"orphaned": 1}


def test_a_scrape_waits_for_the_one_before(place):
    from opslab.report.metrics.exporter import Exporter
    from opslab.report.metrics.exposition import Format

    entered, release = threading.Event(), threading.Event()
    exporter = Exporter(place.runs, place.evidence, only=None, tell=lambda _: (entered.set(), release.wait(20)))
    with ThreadPoolExecutor() as pool:
        first = pool.submit(exporter.scrape, Format.TEXT)
        assert entered.wait(20)
        second = pool.submit(exporter.scrape, Format.TEXT)
        assert not wait([first, second], timeout=0.2).done
        release.set()
        assert not wait([first, second], timeout=20).not_done


def test_only_one_run_is_shown_when_asked(place):
    from opslab.report.metrics.exporter import Exporter
    from opslab.report.metrics.exposition import Format

    exporter = Exporter(place.runs, place.evidence, only="b", tell=place.told.append)
    assert b"no runs" in exporter.scrape(Format.TEXT).content()
    for name in "abc":
        place.run(name)
    text = exporter.scrape(Format.TEXT).content().decode()
    assert text.count("tradingchassis_ops_lab_run_info{") == 1
    assert 'run_id="b"' in text


@pytest.mark.parametrize(
    "make", [shutil.rmtree, lambda path: (path.rmdir(), path.write_text(""))], ids=["missing", "file"]
)
def test_a_directory_of_runs_that_is_not_there_is_said(place, make):
    assert place.samples()["artifacts_root_readable",] == 1
    make(place.runs)
    assert place.samples()["artifacts_root_readable",] == 0
    assert "# no runs: " in place.text()


def test_an_empty_directory_gives_one_comment(place):
    comments = [
        line for line in place.text().splitlines() if line.startswith("# ") and line.split()[1] not in {"HELP", "TYPE"}
    ]
    assert comments == [f"# no runs in {place.runs}"]


def test_an_unfinished_line_does_not_count_until_it_is_whole(place):
    path = place.run("a") / "journal.jsonl"
    with path.open("ab") as lines:
        lines.write(b'{"event":"a')
        lines.flush()
        assert place.samples()["journal_events_total", "a", *CORE] == 4
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
