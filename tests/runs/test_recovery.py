"""Recovery closes what died, leaves alone what lives, and one broken run costs only itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from unittest import mock

import pytest

from opslab.errors import StoreError
from opslab.runs import backtest
from opslab.runs.finish import problems_of
from opslab.runs.recovery import INTERRUPTED, close_orphan, recover, recover_one
from opslab.runs.venue_keys import KeyFile, VenueKeys
from opslab.store import orphans
from opslab.store.journal import Journal
from opslab.store.lock import Lock
from opslab.store.reader import Bundle


def listed(path):
    return sorted(entry.name for entry in path.iterdir())


class Gone(BaseException):
    pass


@pytest.fixture
def orphan(run, engine):
    """Return a maker of runs whose process died while the engine ran."""

    def make(run_id: str = "dead") -> None:
        engine.raises = Gone()
        with pytest.raises(Gone):
            run(run_id)
        engine.raises = None

    return make


def test_an_orphan_is_closed_as_interrupted(lab, orphan, clock):
    orphan()
    assert recover(lab, clock).closed == ("dead",)
    bundle = Bundle(lab.runs / "dead")
    assert (bundle.metadata.status, bundle.metadata.failure_reason) == ("failed", "interrupted")
    assert bundle.metadata.error == INTERRUPTED
    assert bundle.terminal["event"] == "run_failed"
    assert problems_of(bundle) == []


def test_one_run_is_closed_and_the_others_are_left(lab, orphan, clock):
    orphan("dead")
    orphan("other")
    assert recover_one(lab, "dead", clock).closed == ("dead",)
    assert Bundle(lab.runs / "other").terminal is None
    assert recover_one(lab, "dead", clock).closed == ()


def test_one_run_that_is_not_there_is_an_error(lab, clock):
    with pytest.raises(StoreError, match="no run 'nope'"):
        recover_one(lab, "nope", clock)


def test_recovery_is_idempotent(lab, orphan, clock):
    orphan()
    recover(lab, clock)
    before = {path: path.read_bytes() for path in (lab.runs / "dead").iterdir()}
    assert recover(lab, clock).closed == ()
    assert {path: path.read_bytes() for path in (lab.runs / "dead").iterdir()} == before


def test_a_torn_tail_is_recorded_when_an_orphan_is_closed(lab, orphan, clock):
    orphan()
    with (lab.runs / "dead" / "journal.jsonl").open("ab") as file:
        file.write(b'{"event":"backt')
    assert recover(lab, clock).closed == ("dead",)
    bundle = Bundle(lab.runs / "dead")
    assert [event["event"] for event in bundle.journal][-2:] == ["journal_repaired", "run_failed"]
    assert problems_of(bundle) == []


def test_living_runs_of_other_processes_are_left_alone(lab, orphan, clock):
    orphan("alive")
    script = """
import pathlib, sys
from opslab.store.lock import Lock
lock = Lock(pathlib.Path(sys.argv[1]) / "run.lock")
assert lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script, str(lab.runs / "alive")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "held\n"
        assert recover(lab, clock) == recover(lab, clock)
        assert recover(lab, clock).closed == ()
        assert Bundle(lab.runs / "alive").terminal is None
        child.kill()
    assert recover(lab, clock).closed == ("alive",)


def test_sealed_and_initialized_runs_are_no_orphans(lab, run, spec_file, clock):
    run("done")
    backtest.initialize(lab, spec_file, clock)
    before = {path: path.read_bytes() for path in lab.runs.rglob("*") if path.is_file()}
    assert recover(lab, clock).closed == ()
    assert {path: path.read_bytes() for path in lab.runs.rglob("*") if path.is_file()} == before


