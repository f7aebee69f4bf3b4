"""``tc run``: the contract's lines and exit codes, with the real engine where it runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from unittest import mock

import pytest

from opslab.clock import SystemClock
from opslab.contract.drill import SessionReport
from opslab.contract.events import RunStarted
from opslab.data.prepare import prepare
from opslab.root import find_lab
from opslab.store.reader import Bundle
from opslab.store.writer import BundleWriter

REPOSITORY = Path(__file__).parents[2]
SPEC = REPOSITORY / "scenarios" / "runs" / "btcusdt_backtest.run.yaml"
RUN = "2026-05-20-btcusdt-backtest-001"
CONFIG = "config_sha256=de3290d1e4b3e4d45750547071d23bbb21fdf26ab8c0c2a42482de0b88f58ac7"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data root with the sample, prepared once."""
    root = tmp_path_factory.mktemp("lab")
    prepare(find_lab(root, {}, [root]), "btcusdt-sample")
    return root / "data"


@pytest.fixture
def prepared(place, data, monkeypatch):
    monkeypatch.setenv("TRADINGCHASSIS_OPS_LAB_DATA_ROOT", str(data))
    return place


def golden(place: Path, name: str) -> Path:
    target = place / "artifacts" / "runs" / name
    shutil.copytree(REPOSITORY / "fixtures" / "bundles" / "v1-lab-0.9" / name, target)
    return target


def one_error(told) -> str:
    assert told.code == 1
    (line,) = told.err
    assert line.startswith("error: ")
    return line


def test_init_prints_the_contracts_lines_and_writes_three_files(command, place):
    told = command("run", "init", "--spec", SPEC)
    home = place / "artifacts" / "runs" / RUN
    assert (told.code, told.err) == (0, [])
    assert told.out == [f"artifacts={home}", CONFIG]
    assert {path.name for path in home.iterdir()} == {"run_spec.yaml", "metadata.json", "journal.jsonl", "run.lock"}
    assert (home / "run_spec.yaml").read_bytes() == SPEC.read_bytes()


def test_a_run_id_that_exists_is_one_line(command, place):
    command("run", "init", "--spec", SPEC)
    told = command("run", "init", "--spec", SPEC)
    assert told.out == []
    assert f"run id '{RUN}' is taken" in one_error(told)
    assert "choose another run_id" in told.err[0]


def test_a_backtest_runs_is_verified_and_is_not_run_twice(command, prepared):
    told = command("run", "backtest", "--spec", SPEC)
    home = prepared / "artifacts" / "runs" / RUN
    assert (told.code, told.err) == (0, [])
    assert told.out == [f"artifacts={home}", CONFIG, "status=completed"]
    verified = command("run", "verify", "--run-id", RUN)
    assert (verified.code, verified.out, verified.err) == (0, [f"run_id={RUN}", "verified=true"], [])
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert "is taken" in one_error(command("run", "backtest", "--spec", SPEC))
    assert command("run", "recover").out == ["closed=0"]
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert Bundle(home).metrics.bars_seen > 0


def test_a_run_that_fails_is_one_line_and_leaves_a_sealed_bundle(command, prepared, tmp_path):
    spec = tmp_path / "s.yaml"
    spec.write_bytes(SPEC.read_bytes().replace(b"placeholder", b"a" * 64))
    line = one_error(command("run", "backtest", "--spec", spec))
    assert f"run {RUN} failed: " in line
    assert "report.md" in line
    assert command("run", "verify", "--run-id", RUN).code == 0
    assert Bundle(prepared / "artifacts" / "runs" / RUN).metadata.status == "failed"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ((b"mode: backtest", b"mode: paper"), "mode is 'paper', not 'backtest'"),
        ((b"btcusdt-sample", b"no-such-set"), "no-such-set"),
        ((b"btcusdt-sample", b"../../etc"), "not a safe name"),
        ((b"BTCUSDT", b"ETHUSDT"), "dataset btcusdt-sample holds BTCUSDT"),
    ],
    ids=["mode", "dataset", "traversal", "instrument"],
)
def test_a_backtest_that_cannot_start_writes_nothing(command, prepared, tmp_path, change, what):
    spec = tmp_path / "s.yaml"
    spec.write_bytes(SPEC.read_bytes().replace(*change))
    told = command("run", "backtest", "--spec", spec)
    assert what in one_error(told)
    assert told.out == []
    assert not (prepared / "artifacts").exists()


