"""The journal: chained, locked, repaired after a crash, and nothing that was acknowledged is lost."""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opslab.errors import StoreError
from opslab.store import journal as journal_module
from opslab.store.journal import GENESIS, Journal, read_chain

LINE = 20_000


def chain_of(path):
    return read_chain(path.read_bytes())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def filled(path, count=5):
    journal = Journal(path, "r1")
    for number in range(count):
        journal.append({"event": "e", "n": number})
    journal.close()
    return path.read_bytes().splitlines(keepends=True)


def test_each_line_names_the_line_before(path):
    lines = filled(path, 3)
    before = GENESIS
    for number, line in enumerate(lines, 1):
        event = json.loads(line)
        assert (event["seq"], event["prev_sha256"]) == (number, before)
        before = hashlib.sha256(line.rstrip(b"\n")).hexdigest()
    chain = chain_of(path)
    assert chain.problems == ()
    assert (chain.head.lines, chain.head.sha256) == (3, before)


def test_a_later_writer_goes_on_where_the_last_one_stopped(path):
    filled(path, 2)
    filled(path, 2)
    assert chain_of(path).problems == ()
    assert chain_of(path).head.lines == 4


@pytest.mark.parametrize("size", [10, 64 * 1024, 200_000])
def test_a_last_line_of_any_length_is_found(path, size):
    Journal(path, "r1").append({"event": "e", "long": "x" * size})
    head = Journal(path, "r1").append({"event": "e"})
    assert head == chain_of(path).head
    assert chain_of(path).problems == ()


def write_many(path, writer, count):
    journal = Journal(path, "r1")
    for number in range(count):
        journal.append({"event": "e", "writer": writer, "n": number, "fill": "x" * LINE})


def everything_is_there(path, writers, count):
    chain = chain_of(path)
    assert chain.problems == ()
    for writer in range(writers):
        assert [event["n"] for event in chain.events if event["writer"] == writer] == list(range(count))
    assert len(chain.events) == writers * count


def test_processes_lose_and_mix_nothing(path):
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=write_many, args=(path, writer, 60)) for writer in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    everything_is_there(path, 4, 60)


@pytest.mark.parametrize("shared", [True, False], ids=["one-journal", "a-journal-each"])
def test_threads_lose_and_mix_nothing(path, shared):
    common = Journal(path, "r1")

    def write(writer):
        journal = common if shared else Journal(path, "r1")
        for number in range(50):
            journal.append({"event": "e", "writer": writer, "n": number, "fill": "x" * LINE})

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything_is_there(path, 4, 50)


def test_a_forked_child_has_a_lock_of_its_own(path):
    # Both write at once: with one shared lock they would not exclude each other.
    script = """
import os, sys, pathlib
from opslab.store.journal import Journal
fstat = os.fstat
def slow(number):  # others have their chance between a look at the file and the write
    found = fstat(number)
    os.sched_yield()
    return found
journal = Journal(pathlib.Path(sys.argv[1]), "r1")
journal.append({"event": "e"})
os.fstat = slow
children = []
for number in range(3):
    if not (child := os.fork()):
        children = []
        break
    children.append(child)
for number in range(100):
    journal.append({"event": "e", "n": number, "fill": "x" * 2000})
for child in children:
    assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)
    chain = chain_of(path)
    assert chain.problems == ()
    assert chain.head.lines == 1 + 4 * 100


@pytest.mark.parametrize("torn", [b"{", b'{"event":"e"', b"x" * 100_000, "ü".encode()[:1]])
def test_a_torn_tail_is_cut_and_the_cut_is_recorded(path, torn):
    lines = filled(path, 2)
    path.write_bytes(b"".join(lines) + torn)
    assert chain_of(path).problems == (f"ends in an unfinished line of {len(torn)} bytes",)
    Journal(path, "r1").append({"event": "after"})
    chain = chain_of(path)
    assert chain.problems == ()
    repair, last = chain.events[2:]
    assert (repair["event"], repair["torn_bytes"]) == ("journal_repaired", len(torn))
    assert repair["torn_sha256"] == hashlib.sha256(torn).hexdigest()
    assert last["event"] == "after"


def test_a_torn_first_line_is_cut_too(path):
    path.write_bytes(b'{"event"')
    Journal(path, "r1").append({"event": "first"})
    assert [event["event"] for event in chain_of(path).events] == ["journal_repaired", "first"]
    assert chain_of(path).problems == ()


def test_a_line_torn_by_another_writer_is_seen_by_one_that_is_open(path):
    journal = Journal(path, "r1")
    journal.append({"event": "e"})
    with path.open("ab") as other:
        other.write(b'{"torn')
    journal.append({"event": "after"})
    assert [event["event"] for event in chain_of(path).events] == ["e", "journal_repaired", "after"]


def test_a_part_of_a_line_that_fits_is_taken_back(path, monkeypatch):
    filled(path, 2)
    before = path.read_bytes()
    journal, write = Journal(path, "r1"), os.write
    monkeypatch.setattr(journal_module.os, "write", lambda number, line: write(number, line[: len(line) // 2]))
    with pytest.raises(StoreError, match="only part of a line"):
        journal.append({"event": "lost"})
    monkeypatch.undo()
    assert path.read_bytes() == before
    journal.append({"event": "kept"})
    assert chain_of(path).problems == ()


@pytest.mark.parametrize("call", ["write", "fsync", "fstat", "pread"])
def test_a_line_that_was_not_acknowledged_is_not_there(path, monkeypatch, call):
    filled(path, 2)
    before = path.read_bytes()

    def broken(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    journal = Journal(path, "r1")
    monkeypatch.setattr(journal_module.os, call, broken)
    with pytest.raises(StoreError, match="No space left") as caught:
        journal.append({"event": "lost"}, durable=True)
    assert str(path) in str(caught.value)
    monkeypatch.undo()
    assert path.read_bytes() == before
    journal.append({"event": "kept"}, durable=True)
    assert [event["event"] for event in chain_of(path).events] == ["e", "e", "kept"]
    assert chain_of(path).problems == ()


def test_a_full_disk_loses_nothing_that_was_acknowledged(path):
    script = """