def test_a_run_that_came_to_its_end_in_the_meantime_is_not_sealed_again(lab, run, clock):
    bundle = run("done")
    before = bundle.read("manifest.json")
    assert not close_orphan(bundle, clock)
    assert bundle.read("manifest.json") == before


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lambda path: (path / "journal.jsonl").unlink(), "cannot be read"),
        (lambda path: (path / "journal.jsonl").write_bytes(b""), "journal is empty"),
        (lambda path: (path / "journal.jsonl").write_bytes(b"x\n"), "line 1 is not a JSON object"),
        (lambda path: (path / "run_spec.yaml").write_bytes(b"a: ["), "not valid YAML"),
        (lambda path: (path / "run_spec.yaml").unlink(), "cannot be read"),
    ],
    ids=["no-journal", "empty-journal", "garbage", "bad-spec", "no-spec"],
)
def test_a_broken_run_costs_only_itself(lab, orphan, clock, break_it, told):
    for run_id in ("a", "broken", "z"):
        orphan(run_id)
    break_it(lab.runs / "broken")
    recovery = recover(lab, clock)
    assert recovery.closed == ("a", "z")
    ((run_id, error),) = recovery.failed
    assert run_id == "broken"
    assert told in str(error)
    assert not (lab.runs / "broken" / "manifest.json").exists()


def test_a_chain_that_tells_of_no_run_costs_only_itself(lab, orphan, clock):
    orphan("a")
    orphan("odd")
    (lab.runs / "odd" / "journal.jsonl").unlink()
    Journal(lab.runs / "odd" / "journal.jsonl", "odd").append({"event": "run_started"})
    recovery = recover(lab, clock)
    assert recovery.closed == ("a",)
    assert "line 1 is no run_started" in str(recovery.failed[0][1])


def test_a_chain_of_events_that_are_none_of_ours_costs_only_itself(lab, orphan, clock):
    orphan("odd")
    (lab.runs / "odd" / "journal.jsonl").unlink()
    Journal(lab.runs / "odd" / "journal.jsonl", "odd").append({"later": "event"})
    assert "does not tell of a run" in str(recover(lab, clock).failed[0][1])