@pytest.mark.parametrize("name", ["completed", "drilled", "failed", "interrupted"])
def test_a_whole_bundle_verifies(command, place, name):
    golden(place, name)
    told = command("run", "verify", "--run-id", name)
    assert (told.code, told.out, told.err) == (0, [f"run_id={name}", "verified=true"], [])


def test_every_problem_is_named_and_the_exit_code_is_1(command, place):
    home = golden(place, "completed")
    (home / "views.jsonl").unlink()
    (home / "extra").write_text("")
    told = command("run", "verify", "--run-id", "completed")
    assert told.out == [
        "run_id=completed",
        "broken: extra: is not in the manifest",
        "broken: views.jsonl: is missing",
        "verified=false",
    ]
    assert "2 problems, the first: extra is not in the manifest" in one_error(told)


@pytest.mark.parametrize(
    ("run_id", "what"), [("nowhere", "there is no run"), ("a\nb", "not a safe name"), ("é", "safe")]
)
def test_a_run_that_cannot_be_verified_is_one_line(command, place, run_id, what):
    assert what in one_error(command("run", "verify", "--run-id", run_id))


def test_a_symlinked_run_is_refused(command, place):
    home = golden(place, "completed")
    (home.parent / "linked").symlink_to(home)
    assert "is a symlink" in one_error(command("run", "verify", "--run-id", "linked"))


def test_interrupted_runs_are_closed_and_broken_ones_are_told(command, place):
    home = golden(place, "interrupted")
    started = json.loads((home / "journal.jsonl").read_bytes().splitlines()[0])
    spec = (home / "run_spec.yaml").read_bytes()
    shutil.rmtree(home)
    own = {key: value for key, value in started.items() if key not in {"seq", "prev_sha256"}}
    for name in ("interrupted", "broken"):
        first = RunStarted.model_validate({**own, "run_id": name})
        BundleWriter.create(place / "artifacts" / "runs", name, spec, first, SystemClock()).close()
    with (place / "artifacts" / "runs" / "broken" / "journal.jsonl").open("wb") as file:
        file.write(b"{}\n")
    told = command("run", "recover")
    assert told.out == ["closed run_id=interrupted status=failed reason=interrupted", "closed=1"]
    assert one_error(told).startswith("error: broken: 1 run could not be closed, the first: journal line 1")


@pytest.mark.parametrize(("name", "end"), [("completed", "status=completed"), ("failed", "status=failed reason=error")])
def test_recovery_tells_the_end_that_it_measured(command, place, name, end):
    (golden(place, name) / "manifest.json").unlink()
    assert command("run", "recover").out == [f"closed run_id={name} {end}", "closed=1"]


def test_tampered_evidence_is_not_sealed_again(command, place):
    home = golden(place, "completed")
    (home / "manifest.json").unlink()
    (home / "events.jsonl").write_bytes(b"")
    told = command("run", "recover")
    assert told.out == ["closed=0"]
    line = one_error(told)
    assert line.startswith("error: completed: 1 run could not be closed, the first: is not sealed: events.jsonl ")
    assert command("run", "verify", "--run-id", "completed").code == 1
    assert not (home / "manifest.json").exists()


@pytest.mark.parametrize(
    ("break_it", "what"),
    [
        (lambda runs, _: runs.write_text("a file"), "cannot be listed: Not a directory"),
        (lambda runs, other: runs.symlink_to(other), "is a symlink"),
    ],
    ids=["file", "symlink"],
)
def test_runs_that_are_no_directory_are_one_line(command, place, tmp_path, break_it, what):
    (tmp_path / "other").mkdir()
    runs = place / "artifacts" / "runs"
    runs.parent.mkdir()
    break_it(runs, tmp_path / "other")
    told = command("run", "recover")
    assert told.out == []
    assert f"{runs}: {what}" in one_error(told)


