"""Kept checks: numbered, told of, rendered; a finished run's facts stay what they were, whatever happens."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opslab.contract.encoding import sha256_hex
from opslab.contract.events import ReconciliationChecked
from opslab.contract.reconciliation import ReconciliationResult, Subject
from opslab.errors import ContractError, OpsLabError, RootError, StoreError
from opslab.reconcile import keeping
from opslab.reconcile.checking import check_files
from opslab.reconcile.judging import views_result
from opslab.reconcile.keeping import DIRECTORY, RESULT, keep, latest
from opslab.reconcile.view_difference import unknown
from opslab.store.reader import Bundle

RUN = "r1"
GOLDEN = Path(__file__).parents[2] / "fixtures" / "reconciliation"


def contents(path: Path) -> dict[str, bytes]:
    return {entry.relative_to(path).as_posix(): entry.read_bytes() for entry in path.rglob("*") if entry.is_file()}


def told(path: Path) -> list[ReconciliationChecked]:
    """Return the events, after checking that each names a file that is what it says."""
    bundle = Bundle(path)
    chains = [bundle.journal_chain, *([bundle.post_chain] if bundle.has("manifest.json") else [])]
    assert [problem for chain in chains for problem in chain.problems] == []
    events = [
        ReconciliationChecked.model_validate(
            {key: value for key, value in event.items() if key not in ("seq", "prev_sha256")}
        )
        for chain in chains
        for event in chain.events
        if event["event"] == "reconciliation_checked"
    ]
    for event in events:
        assert sha256_hex((path / event.report_path).read_bytes()) == event.report_sha256
    return events


@pytest.fixture
def check(lab, clock, situation):
    """Check a situation against ``expected_match``; further arguments go to ``check_files``."""

    def run(name="observed_match", **more):
        return check_files(lab, RUN, situation("expected_match"), situation(name), clock, **more)

    return run


def test_a_check_of_a_sealed_run_adds_files_and_one_event_and_changes_nothing(make_run, check):
    path = make_run()
    before = contents(path)
    rendered = []
    checked = check("observed_position_mismatch", render=rendered.append)
    after = contents(path)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"reconciliation/0001.json", RESULT, "post.jsonl"}
    assert after[RESULT] == after["reconciliation/0001.json"] == latest(path)
    (event,) = told(path)
    assert (event.status, event.summary.mismatch, event.report_path) == ("mismatch", 1, checked.kept.name)
    assert event.result_path == checked.result_path == "artifacts/runs/r1/reconciliation_result.json"
    assert (rendered, checked.kept.told_in) == ([path], "post.jsonl")


def test_the_result_has_the_contracts_fields_and_the_named_additions(make_run, check):
    path = make_run()
    check("observed_position_mismatch")
    content = json.loads((path / RESULT).read_bytes())
    contract = {"schema_version", "run_id", "ts_utc", "status", "inputs", "checks", "summary", "pass"}
    assert set(content) == contract | {"differences", "differences_total", "source"}
    assert [set(item) for item in content["checks"]] == [{"name", "severity", "matched", "details"}] * 3
    assert content["pass"] is False
    assert content["differences"] == [
        {"kind": "quantity", "subject": "position", "key": "BTCUSDT", "expected": "0.250", "observed": "0.150"}
    ]
    ReconciliationResult.model_validate_json((path / RESULT).read_bytes())


def test_each_check_is_kept_and_the_result_is_the_latest(make_run, check):
    path = make_run()
    first = (check("observed_stale_warning"), (path / RESULT).read_bytes())[1]
    check("observed_match")
    assert (path / DIRECTORY / "0001.json").read_bytes() == first
    assert (path / RESULT).read_bytes() == (path / DIRECTORY / "0002.json").read_bytes() != first
    assert [event.status for event in told(path)] == ["warning", "ok"]


def test_neither_source_speaks_for_the_other(make_run, check, clock):
    path = make_run()
    check("observed_match")
    views = {name: {"orders": [], "positions": [], "balances": [], "fills": []} for name in ("venue", "engine")}
    lost = [unknown("engine", Subject.ORDER, "cannot tell")]

    def found() -> tuple[str | None, str, str | None, str | None]:
        told = json.loads((path / RESULT).read_bytes())
        other = told.get("other") or {}
        return told["source"], told["status"], other.get("source"), other.get("status")

    assert found() == ("files", "ok", None, None)
    keep(path, views_result(RUN, ("a", "b"), (lost, ()), views, clock.now()), "r", clock)
    assert found() == ("views", "unknown", "files", "ok")
    check("observed_stale_warning")
    assert found() == ("files", "warning", "views", "unknown")
    check()
    assert found() == ("files", "ok", "views", "unknown")
    keep(path, views_result(RUN, ("a", "b"), ((), ()), views, clock.now()), "r", clock)
    assert found() == ("views", "ok", "files", "ok")
    assert [event.source for event in told(path)] == ["files", "views", "files", "files", "views"]


def test_what_a_check_returns_is_what_was_kept(make_run, check):
    path = make_run()
    assert check().result.to_dict() == json.loads((path / RESULT).read_bytes())


def test_a_run_that_has_not_ended_is_told_in_its_journal(make_run, check):
    path = make_run("living")
    assert check().kept.told_in == "journal.jsonl"
    assert len(told(path)) == 1
    assert not (path / "post.jsonl").exists()


def test_nothing_follows_the_terminal_event_of_a_run_that_is_not_sealed(make_run, check):
    path = make_run("ended")
    before = contents(path)
    with pytest.raises(StoreError, match="has ended and is not sealed"):
        check()
    assert contents(path) == before


def test_a_run_of_the_earlier_lab_keeps_its_result_and_its_journal(make_run, lab, check):
    path = lab.runs / RUN
    path.mkdir(parents=True)
    old = {"journal.jsonl": b'{"event":"run_started","run_id":"r1"}\n', RESULT: b'{"status": "mismatch"}\n'}
    for name, content in old.items():
        (path / name).write_bytes(content)
    assert check().kept.told_in is None
    after = contents(path)
    assert after["journal.jsonl"] == old["journal.jsonl"]
    assert after["reconciliation/0001.json"] == old[RESULT]
    assert after["reconciliation/0002.json"] == after[RESULT] != old[RESULT]
    check()
    assert set(contents(path)) - set(after) == {"reconciliation/0003.json"}


def test_a_bare_run_directory_is_enough(lab, check):
    (lab.runs / RUN).mkdir(parents=True)
    assert check().kept.told_in is None
    assert set(contents(lab.runs / RUN)) == {RESULT, "reconciliation/0001.json"}


def test_without_a_run_nothing_is_made(lab, check):
    with pytest.raises(StoreError, match="no run"):
        check()
    assert contents(lab.root) == {}


def test_a_file_that_cannot_be_used_writes_nothing(make_run, lab, clock, situation):
    path = make_run()
    before = contents(path)
    with pytest.raises(ContractError):
        check_files(lab, RUN, situation("expected_match"), situation("observed_match", run_id="other"), clock)
    assert contents(path) == before


@pytest.mark.parametrize("name", [DIRECTORY, RESULT])
def test_a_symlink_in_the_bundle_is_not_followed(make_run, check, tmp_path, name):
    path = make_run()
    (path / name).symlink_to(tmp_path)
    outside = sorted(tmp_path.iterdir())
    with pytest.raises(OpsLabError):
        check()
    assert sorted(entry for entry in tmp_path.iterdir() if entry.suffix != ".json") == [
        entry for entry in outside if entry.suffix != ".json"
    ]
    assert told(path) == []


def test_a_broken_journal_keeps_no_unacknowledged_file(make_run, check):
    path = make_run("living")
    (path / "journal.jsonl").write_bytes((path / "journal.jsonl").read_bytes() + b"garbage\n")
    before = contents(path)
    with pytest.raises(StoreError):
        check()
    assert contents(path) == before


def test_concurrent_checks_get_numbers_of_their_own(make_run, check, lab, clock, situation):
    path = make_run()
    sides = situation("expected_match"), situation("observed_match")
    rendered: list[int] = []

    def render(bundle: Path) -> None:
        rendered.append(len((bundle / "post.jsonl").read_bytes().splitlines()))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: check_files(lab, RUN, *sides, clock, render), range(48)))
    names = [f"{DIRECTORY}/{number:04d}.json" for number in range(1, 49)]
    assert [event.report_path for event in told(path)] == names
    assert rendered == list(range(1, 49))
    assert (path / RESULT).read_bytes() == (path / names[-1]).read_bytes()


def _check_and_die(lab, clock, sides, step: int) -> None:
    """Die by SIGKILL before the ``step``-th change of a file."""
    left = [step]

    def dying(function):
        def call(*args, **more):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **more)

        return call

    for module, name in ((os, "fsync"), (os, "write"), (os, "rename"), (os, "replace")):
        setattr(module, name, dying(getattr(module, name)))
    check_files(lab, RUN, *sides, clock)


@pytest.mark.parametrize("state", ["sealed", "living"])
def test_killed_at_any_step_the_next_check_is_whole(make_run, check, lab, clock, situation, state):
    path = make_run(state)
    sides = situation("expected_match"), situation("observed_stale_warning")
    fork = multiprocessing.get_context("fork")
    killed = 0
    for step in range(40):
        acknowledged = {event.report_path for event in told(path)}
        child = fork.Process(target=_check_and_die, args=(lab, clock, sides, step))
        child.start()
        child.join()
        killed += child.exitcode == -signal.SIGKILL
        assert acknowledged <= {event.report_path for event in told(path)}
        check()
        kept = sorted(f"{DIRECTORY}/{entry.name}" for entry in (path / DIRECTORY).glob("[0-9]*.json"))
        assert [event.report_path for event in told(path)] == kept
        assert (path / RESULT).read_bytes() == (path / kept[-1]).read_bytes()
        if child.exitcode == 0:
            break
    assert child.exitcode == 0
    assert killed >= 6


def _check_with_little_space(lab, clock, sides, limit: int, answer) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        check_files(lab, RUN, *sides, clock)
    except StoreError as error:
        answer.send(str(error))
    else:
        answer.send("kept")


def test_without_space_nothing_is_half_written(make_run, lab, clock, situation):
    path = make_run()
    before = contents(path)
    sides = situation("expected_match"), situation("observed_match")
    fork = multiprocessing.get_context("fork")
    for limit in (0, 10, 200, 1000):
        receiver, sender = fork.Pipe(duplex=False)
        child = fork.Process(target=_check_with_little_space, args=(lab, clock, sides, limit, sender))
        child.start()
        child.join()
        assert "cannot be written" in receiver.recv()
        # The chain's own file may have been opened before its first line failed; it is then empty.
        assert {
            name: content for name, content in contents(path).items() if (name, content) != ("post.jsonl", b"")
        } == before


def test_an_unwritten_event_takes_its_file_back(make_run, check, monkeypatch):
    path = make_run()

    def full(*_args):
        raise StoreError("cannot be written: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "add", full)
        with pytest.raises(StoreError, match="No space"):
            check()
    assert latest(path) is None
    assert not (path / RESULT).exists()
    assert check().kept.name == "reconciliation/0001.json"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_an_error_and_never_waited_on(make_run, check, make):
    path = make_run()
    check()
    (path / DIRECTORY / "0001.json").unlink()
    make(path / DIRECTORY / "0001.json")
    with pytest.raises(StoreError, match=r"is not a regular file|is a directory"):
        latest(path)
    make(path / DIRECTORY / "0007.json")
    if make is os.mkdir:
        with pytest.raises(StoreError, match="cannot be removed"):
            check()
    else:
        assert check().kept.name == f"{DIRECTORY}/0007.json"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", ["post.jsonl", "journal.jsonl", "manifest.json"])
def test_facts_that_are_no_files_keep_nothing(make_run, check, name, make):
    path = make_run()
    check()
    before = sorted(entry.name for entry in (path / DIRECTORY).iterdir())
    (path / name).unlink()
    make(path / name)
    if name == "journal.jsonl":
        (path / "post.jsonl").unlink()  # so that the journal must be looked into
    with pytest.raises(StoreError):
        check()
    assert sorted(entry.name for entry in (path / DIRECTORY).iterdir()) == before


def test_a_run_id_that_leads_elsewhere_is_refused(lab, clock, situation):
    for run_id in ("../r1", "", "a/b", "nul\0"):
        with pytest.raises(OpsLabError):
            check_files(lab, run_id, situation("expected_match"), situation("observed_match"), clock)


def test_a_run_that_is_a_symlink_is_refused(make_run, lab, check):
    path = make_run(run_id="real")
    (lab.runs / RUN).symlink_to(path)
    with pytest.raises(RootError, match="symlink"):
        check()
