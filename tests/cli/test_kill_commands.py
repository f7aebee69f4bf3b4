"""``tc kill``: the contract's lines and exit codes, the global switch, doubts, and what is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.cli.kill_console import activate, clear, lines, made_lab, state, tc, use
from typer.testing import CliRunner

from opslab.cli.kill import app
from opslab.clock import SystemClock
from opslab.errors import OpsLabError, StoreError
from opslab.safety.switches import KillSwitches
from opslab.store.journal import Journal, read_chain

if TYPE_CHECKING:
    from opslab.root import Lab

# Typer itself loads pydantic; what of the lab needs it is named instead.
HEAVY = (
    "pandas",
    "numpy",
    "pyarrow",
    "nautilus_trader",
    "yaml",
    "opslab.engine",
    "opslab.contract.base",
    "opslab.runs",
)


@pytest.fixture
def lab(tmp_path, monkeypatch) -> Lab:
    return made_lab(tmp_path / "lab", monkeypatch)


def refusal(*words: object) -> str:
    result = tc(*words)
    assert isinstance(result.exception, OpsLabError), result.output
    assert not result.stdout
    return str(result.exception)


def test_activate_clear_and_status_print_exactly_the_contracts_lines(lab):
    path = lab.kill_switch / "k1.state.json"
    assert lines("status", "--run-id", "k1") == ["run_id=k1", "state=absent"]
    assert activate() == [
        "run_id=k1",
        "state=active",
        "event=kill_activated",
        "reason=drawdown",
        "actor=ann",
        f"state_path={path}",
    ]
    stamp = json.loads(path.read_text())["updated_at_utc"]
    told = ["run_id=k1", "state=active", f"updated_at_utc={stamp}", "last_reason=drawdown", "last_actor=ann"]
    *said, stands = lines("status", "--run-id", "k1")
    assert said == told
    assert stands.startswith("unacknowledged_for=")
    assert clear()[1:5] == ["state=cleared", "event=kill_cleared", "reason=checked", "actor=ben"]
    *_, who = lines("status", "--run-id", "k1")
    assert who.startswith("acknowledged=by ben at ")
    assert who.endswith(": checked (pulled by ann at " + stamp + ": drawdown)")
    assert state() == "state=cleared"


def test_status_as_json_is_the_state_file_or_says_absent(lab):
    absent = lines("status", "--run-id", "k1", "--json")
    assert json.loads("\n".join(absent)) == {"schema_version": "v1", "run_id": "k1", "state": "absent"}
    for command in (activate, clear):
        command()
        assert (
            "\n".join(lines("status", "--run-id", "k1", "--json")) + "\n"
            == (lab.kill_switch / "k1.state.json").read_text()
        )


def test_the_json_of_all_says_what_became_of_the_pull(lab):
    assert "pull" not in json.loads("\n".join(lines("status", "--all", "--json")))
    lines("activate", "--all", "--reason", "exchange down", "--actor", "ann")
    for which in (("--all",), ("--run-id", "k1")):
        pull = json.loads("\n".join(lines("status", *which, "--json")))["pull"]
        assert pull["unacknowledged_for"] >= 0
        assert pull["acknowledged"] is None
    lines("clear", "--all", "--reason", "back", "--actor", "ben")
    document = json.loads("\n".join(lines("status", "--all", "--json")))
    assert document["pull"]["unacknowledged_for"] is None
    who = document["pull"]["acknowledged"]
    assert (who["by"], who["reason"], who["at"]) == ("ben", "back", document["cleared_at_utc"])
    assert (who["pulled_by"], who["pulled_for"], who["pulled_at"]) == (
        "ann",
        "exchange down",
        document["active_since_utc"],
    )


def test_the_global_switch_covers_every_run(lab):
    clear()
    told = lines("activate", "--all", "--reason", "exchange down", "--actor", "ann")
    assert told[:2] == ["run_id=_global", "state=active"]
    for run_id in ("k1", "never-seen"):
        said = lines("status", "--run-id", run_id)
        assert said[1] == "state=active"
        assert said[3:-1] == ["last_reason=exchange down", "last_actor=ann", "decided_by=_global"]
        document = json.loads("\n".join(lines("status", "--run-id", run_id, "--json")))
        assert (document["state"], document["decided_by"], document["run_id"]) == ("active", "_global", run_id)
    assert "still forbidden" in tc("clear", "--run-id", "k1", "--reason", "x").stderr
    lines("clear", "--all", "--reason", "back", "--actor", "ann")
    assert (state("k1"), state("never-seen")) == ("state=cleared", "state=absent")


def test_status_says_why_a_switch_is_doubtful_and_exits_0(lab):
    activate()
    clear()
    (lab.kill_switch / "k1.state.json").write_text("{")
    assert lines("status", "--run-id", "k1") == [
        "run_id=k1",
        "state=active",
        "updated_at_utc=unknown",
        "last_reason=unknown",
        "last_actor=unknown",
        "doubt=k1.state.json is not JSON (Expecting property name enclosed in double quotes, line 1)",
        "unacknowledged_for=unknown",
    ]
    document = json.loads("\n".join(lines("status", "--run-id", "k1", "--json")))
    assert (document["state"], document["last_event_id"], len(document["doubts"])) == ("active", None, 1)


def test_status_tells_an_activation_that_only_its_mark_records(lab):
    activate()
    clear()
    mark = lab.kill_switch / f"k1.trip-{'0a' * 16}"
    mark.touch()
    told = lines("status", "--run-id", "k1")
    assert told[1] == "state=active"
    assert told[5].startswith(f"trip=k1 activated, which {mark.name} alone records")
    document = json.loads("\n".join(lines("status", "--run-id", "k1", "--json")))
    assert (document["state"], len(document["trips"])) == ("active", 1)
    clear()
    assert state() == "state=cleared"


def test_status_tells_which_root_decided(lab, monkeypatch):
    elsewhere = replace(lab, kill_switch=lab.root / "elsewhere")
    activate()
    clear()
    use(monkeypatch, elsewhere)
    activate()
    lines("clear", "--all", "--reason", "x", "--actor", "ann")
    clear()
    KillSwitches(lab.kill_switch, SystemClock()).activate("k1", "x", "ann")
    assert lines("status", "--run-id", "k1")[-2] == f"decided_in={lab.kill_switch}"
    document = json.loads("\n".join(lines("status", "--run-id", "k1", "--json")))
    assert (document["state"], document["decided_in"]) == ("active", str(lab.kill_switch))


def test_a_doubtful_switch_is_cleared_only_after_an_activation_by_name(lab):
    activate()
    clear()
    (lab.kill_switch / "k1.events.jsonl").write_text("")
    told = refusal("clear", "--run-id", "k1", "--reason", "x")
    assert "stays active: k1.events.jsonl is empty" in told
    assert "`tc kill activate --run-id k1`" in told
    activate()
    clear()
    assert state() == "state=cleared"


@pytest.mark.parametrize("command", ["activate", "clear"])
@pytest.mark.parametrize("words", [("--run-id", "k1", "--reason", " "), ("--run-id", "", "--reason", "x")])
def test_a_blank_id_or_reason_is_an_error(lab, command, words):
    refusal(command, *words)
    assert not lab.kill_switch.exists()


@pytest.mark.parametrize(
    "words",
    [("status",), ("status", "--run-id", "k1", "--all"), ("activate", "--run-id", "k1"), ("clear", "--reason", "x")],
)
def test_wrong_usage_exits_2(lab, words):
    assert tc(*words).exit_code == 2


@pytest.mark.parametrize(
    ("named", "user", "actor"),
    [("ann", "ben", "ann"), (None, "ben", "ben"), (None, None, "unknown"), ("  ", "", "unknown")],
)
def test_the_actor_is_named_or_the_user_or_unknown(lab, monkeypatch, named, user, actor):
    monkeypatch.delenv("USER", raising=False)
    if user is not None:
        monkeypatch.setenv("USER", user)
    words = ["--actor", named] if named is not None else []
    assert f"actor={actor}" in lines("activate", "--run-id", "k1", "--reason", "x", *words)


def test_a_reason_of_several_lines_is_printed_on_one(lab):
    told = lines("activate", "--run-id", "k1", "--reason", "one\nstate=cleared", "--actor", "ann")
    assert told[3] == "reason=one\\nstate=cleared"
    assert len(lines("status", "--run-id", "k1")) == 6


def test_the_journal_of_a_run_gets_the_same_event(lab):
    bundle = lab.runs / "k1"
    bundle.mkdir(parents=True)
    Journal(bundle / "journal.jsonl", "k1").append({"event": "run_started"})
    activate()
    told, kept = (
        read_chain(path.read_bytes()).events[-1]
        for path in (bundle / "journal.jsonl", lab.kill_switch / "k1.events.jsonl")
    )
    chain = {"seq", "prev_sha256"}
    assert {key: told[key] for key in told.keys() - chain} == {key: kept[key] for key in kept.keys() - chain}


@pytest.mark.parametrize("words", [["status"], ["activate", "--reason", "x"], ["clear", "--reason", "x"]])
def test_the_commands_load_nothing_heavy(lab, words):
    bundle = lab.runs / "k1"
    bundle.mkdir(parents=True)
    Journal(bundle / "journal.jsonl", "k1").append({"event": "run_started"})
    code = (
        "import json, sys, types\nfrom opslab.cli.kill import app\nfrom opslab.root import find_lab\n"
        "from opslab.clock import SystemClock\nfrom pathlib import Path\n"
        "lab = find_lab(sys.argv[1], {}, [Path()])\n"
        "sys.modules['opslab.cli.main'] = types.SimpleNamespace(current_lab=lambda **_: lab, system_clock=SystemClock)\n"
        "app(sys.argv[2:], standalone_mode=False)\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(lab.root), words[0], "--run-id", "k1", *words[1:]],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == "[]\n"


def test_an_activation_that_can_write_nothing_is_an_error(lab):
    lab.kill_switch.parent.parent.joinpath("runtime").write_text("a file where the directory should be")
    with pytest.raises(StoreError, match="NOT ACTIVATED"):
        CliRunner().invoke(app, ["activate", "--run-id", "k1", "--reason", "x"], catch_exceptions=False)
