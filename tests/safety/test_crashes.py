"""Killed at every step, out of disk at every size, 150 processes at once: never less than active, nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


IN_ORDER = {"state": "active", "doubts": []}


def rehearse(mode: str, directory: Path, script: str = "tests.safety.dying"):
    words = [sys.executable, "-m", script, mode, str(directory), *(["none"] if script != "tests.safety.dying" else [])]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=REPOSITORY)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory):
    return rehearse("kill", tmp_path_factory.mktemp("kill"))


@pytest.fixture(scope="module")
def full_disks(tmp_path_factory: pytest.TempPathFactory):
    return rehearse("full", tmp_path_factory.mktemp("full"))


def test_each_command_was_killed_at_every_step_until_it_came_through(kills):
    for name, attempts in kills.items():
        assert all(attempt["died"] for attempt in attempts[:-1]), name
        assert (attempts[-1]["died"], attempts[-1]["code"]) == (False, 0), name
        assert len(attempts) > 8, name


def test_an_activation_that_was_killed_stays_active_from_the_step_at_which_it_became_durable(kills):
    for name, before in (("activate-absent", "absent"), ("activate-cleared", "cleared")):
        states = [attempt["state"] for attempt in kills[name]]
        first = states.index("active")
        assert states == [before] * first + ["active"] * (len(states) - first), name
        # Nothing else happens before the mark is durable, which waits for no lock.
        names = {
            file for attempt in kills[name][:first] for file in attempt["files"] if not file.startswith(".staging")
        }
        known = {"index.jsonl", "k1.events.jsonl", "k1.state.json", "switches.lock"}
        assert names == (known if before == "cleared" else set()), name


@pytest.mark.parametrize(
    "name", ["activate-active", "activate-broken-state", "activate-blocked-state", "activate-broken-index"]
)
def test_an_activation_of_what_reads_as_active_is_never_less_at_any_step(kills, name):
    assert {attempt["state"] for attempt in kills[name]} == {"active"}


def test_a_clear_that_was_killed_never_opens_the_switch(kills):
    assert {attempt["state"] for attempt in kills["clear-active"][:-1]} == {"active"}
    assert kills["clear-active"][-1]["state"] == "cleared"
    assert {attempt["state"] for attempt in kills["clear-absent"][:-1]} <= {"absent", "active"}


def test_after_any_death_the_next_activation_puts_everything_in_order(kills):
    assert all(attempt["again"] == IN_ORDER for attempts in kills.values() for attempt in attempts)


def test_the_dead_leave_something_half_written_and_the_next_activation_clears_it(kills):
    attempts = [attempt for attempts in kills.values() for attempt in attempts]
    assert any(name.startswith(".staging-") for attempt in attempts for name in attempt["files"])
    assert [attempt["litter"] for attempt in attempts if attempt["litter"]] == []


def test_an_activation_succeeds_on_a_full_disk(full_disks):
    for name, attempts in full_disks.items():
        if name.startswith("activate"):
            assert {(attempt["code"], attempt["state"]) for attempt in attempts} == {(0, "active")}, name


def test_the_smallest_disks_were_full_and_the_largest_were_not(full_disks):
    for name in ("activate-absent", "activate-active", "activate-cleared"):
        assert full_disks[name][0]["doubts"], name
        assert not full_disks[name][-1]["doubts"], name


def test_a_clear_on_a_full_disk_either_is_complete_or_leaves_the_switch_as_it_was_or_active(full_disks):
    ends = {(attempt["code"], attempt["state"]) for attempt in full_disks["clear-active"]}
    assert ends == {(3, "active"), (0, "cleared")}
    ends = {(attempt["code"], attempt["state"]) for attempt in full_disks["clear-absent"]}
    assert ends <= {(3, "active"), (3, "absent"), (0, "cleared")}


def test_after_a_full_disk_the_next_activation_puts_everything_in_order(full_disks):
    assert all(attempt["again"] == IN_ORDER for attempts in full_disks.values() for attempt in attempts)


def test_150_processes_at_once_all_succeed_and_every_event_is_kept(tmp_path):
    found = rehearse("contend", tmp_path, "fixtures.pulling")["contention"]
    assert len(found["callers"]) + len(found["readers"]) == 150
    assert {caller["error"] for caller in found["callers"] + found["readers"]} == {None}
    assert [caller["warnings"] for caller in found["callers"] if caller["warnings"]] == []
    acknowledged = sorted(caller["event_id"] for caller in found["callers"])
    assert sorted(event for switch in found["switches"].values() for event in switch["events"]) == acknowledged
    assert {(switch["state"], *switch["doubts"], *switch["broken"]) for switch in found["switches"].values()} == {
        ("active",)
    }
