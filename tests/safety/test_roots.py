"""The directory of the switches, and which one is meant: deleted, moved, mistyped, shared, or not of a lab at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from opslab.root import find_lab
from opslab.safety.switches import KillSwitches

if TYPE_CHECKING:
    from pathlib import Path


def puts_in_order(switches: KillSwitches, name: str = "k1") -> None:
    switches.activate(name, "again", "ann")
    switches.clear(name, "checked", "ben")
    assert (switches.read(name).state, switches.read(name).doubts) == ("cleared", ())


def is_doubtful(switches: KillSwitches, name: str = "k1") -> bool:
    reading = switches.read(name)
    return reading.state == "active" and not reading.is_trusted


@pytest.mark.parametrize("also", ["", "kill_switch.anchor.json"])
def test_the_whole_directory_deleted_reads_as_active(cleared, lab, also):
    for path in cleared.root.iterdir():
        path.unlink()
    cleared.root.rmdir()
    if also:
        (lab.root / "runtime" / also).unlink()
    assert all(is_doubtful(cleared, name) for name in ("k1", "never-seen"))
    puts_in_order(cleared)
    assert cleared.gate("never-seen").blocked


def test_the_directory_replaced_by_a_file_reads_as_active_and_is_put_in_order(cleared):
    cleared.root.rename(cleared.root.with_name("moved"))
    cleared.root.write_text("not a directory")
    assert is_doubtful(cleared)
    puts_in_order(cleared)


def test_switch_files_without_an_index_read_as_active(switches):
    switches.root.mkdir(parents=True)
    (switches.root / "old.state.json").write_text("{}")
    assert is_doubtful(switches, "old")
    assert is_doubtful(switches, "another")


def test_another_root_than_the_labs_reads_as_active(cleared, lab, clock):
    mistyped = KillSwitches.of(replace(lab, kill_switch=lab.root / "runtime" / "kill_swich"), clock)
    assert is_doubtful(mistyped)
    mistyped.activate("k2", "x", "ann")
    assert mistyped.gate("k1").blocked


def test_a_directory_that_nobody_called_a_lab_has_no_switches_until_it_is_used(tmp_path, clock):
    switches = KillSwitches.of(find_lab(None, {}, [tmp_path]), clock)
    assert switches.gate("k1").state == "absent"
    puts_in_order(switches)
    assert switches.gate("k1").state == "cleared"


def test_a_root_named_by_itself_is_the_same_from_every_directory(tmp_path, clock):
    named = {"TRADINGCHASSIS_OPS_LAB_RUNTIME_ROOT": str(tmp_path / "shared")}
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    KillSwitches.of(find_lab(None, named, [here]), clock).activate("k1", "x", "ann")
    reading = KillSwitches.of(find_lab(None, named, [there]), clock).read("k1")
    assert (reading.state, reading.doubts) == ("active", ())


def test_a_lab_moved_as_a_whole_keeps_its_switches(cleared, lab, clock, tmp_path: Path):
    lab.root.rename(tmp_path / "moved")
    moved = KillSwitches.of(find_lab(tmp_path / "moved", {}, [tmp_path]), clock)
    assert moved.read("k1").state == "cleared"
    moved.activate("k2", "x", "ann")
    assert moved.read("k2").is_trusted