CONTRADICTIONS = {
    "altered-stream": ("events.jsonl", lambda path: path.write_bytes(path.read_bytes().replace(b"7", b"8", 1))),
    "no-stream": ("events.jsonl", lambda path: path.unlink()),
    "altered-spec": ("run_spec.yaml", lambda path: path.write_bytes(path.read_bytes().replace(b"tiny", b"huge"))),
    "pipe": ("views.jsonl", lambda path: (path.unlink(), os.mkfifo(path))),
    "symlink": ("report.md", lambda path: (path.unlink(missing_ok=True), path.symlink_to("metadata.json"))),
    "directory": ("metrics.json", lambda path: (path.unlink(missing_ok=True), path.mkdir())),
    "later-facts": ("post.jsonl", lambda path: path.write_bytes(b"{}\n")),
    "torn-end": ("journal.jsonl", lambda path: path.write_bytes(path.read_bytes() + b"{")),
    "after-end": ("journal.jsonl", lambda path: Journal(path, "b").append({"event": "more", "run_id": "b"})),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_a_run_whose_files_contradict_its_journal_is_not_sealed(lab, run, clock, kind):
    name, break_it = CONTRADICTIONS[kind]
    for run_id in ("a", "b", "c"):
        run(run_id)
        (lab.runs / run_id / "manifest.json").unlink()
    break_it(lab.runs / "b" / name)
    journal = (lab.runs / "b" / "journal.jsonl").read_bytes()
    recovery = recover(lab, clock)
    assert recovery.closed == ("a", "c")
    ((run_id, error),) = recovery.failed
    assert run_id == "b"
    assert f"{lab.runs / 'b'}: is not sealed: {name} " in str(error)
    assert not (lab.runs / "b" / "manifest.json").exists()
    assert (lab.runs / "b" / "journal.jsonl").read_bytes() == journal


def test_an_orphan_whose_stream_contradicts_its_journal_gets_no_end(lab, run, clock, monkeypatch):
    monkeypatch.setattr(backtest, "RunCompleted", mock.Mock(side_effect=Gone))
    with pytest.raises(Gone):
        run("dead")
    path = lab.runs / "dead" / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert "events.jsonl is not the event stream" in str(recover(lab, clock).failed[0][1])
    assert Bundle(lab.runs / "dead").terminal is None
    path.write_bytes(whole)
    assert recover(lab, clock).closed == ("dead",)
    assert problems_of(Bundle(lab.runs / "dead")) == []


def test_a_lock_that_is_no_file_is_told(lab, orphan, clock):
    orphan()
    (lab.runs / "dead" / "run.lock").unlink()
    os.mkfifo(lab.runs / "dead" / "run.lock")
    assert "is not a regular file" in str(recover(lab, clock).failed[0][1])


def test_the_manifest_says_that_recovery_sealed_the_run(lab, run, orphan, clock):
    assert run("done").manifest.recovered is False
    run("ended")
    (lab.runs / "ended" / "manifest.json").unlink()
    orphan("dead")
    assert recover(lab, clock).closed == ("dead", "ended")
    for name in ("dead", "ended"):
        bundle = Bundle(lab.runs / name)
        assert bundle.manifest.recovered is True
        assert problems_of(bundle) == []
        path = lab.runs / name / "manifest.json"
        path.write_bytes(path.read_bytes().replace(b'"recovered": true', b'"recovered": false'))
        assert "its own digest differs" in problems_of(Bundle(lab.runs / name))[0].what


def test_bundles_of_the_earlier_lab_are_left_alone(lab, clock):
    earlier = lab.runs / "earlier"
    earlier.mkdir(parents=True)
    (earlier / "journal.jsonl").write_text('{"event":"run_started"}\n')
    assert recover(lab, clock).closed == ()
    assert listed(earlier) == ["journal.jsonl"]


def test_old_staging_of_the_dead_is_removed_and_nothing_else(lab, clock, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_text("")
    for parent in (lab.runs, lab.sessions):
        parent.mkdir(parents=True)
        for name in (".staging-old", ".staging-alive", ".staging-young", ".other", "run"):
            (parent / name).mkdir()
        (parent / ".staging-file").write_text("")
        (parent / ".staging-link").symlink_to(tmp_path / "outside")
        past = time.time() - orphans.STAGING_AGE_SECONDS - 60
        for name in (".staging-old", ".staging-alive", ".staging-file", ".staging-link", ".other", "run"):
            os.utime(parent / name, (past, past), follow_symlinks=False)
    locks = [Lock(parent / ".staging-alive" / "run.lock") for parent in (lab.runs, lab.sessions)]
    for lock, parent in zip(locks, (lab.runs, lab.sessions), strict=True):
        assert lock.acquire()
        os.utime(parent / ".staging-alive", (past, past))
    assert recover(lab, clock).removed == (".staging-file", ".staging-link", ".staging-old") * 2
    for parent in (lab.runs, lab.sessions):
        assert listed(parent) == [".other", ".staging-alive", ".staging-young", "run"]
    assert listed(tmp_path / "outside") == ["f"]


def test_a_lab_without_runs_has_nothing_to_recover(lab, clock):
    assert recover(lab, clock) == recover(lab, clock)
    assert not lab.runs.exists()


def test_the_keys_of_a_dead_run_go_with_it_and_those_of_a_living_one_stay(lab, orphan, clock, monkeypatch):
    orphan()
    for name in ("dead", "starting"):
        KeyFile(lab, name).write(VenueKeys("key", "secret"))
    half = KeyFile(lab, "dead").path.with_name(".staging-left")
    half.write_text("{}")
    monkeypatch.setattr(orphans, "STAGING_AGE_SECONDS", -1)
    recover(lab, clock)
    assert KeyFile(lab, "dead").read() is None
    assert KeyFile(lab, "starting").read() is not None
    assert not half.exists()


def test_keys_behind_a_symlink_are_let_be(lab, orphan, clock, tmp_path):
    orphan()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "dead.json").write_text("{}")
    (lab.root / "runtime").mkdir(exist_ok=True)
    (lab.root / "runtime" / "venue_keys").symlink_to(elsewhere)
    assert recover(lab, clock).closed == ("dead",)
    assert (elsewhere / "dead.json").exists()
