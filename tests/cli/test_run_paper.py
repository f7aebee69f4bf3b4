"""``tc run paper``: the gate is asked first; a blocked run is recorded as the contract says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opslab.runs.finish import problems_of
from opslab.store.reader import Bundle

SCENARIOS = Path(__file__).parents[2] / "scenarios" / "runs"
SPEC = SCENARIOS / "btcusdt_paper.yaml"
RUN = "2026-05-20-btcusdt-paper-001"
ORDER = ["run_started", "paper_safety_checked", "paper_safety_blocked", "run_completed"]


@pytest.fixture
def home(place):
    return place / "artifacts" / "runs" / RUN


def pull(command, *whom):
    assert command("kill", "activate", *whom, "--reason", "nobody at the desk", "--actor", "ann").code == 0


def test_a_blocked_run_prints_the_contracts_lines(command, place, home):
    pull(command, "--run-id", RUN)
    told = command("run", "paper", "--spec", SPEC)
    assert (told.code, told.err) == (0, [])
    digest = json.loads((home / "metadata.json").read_text())["config_sha256"]
    assert told.out == [f"artifacts={home}", f"config_sha256={digest}", "status=safety_blocked"]
    assert problems_of(Bundle(home)) == []


def test_its_journal_is_the_contracts(command, home):
    pull(command, "--run-id", RUN)
    command("run", "paper", "--spec", SPEC)
    events = Bundle(home).journal
    assert [event["event"] for event in events] == ORDER
    assert [event["status"] for event in events] == ["running", "running", "safety_blocked", "safety_blocked"]
    checked, blocked = events[1], events[2]
    assert checked["kill_switch_state"] == blocked["kill_switch_state"] == "active"
    assert checked["control_signal"] == blocked["control_signal"] == "local_file_based"
    assert (checked["lifecycle_outcome"], blocked["result"]) == ("blocked_kill_switch", "blocked_kill_switch")


def test_its_metadata_and_metrics_are_the_contracts(command, home):
    pull(command, "--run-id", RUN)
    command("run", "paper", "--spec", SPEC)
    bundle = Bundle(home)
    found = bundle.metadata
    assert (found.status, found.lifecycle, found.is_placeholder) == ("safety_blocked", "paper_skeleton", True)
    execution = found.paper_execution
    assert (execution.status, execution.connectivity) == ("blocked", "none")
    assert (execution.session_type, execution.error) == ("blocked_kill_switch", None)
    assert found.engine_execution is None
    assert found.safety["lifecycle_outcome"] == "blocked_kill_switch"
    assert found.safety["kill_switch"]["last_reason"] == "nobody at the desk"
    metrics = json.loads((home / "metrics.json").read_text())
    assert metrics == {
        "schema_version": "v1",
        "run_id": RUN,
        "mode": "paper",
        "engine": "nautilus",
        "status": "safety_blocked",
        "is_placeholder": True,
        "engine_executed": False,
        "metrics": {},
        "connectivity": "none",
        "paper_lifecycle": "blocked_kill_switch",
        "heartbeat_count": 0,
        "synthetic_duration_seconds": 0,
    }


def test_its_report_has_the_contracts_headings(command, home):
    pull(command, "--run-id", RUN)
    command("run", "paper", "--spec", SPEC)
    lines = (home / "report.md").read_text().splitlines()
    headings = [line[3:] for line in lines if line.startswith("## ")]
    assert headings[:3] == ["Safety status", "Skeleton Session Summary", "Explicit Non-Features"]
    assert headings[-1] == "Disclaimer"
    for line in ("- mode: paper", "- status: safety_blocked", "- heartbeat_count: 0", "- connectivity: none"):
        assert line in lines
    assert "- lifecycle_outcome: blocked_kill_switch" in lines


def test_a_later_clearing_keeps_what_the_gate_decided(command, home):
    pull(command, "--run-id", RUN)
    command("run", "paper", "--spec", SPEC)
    command("kill", "clear", "--run-id", RUN, "--reason", "back", "--actor", "ann")
    safety = Bundle(home).metadata.safety
    assert safety["kill_switch"]["state"] == "cleared"
    assert (safety["lifecycle_outcome"], safety["at_start"]["state"]) == ("blocked_kill_switch", "active")
    assert problems_of(Bundle(home)) == []


def test_the_global_switch_blocks_every_run(command, home):
    pull(command, "--all")
    assert command("run", "paper", "--spec", SPEC).out[-1] == "status=safety_blocked"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"state":"cleared"}'])
def test_a_malformed_switch_blocks_too(command, place, home, content):
    root = place / "runtime" / "kill_switch"
    root.mkdir(parents=True)
    (root / f"{RUN}.state.json").write_bytes(content)
    told = command("run", "paper", "--spec", SPEC)
    assert (told.code, told.out[-1]) == (0, "status=safety_blocked")
    assert Bundle(home).metadata.safety["at_start"]["reasons"]


def test_limits_are_part_of_what_the_gate_records(command, place, home):
    spec = place / "limited.yaml"
    spec.write_text(SPEC.read_text().replace("profile: tiny", "profile: tiny\n  limits: {max_open_orders: 3}"))
    pull(command, "--run-id", RUN)
    command("run", "paper", "--spec", spec)
    assert Bundle(home).journal[1]["limits"]["max_open_orders"] == 3
    assert "- limit max_open_orders: 3" in (home / "report.md").read_text()


def test_a_taken_run_id_is_refused(command, home):
    pull(command, "--run-id", RUN)
    command("run", "paper", "--spec", SPEC)
    before = {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
    told = command("run", "paper", "--spec", SPEC)
    assert told.code == 1
    assert "is taken" in told.err[0]
    assert {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()} == before


def test_a_lab_without_a_marker_refuses(command, place, home):
    pull(command, "--run-id", RUN)
    (place / "opslab.toml").unlink()
    told = command("run", "paper", "--spec", SPEC)
    assert told.code == 1
    assert "a paper run needs a lab with a marker" in told.err[0]
    assert not home.exists()


def test_a_backtest_spec_is_refused(command, place):
    told = command("run", "paper", "--spec", SCENARIOS / "btcusdt_backtest.run.yaml")
    assert told.code == 1
    assert "mode is 'backtest', not 'paper'" in told.err[0]
    assert not (place / "artifacts").exists()


def test_an_open_gate_lets_it_trade_in_a_venue_of_its_own(command, place, home):
    assert command("data", "prepare", "--dataset", "btcusdt-sample").code == 0
    spec = place / "short.yaml"
    spec.write_text(SPEC.read_text() + "execution: {max_bars: 3, pace: 600, max_seconds: 20}\n")
    told = command("run", "paper", "--spec", spec)
    assert (told.code, told.err, told.out[-1:]) == (0, [], ["status=completed"])
    found = Bundle(home)
    assert found.metadata.paper_execution.venue.host == "process"
    assert found.metadata.paper_execution.counters.bars_seen >= 3
    assert problems_of(found) == []


def test_a_missing_dataset_is_one_line_and_leaves_nothing(command, home):
    told = command("run", "paper", "--spec", SPEC)
    assert told.code == 1
    assert "btcusdt-sample" in told.err[0]
    assert not home.exists()


def test_other_inputs_than_expected_are_refused_and_nothing_is_written(command, place):
    assert command("data", "prepare", "--dataset", "btcusdt-sample").code == 0
    before = sorted((place / "artifacts").rglob("*")) if (place / "artifacts").exists() else []
    told = command("run", "paper", "--spec", SPEC, "--expect-inputs", "0" * 64)
    assert (told.code, told.out, len(told.err)) == (1, [], 1)
    assert f"expected was '{'0' * 64}'" in told.err[0]
    assert (sorted((place / "artifacts").rglob("*")) if (place / "artifacts").exists() else []) == before
