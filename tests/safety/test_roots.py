"""The directory of the switches, and which one is meant: deleted, moved, mistyped, shared, or not of a lab at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from opslab.contract.encoding import pretty_json
from opslab.contract.switch_rules import GLOBAL
from opslab.errors import OpsLabError, StoreError
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


@pytest.fixture
def mistyped(cleared, lab, clock) -> KillSwitches:
    """The switches of the same lab, asked in another root; ``k1`` was cleared in the right one."""
    return KillSwitches.of(replace(lab, kill_switch=lab.root / "runtime" / "kill_swich"), clock)


def list_of(lab):
    return lab.root / "runtime" / "kill_switch.roots.json"


def test_a_trip_in_a_mistyped_root_is_made_in_the_right_one_too(cleared, mistyped):
    watch = cleared.watch("k1")
    assert not watch.decision().blocked
    mistyped.activate("k1", "drawdown", "ann")
    assert watch.decision().blocked
    assert cleared.read("k1").record["last_reason"] == "drawdown"
    assert cleared.read("k1").is_trusted


def test_a_trip_in_the_right_root_is_seen_from_a_mistyped_one_that_is_in_use(cleared, mistyped):
    mistyped.activate(GLOBAL, "why", "ann")
    mistyped.clear(GLOBAL, "why", "ann")
    watch = mistyped.watch("k1")
    assert not watch.decision().blocked
    (mistyped.root / "k1.state.json").unlink(missing_ok=True)
    alone = KillSwitches(cleared.root, cleared._clock)
    alone.activate("k1", "drawdown", "ann")
    assert watch.decision().reasons == (f"k1 activated by ann: drawdown (in {cleared.root})",)
    assert watch.decision() == mistyped.gate("k1")


def test_a_clear_opens_every_root_of_the_lab(cleared, mistyped):
    mistyped.activate("k1", "why", "ann")
    for name in (GLOBAL, "k1"):
        cleared.clear(name, "it was mistyped", "ben")
    assert not cleared.gate("k1").blocked
    assert not mistyped.gate("k1").blocked


def test_a_clear_is_refused_while_another_root_is_doubtful(cleared, mistyped):
    mistyped.activate("k1", "why", "ann")
    (mistyped.root / "k1.state.json").write_bytes(b"{")
    with pytest.raises(StoreError, match=r"k1 in .*kill_swich: is doubtful"):
        cleared.clear("k1", "fine", "ben")
    assert cleared.read("k1").state == "active"


def test_the_default_root_is_pulled_even_if_the_list_lost_it(cleared, mistyped, lab):
    list_of(lab).write_bytes(pretty_json({"schema_version": "v1", "roots": ["runtime/kill_swich"]}))
    mistyped.activate("k1", "why", "ann")
    assert cleared.read("k1").state == "active"


def test_a_listed_root_that_is_gone_is_a_doubt_until_it_is_pulled_or_taken_out_of_the_list(cleared, mistyped, lab):
    import shutil

    mistyped.activate("k2", "why", "ann")
    cleared.clear(GLOBAL, "why", "ann")
    shutil.rmtree(mistyped.root)
    mistyped.root.with_name("kill_swich.anchor.json").unlink()
    empty = f"{mistyped.root} is empty, but this lab's switches were written there (in {mistyped.root})"
    assert cleared.gate("k1").reasons == (empty,)
    with pytest.raises(StoreError, match="is empty"):
        cleared.clear("k1", "why", "ann")
    content = list_of(lab).read_bytes()
    list_of(lab).write_bytes(content.replace(b'    "runtime/kill_swich",\n', b""))
    assert not cleared.gate("k1").blocked
    list_of(lab).write_bytes(content)
    puts_in_order(cleared, GLOBAL)
    assert not cleared.gate("k1").blocked


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"schema_version": "v1", "roots": ["\\u0000"]}\n'])
def test_a_list_that_cannot_be_read_blocks_until_an_activation_renews_it(cleared, lab, content):
    list_of(lab).write_bytes(content)
    watch = cleared.watch("k1")
    assert watch.decision().blocked
    assert "kill_switch.roots.json" in cleared.gate("k1").reasons[0]
    with pytest.raises(StoreError, match=r"doubtful.*kill_switch\.roots\.json"):
        cleared.clear("k1", "fine", "ann")
    cleared.activate("k1", "again", "ann")
    cleared.clear("k1", "checked", "ben")
    assert not watch.decision().blocked


def test_another_root_that_cannot_be_pulled_is_a_warning_where_its_gates_ask_here(cleared, mistyped, monkeypatch):
    from opslab.safety import activation

    mistyped.activate("k1", "why", "ann")
    real = activation.Activation.complete

    def failing(it):
        if it.where == cleared.root:
            raise StoreError("NOT ACTIVATED", where=it.where)
        return real(it)

    monkeypatch.setattr(activation.Activation, "complete", failing)
    change = mistyped.activate("k1", "why", "ann")
    assert change.warnings[-1] == f"not activated in {cleared.root}: {cleared.root}: NOT ACTIVATED"
    assert change.missed == ()
    with pytest.raises(OpsLabError, match="NOT ACTIVATED; the lab's 1 other switch root"):
        cleared.activate("k1", "why", "ann")


def test_where_neither_list_nor_default_can_be_written_the_activation_says_what_it_missed(lab, clock, monkeypatch):
    from opslab.safety import activation, roots

    mistyped = KillSwitches.of(replace(lab, kill_switch=lab.root / "elsewhere"), clock)
    real = activation.Activation.complete

    def failing(it):
        if it.where.name == "kill_switch":
            raise StoreError("NOT ACTIVATED", where=it.where)
        return real(it)

    def refused(*_):
        raise StoreError("cannot be written")

    monkeypatch.setattr(activation.Activation, "complete", failing)
    monkeypatch.setattr(roots, "write_bytes", refused)
    (missed,) = mistyped.activate("k1", "why", "ann").missed
    assert "kill_switch: " in missed
    assert mistyped.read("k1").state == "active"


def test_without_a_list_the_default_root_is_pulled_as_well(lab, clock, monkeypatch):
    from opslab.safety import roots

    def refused(*_):
        raise StoreError("cannot be written")

    monkeypatch.setattr(roots, "write_bytes", refused)
    KillSwitches.of(replace(lab, kill_switch=lab.root / "elsewhere"), clock).activate("k1", "why", "ann")
    assert KillSwitches.of(lab, clock).gate("k1").blocked


def test_no_lock_of_one_root_delays_the_mark_in_another(cleared, mistyped, monkeypatch):
    from opslab.safety import activation

    mistyped.activate("k1", "why", "ann")
    for name in (GLOBAL, "k1"):
        cleared.clear(name, "why", "ann")
    seen = []
    real = activation.held

    def looking(path, seconds):
        seen.append([KillSwitches(root, cleared._clock).read("k1").state for root in (cleared.root, mistyped.root)])
        return real(path, seconds)

    monkeypatch.setattr(activation, "held", looking)
    mistyped.activate("k1", "why", "ann")
    assert seen[0] == ["active", "active"]
