"""Whatever is wrong with any file reads as active, and an activation puts it in order again."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from opslab.contract.switch_rules import GLOBAL
from opslab.errors import IdError, OpsLabError, StoreError
from opslab.safety import layout

if TYPE_CHECKING:
    from opslab.safety.switches import KillSwitches

FILES = ["k1.state.json", "k1.events.jsonl", "index.jsonl", "../kill_switch.anchor.json"]


def puts_in_order(switches: KillSwitches, name: str = "k1") -> None:
    """Activate over what is broken, then clear by name; the switch is open and sound again."""
    switches.activate(name, "again", "ann")
    reading = switches.read(name)
    assert (reading.state, reading.doubts) == ("active", ())
    switches.clear(name, "checked", "ben")
    assert (switches.read(name).state, switches.read(name).doubts) == ("cleared", ())


def is_doubtful(switches: KillSwitches, name: str = "k1") -> bool:
    reading = switches.read(name)
    return reading.state == "active" and not reading.is_trusted


def test_a_lab_that_never_had_a_switch_reads_as_absent(switches, lab):
    assert switches.read("k1").state == "absent"
    assert not switches.gate("k1").blocked
    assert not (lab.root / "runtime").exists()


def test_nothing_broken_reads_as_it_was_left(bystander):
    assert [bystander.read(name).state for name in ("k1", "k2", "k3")] == ["cleared", "cleared", "absent"]
    assert not bystander.gate("k1").blocked


def test_a_broken_state_reads_as_active_and_is_put_in_order(bystander, state_way):
    path = bystander.root / "k1.state.json"
    state_way(path)
    assert is_doubtful(bystander)
    assert bystander.gate("k1").blocked
    assert bystander.read("k2").state == "cleared"
    with pytest.raises(StoreError, match="doubtful, so it stays active"):
        bystander.clear("k1", "looks fine", "ann")
    puts_in_order(bystander)


def test_broken_events_read_as_active_and_are_put_in_order(bystander, way):
    way(bystander.root / "k1.events.jsonl")
    assert is_doubtful(bystander)
    assert bystander.read("k2").state == "cleared"
    puts_in_order(bystander)


@pytest.mark.parametrize("name", ["index.jsonl", "../kill_switch.anchor.json"])
def test_a_broken_index_makes_every_switch_active_until_the_global_one_is_cleared(bystander, way, name):
    way(bystander.root / name)
    assert all(is_doubtful(bystander, run_id) for run_id in ("k1", "k2", "never-seen", GLOBAL))
    bystander.activate("k1", "again", "ann")
    assert bystander.gate("never-seen").reasons == (
        "_global activated by ann: the index of switches could not be trusted",
    )
    puts_in_order(bystander, GLOBAL)
    assert not bystander.gate("never-seen").blocked
    assert is_doubtful(bystander, "k2")
    puts_in_order(bystander, "k2")


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_at_any_byte_reads_as_active(cleared, name):
    path = cleared.root / name
    content = path.read_bytes()
    open_at = []
    for size in range(len(content)):
        path.write_bytes(content[:size])
        if not is_doubtful(cleared):
            open_at.append(size)
    assert open_at == []
    path.write_bytes(content)
    assert cleared.read("k1").state == "cleared"


@pytest.mark.parametrize("name", ["k1.events.jsonl", "index.jsonl"])
def test_a_changed_byte_in_a_journal_reads_as_active(cleared, name):
    path = cleared.root / name
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert is_doubtful(cleared), place


def test_what_was_broken_is_kept_as_evidence(cleared):
    for name in ("k1.state.json", "k1.events.jsonl"):
        (cleared.root / name).write_bytes(b"broken " + name.encode())
    warnings = cleared.activate("k1", "again", "ann").warnings
    kept = {path.read_bytes() for path in cleared.root.glob("*.aside-*")}
    assert kept == {b"broken k1.state.json", b"broken k1.events.jsonl"}
    assert sum("kept as" in warning for warning in warnings) == 2


def test_the_first_event_after_a_doubt_says_what_was_wrong(cleared):
    (cleared.root / "k1.state.json").write_bytes(b"{}")
    (cleared.root / "k1.events.jsonl").write_bytes(b"[]\n")
    event = cleared.activate("k1", "again", "ann").event
    assert event["doubts"] == ["k1.state.json has no active_since_utc", "k1.events.jsonl line 1 is not a JSON object"]
    assert event["previous_state"] == "active"


def test_state_and_events_rolled_back_together_read_as_active(switches):
    names = ("k1.state.json", "k1.events.jsonl")
    switches.activate("k1", "one", "ann")
    switches.clear("k1", "two", "ann")
    older = {name: (switches.root / name).read_bytes() for name in names}
    switches.activate("k1", "three", "ann")
    for name, content in older.items():
        (switches.root / name).write_bytes(content)
    assert switches.read("k1").doubts == ("k1.events.jsonl is not as the index knows it",)


def test_a_switch_that_was_deleted_whole_reads_as_active(bystander):
    for path in bystander.root.glob("k1.*"):
        path.unlink()
    assert is_doubtful(bystander)
    assert bystander.read("k2").state == "cleared"


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_opened_reads_as_active(cleared, name, monkeypatch):
    real = os.open

    def refusing(path, flags, *more, **others):
        if str(path).endswith(name.removeprefix("../")):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *more, **others)

    monkeypatch.setattr(os, "open", refusing)
    assert is_doubtful(cleared)


def test_a_step_of_the_clock_back_latches_what_is_from_the_future(cleared, clock):
    clock.step(-3600)
    assert is_doubtful(cleared)
    puts_in_order(cleared)


def test_a_small_step_of_the_clock_back_is_no_doubt(cleared, clock):
    clock.step(-5)
    assert cleared.read("k1").state == "cleared"


def test_events_twice_in_a_sound_chain_read_as_active(cleared):
    from opslab.safety.reading import CHAIN
    from opslab.store.journal import Journal

    path = cleared.root / "k1.events.jsonl"
    first = json.loads(path.read_bytes().split(b"\n")[0])
    Journal(path, "k1").append({name: value for name, value in first.items() if name not in CHAIN})
    assert cleared.read("k1").doubts == ("k1.events.jsonl holds an event twice",)


@pytest.mark.parametrize("run_id", ["x/../k1", "../k1", "k1/", "", " k1", "_other", "k" * 129, "k1\n", "k..1"])
def test_an_unsafe_or_aliased_run_id_is_refused_by_everything(cleared, run_id):
    for ask in (cleared.read, cleared.gate, lambda name: cleared.activate(name, "x", "y")):
        with pytest.raises(IdError):
            ask(run_id)


@pytest.mark.parametrize("run_id", ["index", "x.aside-1", "a.state.json", "kill_switch.anchor", "switches.lock"])
def test_run_ids_that_look_like_the_labs_own_files_are_runs_like_others(switches, run_id):
    puts_in_order(switches, run_id)
    assert layout.names_in(switches.root) == [run_id]
    assert switches.read("k1").state == "absent"


@pytest.mark.parametrize("command", ["activate", "clear"])
@pytest.mark.parametrize(
    ("reason", "actor"),
    [("", "ann"), (" \t\n", "ann"), ("why", " "), ("\u200b\u2060\ufeff", "ann"), ("why", "\u2800\u3164 \xad")],
)
def test_a_blank_reason_or_actor_is_refused_and_writes_nothing(switches, command, reason, actor):
    with pytest.raises(OpsLabError, match="blank"):
        getattr(switches, command)("k1", reason, actor)
    assert not switches.root.exists()


@pytest.mark.parametrize("reason", ["\ud800 half a character", "x" * 100_000, 'quotes " and\nlines\0', "\u202e x"])
def test_any_reason_can_be_recorded(switches, reason):
    switches.activate("k1", reason, "ann")
    assert switches.read("k1").is_trusted
    switches.clear("k1", reason, "ann")
    assert switches.read("k1").state == "cleared"


def test_an_activation_of_an_active_switch_is_another_event_and_keeps_its_beginning(switches):
    first = switches.activate("k1", "one", "ann").event
    second = switches.activate("k1", "two", "ben").event
    record = switches.read("k1").record
    assert record["active_since_utc"] == first["ts_utc"]
    assert (record["last_event_id"], record["last_actor"]) == (second["event_id"], "ben")
    assert second["previous_state"] == "active"
    cleared = switches.clear("k1", "three", "cat").event
    record = switches.read("k1").record
    assert (record["active_since_utc"], record["cleared_at_utc"]) == (first["ts_utc"], cleared["ts_utc"])


def test_the_state_is_written_as_the_contract_has_it(switches):
    event = switches.activate("k1", "  drawdown ", "ann").event
    path = switches.root / "k1.state.json"
    assert path.read_text() == json.dumps(json.loads(path.read_text()), indent=2, sort_keys=True) + "\n"
    assert json.loads(path.read_text()) == {
        "schema_version": "v1",
        "run_id": "k1",
        "state": "active",
        "updated_at_utc": event["ts_utc"],
        "last_event_id": event["event_id"],
        "last_reason": "drawdown",
        "last_actor": "ann",
        "active_since_utc": event["ts_utc"],
        "cleared_at_utc": None,
    }


def test_a_switch_without_activation_can_be_cleared(switches):
    switches.clear("k1", "on record", "ann")
    assert switches.read("k1").record["active_since_utc"] is None
    assert switches.read("k1").state == "cleared"


def test_a_read_while_a_writer_is_between_two_files_waits_for_it(cleared, monkeypatch):
    """A doubt that only a writer at work explains is looked at again under the lock."""
    from opslab.safety import switch_root as module

    index = cleared.root / "index.jsonl"
    content = index.read_bytes()
    index.write_bytes(b"")
    real = module.held

    def finishing(path, seconds):
        index.write_bytes(content)
        return real(path, seconds)

    monkeypatch.setattr(module, "held", finishing)
    assert cleared.read("k1").state == "cleared"


@pytest.mark.parametrize("aside", [False, True])
def test_a_deleted_switch_that_a_broken_index_or_evidence_names_is_not_forgotten(bystander, aside):
    index = bystander.root / "index.jsonl"
    if aside:
        index.write_bytes(b"")
        (bystander.root / "k2.events.jsonl").rename(bystander.root / "k2.events.jsonl.aside-20260105t090000z-00ff")
    else:
        index.write_bytes(b"broken\n" + index.read_bytes())
    for path in bystander.root.glob("k2.*.json*"):
        if "aside" not in path.name:
            path.unlink()
    puts_in_order(bystander, GLOBAL)
    assert bystander.read("never-seen").state == "absent"
    assert is_doubtful(bystander, "k2")
    puts_in_order(bystander, "k2")