import pathlib, resource, signal, sys
from opslab.errors import StoreError
from opslab.store.journal import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
journal, acknowledged = Journal(pathlib.Path(sys.argv[1]), "r1"), 0
try:
    while True:
        journal.append({"event": "e", "fill": "x" * 1700}, durable=True)
        acknowledged += 1
except StoreError as error:
    print(acknowledged, error.what)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    acknowledged, _, told = done.stdout.partition(" ")
    assert told.startswith(("took only part", "cannot be written"))
    assert int(acknowledged) > 10
    assert len(chain_of(path).events) == int(acknowledged)
    assert chain_of(path).problems == ()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_what_is_no_plain_value_is_refused_and_not_written(path, value):
    journal = Journal(path, "r1")
    with pytest.raises(StoreError, match="cannot be encoded"):
        journal.append({"event": "e", "value": value})
    assert path.read_bytes() == b""


@pytest.mark.parametrize("last", [b"{}\n", b"[]\n", b"not json\n", b'{"seq":"1"}\n'])
def test_a_file_that_is_no_journal_is_not_gone_on_with(path, last):
    path.write_bytes(last)
    with pytest.raises(StoreError, match="without a seq"):
        Journal(path, "r1").append({"event": "e"})
    assert path.read_bytes() == last


def test_a_symlink_is_refused(path, tmp_path):
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="cannot be opened"):
        Journal(path, "r1").append({"event": "e"})
    assert not (tmp_path / "elsewhere").exists()


@given(st.lists(st.tuples(st.integers(0, 4), st.binary(max_size=30)), max_size=12))
@settings(max_examples=40, deadline=None)
def test_any_order_of_appends_crashes_and_reopenings_keeps_the_chain(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    journals, acknowledged = [Journal(path, "r1"), Journal(path, "r1")], 0
    for kind, torn in steps:
        if kind == 0:
            with path.open("ab") as other:
                other.write(torn.replace(b"\n", b""))
        elif kind == 1:
            journals.reverse()
        elif kind == 2:
            journals[0] = Journal(path, "r1")
        elif kind == 3:
            journals[0].close()
        else:
            journals[0].append({"event": "e", "n": acknowledged})
            acknowledged += 1
    journals[0].append({"event": "e", "n": acknowledged})
    chain = chain_of(path)
    assert chain.problems == ()
    assert [event["n"] for event in chain.events if event["event"] == "e"] == list(range(acknowledged + 1))


def test_somebody_who_keeps_the_file_is_waited_for_only_so_long(path):
    import fcntl

    filled(path, 1)
    with path.open("rb") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        before = path.read_bytes()
        with pytest.raises(StoreError, match="another process keeps it"):
            Journal(path, "r1", patience=0.01).append({"event": "e"})
        assert path.read_bytes() == before
    assert Journal(path, "r1", patience=0.01).append({"event": "e"}).lines == 2
