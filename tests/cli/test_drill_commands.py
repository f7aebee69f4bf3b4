"""``tc drill``: a real drill about a run, recorded under that run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.clock import SystemClock
from opslab.contract.drill import DrillReport, Verdict
from opslab.errors import DrillError
from opslab.runs import drill_of_run
from opslab.runs.finish import problems_of, render
from opslab.samples.drills.pacing import FEWEST_BARS, every_for_late_entry, every_for_open_end
from opslab.store.journal import Journal
from opslab.store.reader import Bundle
from opslab.store.writer import BundleWriter

SPEC = Path(__file__).parents[2] / "scenarios" / "runs" / "btcusdt_backtest.run.yaml"
RUN = "2026-05-20-btcusdt-backtest-001"
TC = Path(sys.executable).with_name("tc")
OUTCOMES = {
    "stale-market-data": "expected_warning",
    "reconciliation-mismatch": "expected_mismatch",
    "restart-recovery": "simulated_recovery_ok",
}


def tc(lab: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADINGCHASSIS", "PYTEST"))}
    return subprocess.run(
        [TC, *words], cwd=lab, env={**kept, **environ}, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def undrilled(tmp_path_factory, lab) -> Path:
    """The run as it was before any drill, and its data."""
    kept = tmp_path_factory.mktemp("undrilled")
    bundle = kept / "artifacts" / "runs" / RUN
    shutil.copytree(home(lab), bundle, ignore=shutil.ignore_patterns("drills", "post.jsonl"))
    shutil.copytree(lab / "data", kept / "data")
    render(BundleWriter(bundle, SystemClock()), ("report.md", "metadata.json"))
    assert problems_of(Bundle(bundle)) == []
    return kept


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Path:
    """A lab with a run; its own settings would break any drill that heeded them."""
    lab = tmp_path_factory.mktemp("drilled")
    (lab / "opslab.toml").touch()
    (lab / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (lab / "conftest.py").write_text("raise RuntimeError\n")
    (lab / "pytest.py").write_text("raise RuntimeError\n")
    assert tc(lab, "data", "prepare", "--dataset", "btcusdt-sample").returncode == 0
    assert tc(lab, "run", "backtest", "--spec", str(SPEC)).returncode == 0
    return lab


def home(lab: Path) -> Path:
    return lab / "artifacts" / "runs" / RUN


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_drill_runs_is_recorded_under_the_run_and_exits_with_0(lab, name):
    file = name.replace("-", "_")
    ran = tc(lab, "drill", name, "--run-id", RUN, PYTEST_ADDOPTS="--no-such-option")
    assert (ran.returncode, ran.stderr) == (0, "")
    path = home(lab) / "drills" / f"{file}.json"
    assert ran.stdout.splitlines() == [
        f"run_id={RUN}", f"drill_name={file}", f"outcome={OUTCOMES[name]}", "status=completed", f"report_path={path}"
    ]  # fmt: skip
    report = json.loads(path.read_bytes())
    assert (report["run_id"], report["pass"], report["inputs"]["of_run"]) == (RUN, True, RUN)
    (own,) = report["runs"]
    assert own != RUN
    assert problems_of(Bundle(home(lab).with_name(own))) == []
    told = [event for event in Bundle(home(lab)).journal if event["event"] == "failure_drill_executed"]
    assert {event["report_path"] for event in told if event["drill_name"] == file} == {f"drills/{file}.json"}
    assert problems_of(Bundle(home(lab))) == []


def test_no_fact_of_the_run_is_changed_and_a_second_time_is_fine(lab, tmp_path):
    facts = ("journal.jsonl", "events.jsonl", "metrics.json", "manifest.json", "run_spec.yaml")
    before = {name: (home(lab) / name).read_bytes() for name in facts}
    first = tc(lab, "drill", "stale-market-data", "--run-id", RUN, "--json")
    second = tc(lab, "drill", "stale-market-data", "--run-id", RUN, "--json")
    assert first.returncode == second.returncode == 0
    assert json.loads(first.stdout)["session_id"] != json.loads(second.stdout)["session_id"]
    told = json.loads(second.stdout)
    assert told == json.loads(Path(told["report_path"]).read_bytes()) | {"report_path": told["report_path"]}
    assert {name: (home(lab) / name).read_bytes() for name in facts} == before
    assert not (home(lab) / "reconciliation_result.json").exists()
    assert problems_of(Bundle(home(lab))) == []


@pytest.mark.parametrize("run_id", ["nope", "../x", ""])
def test_a_run_that_is_not_there_is_one_line(command, place, written, run_id):
    told = command("drill", "restart-recovery", "--run-id", run_id)
    assert (told.code, told.out, len(told.err)) == (1, [], 1)
    assert written() == ["opslab.toml"]


@pytest.mark.parametrize("words", [(), ("restart-recovery",), ("bogus",), ("restart-recovery", "--run-id")])
def test_wrong_usage_is_exit_code_2(command, place, words):
    assert command("drill", *words).code == 2


def test_an_empty_directory_is_no_run(command, place):
    (place / "artifacts" / "runs" / "empty").mkdir(parents=True)
    told = command("drill", "restart-recovery", "--run-id", "empty")
    assert (told.code, told.out) == (1, [])
    assert "has no manifest, so that no drill can be recorded under it: it holds no record of a run" in told.err[0]
    assert "; name a run that ended" in told.err[0]
    assert list((place / "artifacts" / "runs" / "empty").iterdir()) == []


def started(bundle: Path) -> None:
    Journal(bundle / "journal.jsonl", RUN).append({"event": "run_started"})


def unchained(bundle: Path) -> None:
    lines = [json.loads(line) for line in (bundle / "journal.jsonl").read_bytes().splitlines()]
    for line in lines:
        del line["seq"], line["prev_sha256"]
    (bundle / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("became", "why", "fix"),
    [
        (lambda _bundle: None, "it was initialized and never run", "`tc run backtest|paper --spec FILE`"),
        (unchained, "an earlier lab made it", "`tc run backtest|paper --spec FILE`"),
        (started, "its process is gone", "`tc run recover` closes it"),
    ],
    ids=["initialized", "earlier lab", "interrupted"],
)
def test_a_run_without_an_end_is_told_by_what_it_is(command, place, became, why, fix):
    assert command("run", "init", "--spec", SPEC).code == 0
    became(home(place))
    told = command("drill", "stale-market-data", "--run-id", RUN)
    assert (told.code, told.out, len(told.err)) == (1, [], 1)
    assert f"under it: {why}; " in told.err[0]
    assert fix in told.err[0]


def test_a_living_run_is_waited_for(command, place):
    assert command("run", "init", "--spec", SPEC).code == 0
    writer = BundleWriter(home(place), SystemClock())
    assert writer.acquire()
    with writer:
        told = command("drill", "stale-market-data", "--run-id", RUN)
    assert (told.code, len(told.err)) == (1, 1)
    assert "under it: it is running; wait for its end" in told.err[0]


@pytest.fixture
def copied(undrilled, place) -> Path:
    """The run and its data, in a lab that may be broken."""
    for name in ("artifacts", "data"):
        shutil.copytree(undrilled / name, place / name)
    return place


def test_a_broken_run_takes_no_drill(command, copied):
    (home(copied) / "events.jsonl").write_bytes(b"{}\n")
    told = command("drill", "stale-market-data", "--run-id", RUN)
    assert (told.code, told.out) == (1, [])
    assert "is broken: events.jsonl " in told.err[0]
    assert f"; `tc run verify --run-id {RUN}` names all of it" in told.err[0]
    assert not (home(copied) / "drills" / "stale_market_data.json").exists()


def test_data_that_changed_since_are_one_line_and_record_nothing(command, copied):
    candles = next((copied / "data" / "canonical").rglob("candles.parquet"))
    candles.write_bytes(candles.read_bytes()[:-1] + b"x")
    before = (home(copied) / "metadata.json").read_bytes()
    told = command("drill", "restart-recovery", "--run-id", RUN)
    assert (told.code, told.out, len(told.err)) == (1, [], 1)
    assert "drill restart_recovery could not be carried out" in told.err[0]
    assert (home(copied) / "metadata.json").read_bytes() == before


@pytest.fixture(scope="module")
def judged(lab) -> DrillReport:
    tc(lab, "drill", "stale-market-data", "--run-id", RUN)
    return DrillReport.model_validate_json((home(lab) / "drills" / "stale_market_data.json").read_bytes())


@pytest.mark.parametrize(
    ("verdict", "passed", "code"), [("fail", False, 1), ("unknown", None, 1), ("known_defect", True, 0)]
)
def test_a_drill_that_does_not_pass_is_recorded_and_exits_with_1(
    command, copied, judged, monkeypatch, verdict, passed, code
):
    update = {"verdict": Verdict(verdict), "passed": passed, "message": "OPS-DEMO-BAD: bad", "outcome": verdict}
    monkeypatch.setattr(drill_of_run, "_carried_out", lambda *_: judged.model_copy(update=update))
    told = command("drill", "stale-market-data", "--run-id", RUN)
    assert (told.code, len(told.err)) == (code, code)
    assert told.out[2] == f"outcome={verdict}"
    kept = home(copied) / "drills" / "stale_market_data.json"
    assert json.loads(kept.read_bytes())["pass"] is passed
    if code:
        what = f"drill stale_market_data ended with {verdict}: OPS-DEMO-BAD: bad"
        assert told.err == [f"error: {kept}: {what}; `tc runbook stale-market-data` says what to do"]


def test_a_pytest_that_dies_is_one_line(command, copied, monkeypatch):
    monkeypatch.setitem(drill_of_run.DRILLS, "stale_market_data", ("reconciliation.py", "test_nothing"))
    told = command("drill", "stale-market-data", "--run-id", RUN)
    assert (told.code, told.out, len(told.err)) == (1, [], 1)
    assert "ended without a report: ERROR: not found" in told.err[0]


def test_another_directory_of_runs_is_honoured(command, copied):
    (copied / "artifacts" / "runs").rename(copied / "elsewhere")
    told = command("drill", "restart-recovery", "--run-id", RUN, "--artifacts-root", "elsewhere")
    assert told.code == 0, told.err
    assert told.out[-1] == f"report_path={copied}/elsewhere/{RUN}/drills/restart_recovery.json"
    assert not (copied / "artifacts" / "runs").exists()


@given(st.integers(FEWEST_BARS, 100_000))
def test_steps_suit_every_dataset_that_is_long_enough(bars):
    every = every_for_open_end(bars)
    steps, rest = divmod(bars, every)
    assert (steps % 4, rest >= 2) == (2, True)  # a position, and an order that rests
    entries = range(every_for_late_entry(bars), bars, 4 * every_for_late_entry(bars))
    assert any(bars / 2 < entry + 1 < bars for entry in entries)


@given(st.integers(max_value=FEWEST_BARS - 1))
def test_too_few_candles_are_refused(bars):
    for pick in (every_for_open_end, every_for_late_entry):
        with pytest.raises(DrillError, match="too few for a drill"):
            pick(bars)
