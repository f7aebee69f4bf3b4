"""A run id is claimed once: one of several processes wins, the others are told, and nothing half made shows."""

from __future__ import annotations

import errno
import multiprocessing
import os

import pytest

from opslab.clock import SystemClock
from opslab.errors import IdError, RootError, RunExistsError, StoreError
from opslab.store import durable
from opslab.store.lock import Lock, is_alive
from opslab.store.reader import list_bundles, open_bundle
from opslab.store.writer import BundleWriter


def listed(path):
    return sorted(entry.name for entry in path.iterdir())


def claim(runs, event, clock=None, run_id="r1"):
    return BundleWriter.create(runs, run_id, b"spec", event, clock or SystemClock())


def race(runs, event, barrier, outcomes):
    barrier.wait()
    try:
        writer = claim(runs, event)
    except RunExistsError as error:
        outcomes.put(f"told: {error}")
    else:
        outcomes.put("won")
        barrier.wait(30)
        writer.close()
        return
    barrier.wait(30)


# Other tests of this process may have left threads of libraries behind, which the children never touch.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_one_of_many_processes_wins_and_the_others_say_so(tmp_path, fact):
    context = multiprocessing.get_context("fork")
    for round_ in range(5):
        runs = tmp_path / str(round_)
        barrier, outcomes = context.Barrier(6), context.SimpleQueue()
        children = [context.Process(target=race, args=(runs, fact, barrier, outcomes)) for _ in range(6)]
        for child in children:
            child.start()
        told = sorted(outcomes.get() for _ in children)
        for child in children:
            child.join(30)
            assert child.exitcode == 0
        assert told.pop() == "won"
        assert len(told) == 5
        assert all("run id 'r1' is taken" in line and str(runs / "r1") in line for line in told)
        assert listed(runs) == ["r1"]
        assert len(open_bundle(runs, "r1").journal_chain.events) == 1


def test_a_new_bundle_holds_spec_first_event_and_lock(tmp_path, fact):
    with claim(tmp_path / "runs", fact) as writer:
        assert listed(writer.path) == ["journal.jsonl", "run.lock", "run_spec.yaml"]
        assert is_alive(writer.path)
        assert (writer.path / "run_spec.yaml").read_bytes() == b"spec"
    assert not is_alive(writer.path)


def test_a_second_claim_is_told_and_changes_nothing(tmp_path, fact):
    claim(tmp_path, fact).close()
    before = (tmp_path / "r1" / "journal.jsonl").read_bytes()
    with pytest.raises(RunExistsError, match="never reused"):
        claim(tmp_path, fact)
    assert (tmp_path / "r1" / "journal.jsonl").read_bytes() == before
    assert listed(tmp_path) == ["r1"]


@pytest.mark.parametrize("run_id", ["../x", "/abs", "a/b", "a\0b", "", "." * 3, "x" * 129, "\uff521", None])
def test_an_unsafe_id_is_refused(tmp_path, fact, run_id):
    with pytest.raises(IdError):
        claim(tmp_path / "runs", fact, run_id=run_id)
    with pytest.raises(IdError):
        open_bundle(tmp_path, run_id)
    assert listed(tmp_path) == []


def test_a_symlink_in_place_of_a_run_is_refused(tmp_path, fact):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "r1").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RootError, match="symlink"):
        claim(tmp_path / "runs", fact)
    with pytest.raises(RootError, match="symlink"):
        open_bundle(tmp_path / "runs", "r1")
    assert list_bundles(tmp_path / "runs") == []
    assert listed(tmp_path / "elsewhere") == []


def test_a_file_in_place_of_a_run_is_refused(tmp_path, fact):
    (tmp_path / "r1").write_text("mine")
    with pytest.raises(RunExistsError):
        claim(tmp_path, fact)
    assert (tmp_path / "r1").read_text() == "mine"


def test_a_file_in_place_of_the_runs_root_is_told(tmp_path, fact):
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(StoreError, match="cannot be written"):
        claim(tmp_path / "runs", fact)


@pytest.mark.parametrize("step", range(1, 9))
def test_a_claim_that_fails_leaves_nothing(tmp_path, fact, monkeypatch, step):
    count, fsync = 0, os.fsync

    def broken(number):
        nonlocal count
        count += 1
        if count == step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(number)

    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(durable.os, "fsync", broken)
    with pytest.raises(StoreError, match="No space left"):
        claim(tmp_path / "runs", fact)
    assert listed(tmp_path / "runs") == []


def test_a_run_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(StoreError, match="there is no run 'r9'"):
        open_bundle(tmp_path, "r9")


def test_a_lock_is_held_by_one(tmp_path):
    first, second = Lock(tmp_path / "run.lock"), Lock(tmp_path / "run.lock")
    assert first.acquire()
    assert not second.acquire()
    assert is_alive(tmp_path)
    first.release()
    first.release()
    assert second.acquire()
    second.release()
    assert (tmp_path / "run.lock").read_bytes() == b""


def test_a_lock_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / "run.lock").symlink_to(tmp_path / "x")
    with pytest.raises(StoreError, match="cannot be opened"):
        Lock(tmp_path / "run.lock").acquire()
    assert not is_alive(tmp_path)


@pytest.mark.parametrize("name", ["../x", "a/../../x"])
def test_a_writer_stays_in_its_bundle(tmp_path, fact, name):
    with claim(tmp_path / "runs", fact) as writer, pytest.raises(RootError):
        writer.write(name, b"x")
    assert not (tmp_path / "x").exists()