@pytest.mark.parametrize("words", [("run", "init", "--spec", SPEC), ("run", "verify", "--run-id", "completed")])
def test_runs_behind_a_symlink_are_neither_written_nor_read(command, place, tmp_path, words):
    home = golden(place, "completed")
    home.parent.rename(tmp_path / "other")
    home.parent.symlink_to(tmp_path / "other")
    assert "is a symlink" in one_error(command(*words))
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["completed"]


@pytest.mark.parametrize(("stop", "by"), [(KeyboardInterrupt, "Ctrl-C"), (SystemExit(143), "SIGTERM")])
def test_a_backtest_that_is_stopped_is_recorded_and_told(command, prepared, monkeypatch, stop, by):
    monkeypatch.setattr("opslab.runs.backtest._execute", mock.Mock(side_effect=stop))
    told = command("run", "backtest", "--spec", SPEC)
    assert one_error(told).startswith(f"error: run {RUN} was stopped by {by}; it is recorded as failed")
    assert told.out == []
    assert command("run", "verify", "--run-id", RUN).code == 0


@pytest.mark.parametrize(
    ("there", "what"), [(False, "before it began; nothing was recorded"), (True, "before it began; nothing was")]
)
def test_a_backtest_that_is_stopped_before_it_began_claims_no_record(command, prepared, monkeypatch, there, what):
    if there:
        command("run", "init", "--spec", SPEC)
    monkeypatch.setattr("opslab.runs.backtest.plan_backtest", mock.Mock(side_effect=KeyboardInterrupt))
    assert what in one_error(command("run", "backtest", "--spec", SPEC))


def test_a_backtest_that_is_stopped_while_it_is_closed_is_left_to_recovery(command, prepared, monkeypatch):
    monkeypatch.setattr("opslab.runs.backtest._execute", mock.Mock())
    with monkeypatch.context() as patch:
        patch.setattr("opslab.runs.backtest.finish", mock.Mock(side_effect=KeyboardInterrupt))
        assert "it is recorded, and not closed; `tc run recover`" in one_error(
            command("run", "backtest", "--spec", SPEC)
        )
    assert command("run", "recover").out == [f"closed run_id={RUN} status=completed", "closed=1"]


def test_pruning_names_what_it_removed_and_what_it_kept(command, place):

    for number, verdict in ((1, "pass"), (2, "fail"), (3, "pass")):
        identity = f"2026010{number}t000000z-abcd"
        report = SessionReport(
            session_id=identity, started_at_utc="2026-01-01T00:00:00Z", completed_at_utc="2026-01-01T00:00:00Z",
            status="completed", seed=1, lab_version="0.9.0", engine_version="1", mutants=False,
            verdicts={verdict: 1}, drills=(), runs=(),
        )  # fmt: skip
        home = place / "artifacts" / "sessions" / identity
        home.mkdir(parents=True)
        (home / "session.json").write_text(json.dumps(report.to_dict()))
    told = command("run", "prune", "--keep", 1)
    assert told.out == [
        "removed session=20260101t000000z-abcd",
        "kept session=20260102t000000z-abcd (failed or interrupted; --failed removes it)",
        "removed=1",
    ]
    assert command("run", "prune", "--keep", 0, "--failed").out[-1] == "removed=2"
    assert (told.code, told.err) == (0, [])


@pytest.mark.parametrize("where", ["artifacts", "artifacts/runs"])
def test_a_root_that_cannot_be_written_is_one_line(command, place, where):
    (place / where).parent.mkdir(exist_ok=True)
    (place / where).write_text("a file")
    told = command("run", "init", "--spec", SPEC)
    assert "cannot be written" in one_error(told)
    assert (place / where).read_text() == "a file"
