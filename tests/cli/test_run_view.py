"""``tc run list`` and ``tc run show``, and what other commands give to scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SPEC = Path(__file__).parents[2] / "scenarios" / "runs" / "btcusdt_backtest.run.yaml"
RUN = "2026-05-20-btcusdt-backtest-001"


@pytest.fixture
def runs(command, place) -> Path:
    """Three runs: one of `tc`, one of a drill, one that cannot be read."""
    assert command("run", "init", "--spec", SPEC).code == 0
    runs = place / "artifacts" / "runs"
    broken = runs / "broken"
    broken.mkdir()
    (broken / "metadata.json").write_text("{\x1b[2J")
    drilled = runs / "drilled"
    drilled.mkdir()
    content = json.loads((runs / RUN / "metadata.json").read_text())
    (drilled / "metadata.json").write_text(json.dumps({**content, "run_id": "drilled", "session_id": "s"}))
    return runs


def test_an_empty_lab_names_the_next_command(command, place):
    told = command("run", "list")
    assert (told.code, told.out, told.err) == (0, ["no runs; `tc run backtest --spec FILE` makes one"], [])
    assert command("run", "list", "--json").out == ["[]"]


def test_the_list_shows_own_runs_and_counts_those_of_drills(command, runs):
    told = command("run", "list")
    assert told.code == 0
    shown = "\n".join(told.out)
    assert RUN in shown
    assert "initialized" in shown
    assert "drilled" not in shown
    assert told.err[-1] == "note: 1 made by drills; --all shows them too"


def test_a_damaged_run_hides_no_other_and_is_told_in_one_line(command, runs):
    told = command("run", "list", "--all")
    assert told.code == 0
    assert "unreadable" in "\n".join(told.out)
    assert "drilled" in "\n".join(told.out)
    assert "\x1b" not in "".join((*told.out, *told.err))
    assert len(told.err) == 1


def test_the_list_for_scripts(command, runs):
    rows = json.loads("\n".join(command("run", "list", "--json", "--all").out))
    assert {row["run_id"]: row["status"] for row in rows} == {
        "broken": "unreadable",
        RUN: "initialized",
        "drilled": "initialized",
    }


def test_one_run_is_shown(command, runs):
    told = command("run", "show", "--run-id", RUN)
    assert told.code == 0
    assert told.out[:3] == [f"run_id={RUN}", "mode=backtest", "status=initialized"]
    shown = json.loads("\n".join(command("run", "show", "--run-id", RUN, "--json").out))
    assert shown == json.loads((runs / RUN / "metadata.json").read_text())


@pytest.mark.parametrize("run_id", ["nope", "../x", "broken"])
def test_what_cannot_be_shown_is_one_line(command, runs, run_id):
    told = command("run", "show", "--run-id", run_id)
    assert (told.code, told.out, len(told.err)) == (1, [], 1)


def test_a_run_that_is_not_there_names_the_command_that_lists_them(command, place):
    assert command("run", "show", "--run-id", "nope").err[0].endswith("; `tc run list` names the runs there are")


def test_verify_tells_scripts_the_same(command, runs):
    told = command("run", "verify", "--run-id", RUN, "--json")
    content = json.loads("\n".join(told.out))
    assert (told.code, content["run_id"], content["verified"]) == (1, RUN, False)
    assert content["problems"][0].keys() == {"path", "what"}
    assert len(told.err) == 1


def test_validate_tells_scripts_the_whole_spec(command, place):
    told = command("spec", "validate", "--spec", SPEC, "--json")
    content = json.loads("\n".join(told.out))
    assert (told.code, content["valid"], content["spec"]["run_id"]) == (0, True, RUN)
    assert content["spec"]["seed"] == 0  # a default
