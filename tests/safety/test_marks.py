"""A trip mark comes first, waits for nobody, and goes only when the activation is recorded and nobody is clearing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opslab.contract.switch_rules import GLOBAL
from opslab.errors import StoreError
from opslab.safety import activation as activation_module
from opslab.safety.activation import Activation
from opslab.safety.change import Words
from opslab.safety.clearing import Clearing
from opslab.safety.layout import LOCK, names_in, trip_name, trips_in
from opslab.safety.marks import is_living
from opslab.safety.switch_root import SwitchRoot
from opslab.store.adding import held_directory
from opslab.store.lock import Lock

WORDS = Words("a new trip", "cat", "tc")
NAME = "k1.trip-" + "0a" * 16


def begun(switches, name="k1"):
    """Begin an activation that has not recorded anything yet."""
    return Activation(SwitchRoot(switches.root, switches._clock), name, WORDS)


def left_by_the_dead(switches, content=b""):
    (switches.root / NAME).write_bytes(content)
    return switches.root / NAME


def test_nothing_is_left_of_the_mark_of_an_activation_that_is_recorded(cleared):
    assert cleared.activate("k1", "now", "ann").warnings == ()
    assert trips_in(cleared.root) == {}
    assert cleared.read("k1").trips == {}


@pytest.mark.parametrize("name", ["k1", GLOBAL, "never-seen"])
def test_from_the_mark_on_everybody_says_active_whoever_keeps_the_lock(cleared, name):
    watch, lock = cleared.watch("k1" if name == GLOBAL else name), Lock(cleared.root / LOCK)
    assert lock.acquire()
    with begun(cleared, name):
        assert cleared.read(name).state == "active"
        assert cleared.read(name).is_trusted
        assert cleared.read(name).since is not None
        assert watch.decision().blocked
        assert "a new trip" in watch.decision().reasons[-1]
        assert cleared.read("other").state == "absent"
    lock.release()


def test_an_activation_that_was_cut_short_can_be_cleared_and_the_event_tells_of_it(cleared):
    with begun(cleared):
        pass
    assert cleared.read("k1").state == "active"
    event = cleared.clear("k1", "it was a rehearsal", "ann").event
    assert "cat" in event["doubts"][0]
    assert "a new trip" in event["doubts"][0]
    reading = cleared.read("k1")
    assert (reading.state, reading.doubts, reading.trips) == ("cleared", (), {})


def test_the_next_activation_takes_over_what_was_cut_short(cleared):
    left_by_the_dead(cleared)
    event = cleared.activate("k1", "now", "ann").event
    assert event["doubts"] == [
        f"k1 activated, which {NAME} alone records ({NAME} is not JSON (Expecting value, line 1))"
    ]
    assert trips_in(cleared.root) == {}
    assert cleared.read("k1").is_trusted


def test_a_living_activation_is_not_cleared(cleared):
    with begun(cleared), pytest.raises(StoreError, match="is being changed by somebody else"):
        cleared.clear("k1", "fine", "ann")
    assert cleared.read("k1").state == "active"


def test_a_clear_refuses_what_came_after_its_look(cleared, clock):
    cleared.activate("k1", "first", "ann")
    root = SwitchRoot(cleared.root, clock)
    clearing = Clearing.judge(root, "k1", clock.now())
    cleared.activate("k1", "second", "ben")
    before = {path.name: path.read_bytes() for path in cleared.root.iterdir()}
    with pytest.raises(StoreError, match="changed while it was being cleared"):
        clearing.complete(WORDS)
    assert {path.name: path.read_bytes() for path in cleared.root.iterdir()} == before


def test_a_clear_refuses_what_came_before_its_last_step(cleared, clock, monkeypatch, impatient):
    from opslab.safety.ledger import SwitchLedger

    cleared.activate("k1", "first", "ann")
    real = SwitchLedger.note

    def overtaken(ledger, event, head, warnings):
        real(ledger, event, head, warnings)
        monkeypatch.setattr(SwitchLedger, "note", real)
        cleared.activate("k1", "second", "ben")

    monkeypatch.setattr(SwitchLedger, "note", overtaken)
    with pytest.raises(StoreError, match="changed while it was being cleared"):
        Clearing.judge(SwitchRoot(cleared.root, clock), "k1", clock.now()).complete(WORDS)
    assert cleared.read("k1").record["last_reason"] == "second"


def test_a_clear_refuses_what_came_after_it_was_asked_for(cleared, clock):
    asked = clock.now()
    cleared.activate("k1", "later", "ann")
    with pytest.raises(StoreError, match="is being changed by somebody else"):
        Clearing.judge(SwitchRoot(cleared.root, clock), "k1", asked)


def test_a_clear_leaves_a_mark_that_it_did_not_judge(cleared, clock, monkeypatch):
    from opslab.safety import trip

    root, real = SwitchRoot(cleared.root, clock), trip.SwitchWriter.finish_clear

    def overtaken(writer, event):
        left_by_the_dead(cleared)
        real(writer, event)

    cleared.activate("k1", "first", "ann")
    monkeypatch.setattr(trip.SwitchWriter, "finish_clear", overtaken)
    Clearing.judge(root, "k1", clock.now()).complete(WORDS)
    assert (cleared.read("k1").record["state"], cleared.read("k1").state) == ("cleared", "active")


def test_while_somebody_clears_a_mark_stays(cleared):
    with held_directory(cleared.root, 0, shared=True):
        change = cleared.activate("k1", "now", "ann")
    assert change.warnings[-1].endswith("stays until the next activation or clear: another command is at work")
    assert len(cleared.read("k1").trips) == 1
    cleared.activate("k1", "now", "ann")
    assert cleared.read("k1").trips == {}


def test_a_mark_stays_when_the_files_do_not_record_its_activation(cleared, impatient):
    (cleared.root / "k1.events.jsonl").write_bytes(b"broken\n")
    lock = Lock(cleared.root / LOCK)
    assert lock.acquire()
    assert "stays until" in cleared.activate("k1", "now", "ann").warnings[-1]
    lock.release()
    assert len(cleared.read("k1").trips) == 1


def test_a_mark_that_cannot_be_made_stops_no_activation(cleared, monkeypatch):
    def refused(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(activation_module, "put_mark", refused)
    assert cleared.activate("k1", "now", "ann").warnings == ("no mark could be left: No space left on device",)
    assert cleared.read("k1").record["last_reason"] == "now"


def test_a_mark_alone_is_an_activation_when_nothing_else_can_be_written(cleared, monkeypatch):
    from opslab.safety import trip

    def refused(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trip, "write_bytes", refused)
    monkeypatch.setattr(trip.Journal, "append", refused)
    assert "stays until" in cleared.activate("k1", "now", "ann").warnings[-1]
    assert cleared.read("k1").state == "active"


def test_the_mark_is_whole_and_durable_before_anything_else_is_touched(switches, real_sync, monkeypatch):
    synced, real = [], os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda descriptor: (synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink())), real(descriptor)),
    )
    switches.root.mkdir(parents=True)
    with begun(switches):
        assert [path.rsplit("/", 1)[-1].split("-k1")[0][:9] for path in synced] == [".staging-", "kill_swit"]
        (name,) = trips_in(switches.root)["k1"]
        assert {path.name for path in switches.root.iterdir()} == {name}


@pytest.mark.parametrize(
    "make", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")], ids=["directory", "pipe", "symlink"]
)
def test_whatever_bears_a_marks_name_counts_and_is_set_aside_by_a_clear(cleared, make):
    make(cleared.root / NAME)
    assert cleared.read("k1").state == "active"
    cleared.clear("k1", "looked at it", "ann")
    assert cleared.read("k1").state == "cleared"
    assert [path.name[: len(NAME) + 7] for path in cleared.root.glob("k1.trip-*")] == [f"{NAME}.aside-"]


def test_a_mark_that_cannot_be_opened_may_live(cleared, monkeypatch):
    path, real = left_by_the_dead(cleared), os.open

    def refusing(place, flags, *more, **others):
        if str(place) == str(path):
            raise PermissionError(13, "Permission denied", str(place))
        return real(place, flags, *more, **others)

    monkeypatch.setattr(os, "open", refusing)
    assert is_living(path)
    with pytest.raises(StoreError, match="is being changed"):
        cleared.clear("k1", "fine", "ann")


def test_a_mark_that_cannot_be_removed_keeps_the_switch_active_and_says_so(cleared, monkeypatch):
    from opslab.safety import clearing

    def refused(*_):
        raise OSError(1, "Operation not permitted")

    left_by_the_dead(cleared)
    monkeypatch.setattr(clearing, "remove_mark", refused)
    with pytest.raises(
        StoreError, match=f"{NAME}: cannot be removed, so the switch stays active: Operation not permitted"
    ):
        cleared.clear("k1", "fine", "ann")
    assert cleared.read("k1").state == "active"


def test_a_run_that_is_named_like_a_mark_is_a_run(switches):
    switches.activate(NAME, "why", "ann")
    switches.clear(NAME, "why", "ann")
    assert trips_in(switches.root) == {}
    assert names_in(switches.root) == [NAME]
    assert switches.read("k1").state == "absent"


def test_a_mark_names_its_switch_when_an_index_is_renewed(bystander):
    (bystander.root / trip_name("k7", "0a" * 16)).touch()
    (bystander.root / "index.jsonl").write_bytes(b"broken")
    bystander.activate("k1", "again", "ann")
    (bystander.root / trip_name("k7", "0a" * 16)).unlink()
    assert bystander.read("k7").doubts == ("k7.state.json is missing though the switch existed",)


def test_the_first_mark_of_a_root_is_no_lost_index(switches):
    with begun(switches), begun(switches, "k2"):
        assert switches.activate("k3", "now", "ann").warnings == ()
        assert not switches.gate("k4").blocked
