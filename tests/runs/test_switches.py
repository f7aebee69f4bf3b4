"""A backtest records what the kill switches say, and a switch that is pulled later shows without touching its facts."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from opslab.cli import main
from opslab.clock import SystemClock
from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.registry import standard_registry
from opslab.root import find_lab
from opslab.runs.backtest import run_backtest
from opslab.runs.finish import problems_of
from opslab.safety.switches import KillSwitches
from opslab.samples import sample_spec
from opslab.store.reader import Bundle


def ran(tmp_path, run_id):
    lab = find_lab(tmp_path, {}, [tmp_path])
    prepare(lab, "btcusdt-sample")
    return lab, run_backtest(lab, read_spec(sample_spec()), standard_registry(), run_id=run_id)


def test_without_a_switch_the_run_says_absent(tmp_path):
    _, bundle = ran(tmp_path, "r1")
    assert bundle.metadata.safety["kill_switch"]["state"] == "absent"
    assert problems_of(bundle) == []


def test_a_backtest_records_a_pulled_switch_and_runs(tmp_path):
    lab = find_lab(tmp_path, {}, [tmp_path])
    KillSwitches.of(lab, SystemClock()).activate("r1", "lost the feed", "ann")
    _, bundle = ran(tmp_path, "r1")
    assert bundle.metadata.status == "completed"
    assert bundle.metadata.safety["kill_switch"]["state"] == "active"
    assert bundle.metadata.safety["at_start"]["reasons"] == ["r1 activated by ann: lost the feed"]
    assert problems_of(bundle) == []


def test_a_switch_pulled_after_a_run_shows_and_leaves_its_facts(tmp_path):
    lab, bundle = ran(tmp_path, "r1")
    sealed = (bundle.path / "manifest.json").read_bytes()
    words = ["--root", str(tmp_path), "kill", "activate", "--run-id", "r1", "--reason", "late", "--actor", "ann"]
    result = CliRunner().invoke(main.app, words)
    assert result.exit_code == 0
    after = Bundle(bundle.path)
    assert after.metadata.safety["kill_switch"]["state"] == "active"
    assert after.metadata.safety["kill_switch"]["last_reason"] == "late"
    assert after.metadata.safety["at_start"]["state"] == "absent"
    assert (bundle.path / "manifest.json").read_bytes() == sealed
    assert problems_of(after) == []
    assert json.loads((lab.kill_switch / "r1.state.json").read_text())["state"] == "active"
