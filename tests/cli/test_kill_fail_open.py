"""Every way in which the earlier lab's kill switch failed open (contract 7), as a regression test of ``tc kill``."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest
from tests.cli.kill_console import activate, clear, lines, made_lab, state, tc, use
from typer.testing import CliRunner

from opslab.cli.kill import app
from opslab.errors import IdError
from opslab.root import ENV_PREFIX, Lab, find_lab


@pytest.fixture
def lab(tmp_path, monkeypatch) -> Lab:
    return made_lab(tmp_path / "lab", monkeypatch)


def test_an_artifact_disk_that_cannot_be_written_leaves_the_switch_active(lab):
    lab.runs.parent.mkdir(parents=True)
    lab.runs.write_text("not a directory")
    activate()
    assert state() == "state=active"


def test_a_run_journal_that_cannot_be_written_leaves_the_switch_active_with_a_warning(lab):
    bundle = lab.runs / "k1"
    (bundle / "journal.jsonl").mkdir(parents=True)
    (bundle / "manifest.json").write_text("{}")
    (bundle / "post.jsonl").mkdir()
    assert "warning: run k1 was not told" in tc("activate", "--run-id", "k1", "--reason", "x").stderr
    assert state() == "state=active"


def test_a_deleted_state_file_does_not_open(lab):
    activate()
    (lab.kill_switch / "k1.state.json").unlink()
    assert state() == "state=active"


def test_a_duplicate_key_does_not_open(lab):
    activate()
    path = lab.kill_switch / "k1.state.json"
    path.write_text(path.read_text().replace('"state": "active"', '"state": "active",\n  "state": "cleared"'))
    assert state() == "state=active"


def test_another_runs_state_file_does_not_open(lab):
    activate("k1")
    activate("k2")
    clear("k2")
    (lab.kill_switch / "k1.state.json").write_bytes((lab.kill_switch / "k2.state.json").read_bytes())
    assert state("k1") == "state=active"


def test_an_aliased_run_id_is_refused(lab):
    activate()
    with pytest.raises(IdError):
        CliRunner().invoke(app, ["status", "--run-id", "x/../k1"], catch_exceptions=False)


@pytest.mark.parametrize("below", ["", "deep/er"])
def test_another_working_directory_of_the_lab_does_not_open(lab, monkeypatch, below):
    activate()
    inside = lab.root / below
    inside.mkdir(parents=True, exist_ok=True)
    use(monkeypatch, find_lab(None, {}, [inside]))
    assert state() == "state=active"


def test_status_outside_of_a_lab_says_that_no_lab_is_meant(lab, monkeypatch, tmp_path):
    """Absent, as the contract has it for no file; a paper run refuses there whatever the switch says."""
    activate()
    use(monkeypatch, find_lab(None, {}, [tmp_path]))
    result = tc("status", "--run-id", "k1")
    assert "state=absent" in result.stdout
    assert "nothing says that" in result.stderr


def test_activating_outside_of_a_lab_says_that_no_lab_was_meant(lab, monkeypatch, tmp_path):
    use(monkeypatch, find_lab(None, {}, [tmp_path]))
    result = tc("activate", "--run-id", "k1", "--reason", "x")
    assert result.exit_code == 0
    assert "nothing says that" in result.stderr
    assert state() == "state=active"


def test_a_mistyped_root_does_not_open(lab, monkeypatch):
    activate()
    use(monkeypatch, find_lab(lab.root, {ENV_PREFIX + "RUNTIME_ROOT": "runtime/kill_swich"}, [lab.root]))
    assert state() == "state=active"


def test_a_trip_that_was_sent_to_a_mistyped_root_reaches_the_right_one(lab, monkeypatch):
    activate()
    clear()
    use(monkeypatch, find_lab(lab.root, {ENV_PREFIX + "RUNTIME_ROOT": "runtime/kill_swich"}, [lab.root]))
    activate()
    use(monkeypatch, lab)
    *told, stands = lines("status", "--run-id", "k1")[1:]
    assert told == ["state=active", *(f"{name}={value}" for name, value in told_by(lab).items())]
    assert stands.startswith("unacknowledged_for=")


def told_by(lab) -> dict[str, str]:
    record = json.loads((lab.kill_switch / "k1.state.json").read_text())
    return {name: record[name] for name in ("updated_at_utc", "last_reason", "last_actor")}


def test_a_root_that_an_activation_missed_is_an_error_after_everything_was_told(lab, monkeypatch):
    from opslab.safety.switches import KillSwitches

    real = KillSwitches.activate
    monkeypatch.setattr(
        KillSwitches, "activate", lambda *words: dataclasses.replace(real(*words), missed=("elsewhere: full",))
    )
    result = tc("activate", "--run-id", "k1", "--reason", "x", "--actor", "ann")
    assert "state=active" in result.stdout
    assert "activated, but NOT in elsewhere: full; name the root" in str(result.exception)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]"])
def test_a_corrupt_state_does_not_stop_an_activation(lab, content):
    activate()
    (lab.kill_switch / "k1.state.json").write_bytes(content)
    activate()
    assert lines("status", "--run-id", "k1")[2:] != []
    assert "doubt" not in "\n".join(lines("status", "--run-id", "k1"))


def test_processes_at_once_all_succeed(lab):
    code = "import opslab.cli.main as tc; tc.main()"
    words = [sys.executable, "-c", code, "--root", str(lab.root), "kill", "activate", "--run-id", "k1", "--reason", "x"]
    callers = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(12)]
    told = [(caller.communicate(), caller.returncode) for caller in callers]
    assert {(errors, code) for (_, errors), code in told} == {(b"", 0)}
    assert len((lab.kill_switch / "k1.events.jsonl").read_bytes().splitlines()) == 12


def test_a_trip_stays_latched_in_a_new_process_until_it_is_cleared(lab):
    activate()
    code = (
        "import sys; from pathlib import Path; from opslab.clock import SystemClock; from opslab.root import find_lab; "
        "from opslab.safety.switches import KillSwitches; "
        "print(KillSwitches.of(find_lab(sys.argv[1], {}, [Path()]), SystemClock()).gate('k1').blocked)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(lab.root)], check=True, capture_output=True, text=True)
    assert done.stdout == "True\n"
