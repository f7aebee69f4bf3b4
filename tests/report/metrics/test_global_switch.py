"""The lab's global switch on ``/metrics``: as it is now, and active whenever that cannot be told."""

from __future__ import annotations

import os

import pytest

from opslab.clock import SystemClock
from opslab.contract.switch_rules import GLOBAL
from opslab.report.metrics.exporter import Exporter
from opslab.report.metrics.exposition import Format
from opslab.safety.switches import KillSwitches


def shown(place):
    return {key[1:]: value for key, value in place.samples().items() if key[0] == "kill_switch_global_state"}


@pytest.fixture
def switches(place):
    return KillSwitches.of(place.lab, SystemClock())


def test_the_global_switch_is_shown_as_it_is_now(place, switches):
    place.run("r1")
    assert shown(place) == {("absent",): 0}
    switches.activate(GLOBAL, "drill", "tester")
    assert shown(place) == {("active",): 2}
    switches.clear(GLOBAL, "over", "tester")
    assert shown(place) == {("cleared",): 1}
    assert place.told == []


def test_the_switch_of_one_run_is_not_the_global_one(place, switches):
    switches.activate("r1", "drill", "tester")
    assert shown(place) == {("absent",): 0}


@pytest.mark.parametrize("name", ["_global.state.json", "_global.events.jsonl"])
def test_a_doubtful_switch_is_active_and_says_why(place, switches, name):
    switches.activate(GLOBAL, "drill", "tester")
    switches.clear(GLOBAL, "over", "tester")
    os.truncate(switches.root / name, 10)
    assert shown(place) == {("active",): 2}
    assert [line for line in place.told if line.startswith("doubtful kill switch ") and name in line]


@pytest.mark.parametrize(
    "make",
    [lambda root: root.write_text(""), lambda root: root.symlink_to(root.name), os.mkfifo],
    ids=["file", "loop", "pipe"],
)
def test_a_root_that_is_no_directory_is_active(place, make):
    place.lab.kill_switch.parent.mkdir(parents=True)
    make(place.lab.kill_switch)
    assert shown(place) == {("active",): 2}
    assert place.samples()["artifacts_root_readable",] == 1


def test_an_error_while_reading_is_active(place, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(KillSwitches, "watch", fail)
    assert shown(place) == {("active",): 2}
    assert any("Permission denied" in line for line in place.told)


def test_without_a_lab_no_state_is_claimed(place):
    exporter = Exporter(place.runs, place.evidence, only=None, tell=place.told.append)
    assert b"kill_switch_global_state" not in exporter.scrape(Format.TEXT).content()
