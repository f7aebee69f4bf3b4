"""A scrape reads what changed since the last one, and only that."""

from __future__ import annotations

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from opslab.report.metrics import scan as scanning
from opslab.report.metrics.files import stamp_of
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


@pytest.mark.parametrize("file", ["metrics.json", "metadata.json", "manifest.json", "journal.jsonl"])
@pytest.mark.parametrize("runs", [2, 7, 40])
def test_any_file_of_an_ended_run_that_is_overwritten_in_place_is_seen_within_a_round(
    place, scanner, monkeypatch, file, runs
):
    monkeypatch.setattr(scanning, "FULL_CHECKS", 1)
    for number in range(runs):
        place.run(f"r{number}")
        place.sealed(f"r{number}", 4)
    victims = [f"r{number}" for number in range(0, runs, 3)]
    scanner.scan()
    for name in victims:
        path = place.runs / name / file
        with path.open("r+b") as found:  # as large as before
            found.seek(3)
            found.write(b"\0")
    scans = [scanner.scan() for _ in range(min(runs, scanning.ROUND))]
    assert sum(scan.read for scan in scans) == len(victims)
    assert scans[-1].problems
    assert {(name, told) for name, told, _ in scans[-1].problems} == {(name, file) for name in victims}


def test_runs_that_come_and_go_do_not_keep_another_from_its_turn(place, scanner, monkeypatch):
    monkeypatch.setattr(scanning, "FULL_CHECKS", 1)
    for name in "bdfh":
        place.run(name)
    scanner.scan()
    place.write("h/metrics.json", {"run_id": "h", "bars_seen": 1})
    read = []
    for name in "bdf":
        shutil.rmtree(place.runs / name)
        read.append(scanner.scan().read)
    assert sum(read) == 1


def test_nothing_in_an_ended_run_is_looked_at_more_than_once_in_a_quiet_scan(place, scanner, monkeypatch):
    for name in "abc":
        place.run(name)
        place.sealed(name, 4)
    scanner.scan()
    looked: list[str] = []
    monkeypatch.setattr(RunScanner, "_due", lambda *_: frozenset())
    monkeypatch.setattr(scanning, "stamp_of", lambda root, names: looked.extend(names) or stamp_of(root, names))
    assert scanner.scan().read == 0
    assert looked == ["a", "b", "c"]


@pytest.mark.parametrize("file", ["journal.jsonl", "post.jsonl", "drills/d.json", "metadata.json"])
def test_what_the_lab_itself_changes_is_seen_at_once(place, scanner, monkeypatch, file):
    from opslab.store.durable import write_bytes

    monkeypatch.setattr(RunScanner, "_due", lambda *_: frozenset())
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
    monkeypatch.setattr(RunScanner, "_due", lambda *_: frozenset())
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
