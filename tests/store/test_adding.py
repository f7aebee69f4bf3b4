"""What is added to a bundle from outside: behind the manifest, never behind the journal's end, one at a time."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from functools import partial

import pytest

from opslab.contract import events
from opslab.contract.encoding import sha256_hex
from opslab.errors import StoreError
from opslab.store import adding
from opslab.store.adding import add, alone, held_directory, place_for, waited
from opslab.store.journal import Journal, read_chain
from opslab.store.layout import LOCK
from opslab.store.lock import Lock

EVENT = {"event": "kill_activated", "run_id": "r1", "reason": "why"}


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "r1"
    path.mkdir()
    Journal(path / "journal.jsonl", "r1").append({"event": "run_started"})
    return path


def names(path, anchor="0" * 64) -> list[str]:
    chain = read_chain(path.read_bytes(), anchor)
    assert not chain.problems
    return [event["event"] for event in chain.events]


def end(bundle, event="run_completed") -> bytes:
    Journal(bundle / "journal.jsonl", "r1").append({"event": event})
    return (bundle / "journal.jsonl").read_bytes()


def seal(bundle) -> None:
    (bundle / "manifest.json").write_bytes(b"{}")


def test_the_terminal_events_are_the_contracts():
    assert sorted(adding.TERMINAL_EVENTS) == sorted(events.TERMINAL_EVENTS)


def test_a_run_that_goes_on_is_told_in_its_journal(bundle, clock):
    assert place_for(bundle) == add(bundle, EVENT, clock) == "journal.jsonl"
    assert names(bundle / "journal.jsonl") == ["run_started", "kill_activated"]
    assert not (bundle / "post.jsonl").exists()


@pytest.mark.parametrize("is_alive", [True, False])
def test_a_sealed_run_is_told_behind_its_manifest_whether_its_process_is_gone_or_not(bundle, clock, is_alive):
    journal = end(bundle)
    seal(bundle)
    lock = Lock(bundle / LOCK)
    assert not is_alive or lock.acquire()
    assert place_for(bundle) == add(bundle, EVENT, clock) == "post.jsonl"
    lock.release()
    assert (bundle / "journal.jsonl").read_bytes() == journal
    assert names(bundle / "post.jsonl", sha256_hex(b"{}")) == ["kill_activated"]


@pytest.mark.parametrize("event", adding.TERMINAL_EVENTS)
def test_nothing_follows_the_end_of_a_run_that_died_before_its_seal(bundle, clock, event):
    journal = end(bundle, event)
    with pytest.raises(StoreError, match="has ended and is not sealed"):
        add(bundle, EVENT, clock)
    assert (bundle / "journal.jsonl").read_bytes() == journal
    assert not (bundle / "post.jsonl").exists()


def test_a_run_that_is_being_sealed_is_waited_for(bundle, clock, monkeypatch):
    journal = end(bundle)
    lock = Lock(bundle / LOCK)
    assert lock.acquire()
    looks = []

    def seal_soon(attempt, seconds):
        assert not attempt()
        looks.append(seconds)
        seal(bundle)
        return waited(attempt, seconds)

    monkeypatch.setattr(adding, "waited", seal_soon)
    assert add(bundle, EVENT, clock) == "post.jsonl"
    lock.release()
    assert looks == [adding.SEAL_SECONDS]
    assert (bundle / "journal.jsonl").read_bytes() == journal


def test_a_run_that_is_never_sealed_is_not_waited_for_without_end(bundle, clock, monkeypatch):
    monkeypatch.setattr(adding, "SEAL_SECONDS", 0.01)
    end(bundle)
    lock = Lock(bundle / LOCK)
    assert lock.acquire()
    with pytest.raises(StoreError, match="is not sealed"):
        add(bundle, EVENT, clock)
    lock.release()


@pytest.mark.parametrize("last", [b"[]", b'"run_completed"', b'{"event":["run_completed"]}', b'{"event":{}}', b"{" * 9])
def test_an_odd_last_line_is_no_end(bundle, clock, last):
    (bundle / "journal.jsonl").write_bytes(b'{"event":"run_started","seq":1}\n' + last + b"\n")
    with pytest.raises(StoreError, match="without a seq"):
        add(bundle, EVENT, clock)


@pytest.mark.parametrize("content", [None, b'{"event":"run_started"}\n'])
def test_a_run_without_a_chained_journal_is_not_told(bundle, clock, content):
    (bundle / "journal.jsonl").unlink()
    if content:
        (bundle / "journal.jsonl").write_bytes(content)
    assert place_for(bundle) is add(bundle, EVENT, clock) is None
    assert [path.read_bytes() for path in bundle.iterdir()] == ([content] if content else [])


@pytest.mark.parametrize("content", [b"", b"{\n", b"\xff\n", b"[" * 100_000, b"nonsense"])
def test_a_journal_that_cannot_be_read_is_not_continued(bundle, clock, content):
    (bundle / "journal.jsonl").write_bytes(content)
    with pytest.raises(StoreError, match="cannot be continued"):
        add(bundle, EVENT, clock)
    assert (bundle / "journal.jsonl").read_bytes() == content


@pytest.mark.parametrize("how", ["directory", "pipe", "symlink", "dangling"])
@pytest.mark.parametrize("name", ["journal.jsonl", "manifest.json", "post.jsonl"])
def test_what_is_no_file_is_an_error_and_never_waited_on(bundle, clock, tmp_path, name, how):
    if name == "post.jsonl":
        seal(bundle)
    path = bundle / name
    path.unlink(missing_ok=True)
    make = {"directory": path.mkdir, "pipe": partial(os.mkfifo, path), "symlink": partial(path.symlink_to, __file__)}
    make.get(how, partial(path.symlink_to, tmp_path / "nowhere"))()
    with pytest.raises(StoreError, match=r"is a directory|is not a regular file|is a symlink"):
        add(bundle, EVENT, clock)


def test_those_who_add_take_turns(bundle):
    inside, most, rounds = [], [], 8

    def work():
        with alone(bundle):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(rounds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * rounds
    assert sorted(path.name for path in bundle.iterdir()) == ["journal.jsonl"]


def test_somebody_who_never_ends_is_not_waited_for_without_end(bundle, monkeypatch):
    monkeypatch.setattr(adding, "ALONE_SECONDS", 0.01)
    with alone(bundle):
        with pytest.raises(StoreError, match="another process keeps it"), alone(bundle):
            pytest.fail("two were alone")
        with held_directory(bundle, 0) as is_held:
            assert not is_held
    with held_directory(bundle, 0, shared=True) as first, held_directory(bundle, 0, shared=True) as second:
        assert first
        assert second
        with held_directory(bundle, 0) as third:
            assert not third


@pytest.mark.parametrize("how", ["missing", "a file", "a symlink"])
def test_only_a_directory_can_be_held(tmp_path, how):
    path = tmp_path / "r1"
    if how == "a file":
        path.touch()
    elif how == "a symlink":
        path.symlink_to(tmp_path)
    with pytest.raises(StoreError, match="cannot be opened"), held_directory(path, 0):
        pytest.fail("it was held")


def test_a_disk_without_locks_is_an_error(bundle, monkeypatch):
    def refused(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(StoreError, match="cannot be locked: Operation not supported"), alone(bundle):
        pytest.fail("it was held")


def test_a_torn_line_is_cut_before_the_event_and_told(bundle, clock):
    with (bundle / "journal.jsonl").open("ab") as file:
        file.write(b'{"event":"half')
    assert add(bundle, EVENT, clock) == "journal.jsonl"
    assert names(bundle / "journal.jsonl") == ["run_started", "journal_repaired", "kill_activated"]
    assert json.loads((bundle / "journal.jsonl").read_bytes().splitlines()[1])["torn_bytes"] == 14
