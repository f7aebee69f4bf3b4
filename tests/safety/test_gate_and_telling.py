"""The gate's decision, the lock that never costs an activation, durability, and what a run is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opslab.contract.encoding import sha256_hex
from opslab.contract.switch_rules import GLOBAL
from opslab.errors import StoreError
from opslab.safety import telling
from opslab.safety.gate import decide
from opslab.safety.layout import LOCK
from opslab.safety.telling import tell_run
from opslab.store.adding import held_directory
from opslab.store.journal import Journal, read_chain
from opslab.store.lock import Lock


@pytest.mark.parametrize(
    ("run", "everything", "state", "decider"),
    [
        ("absent", "absent", "absent", "k1"),
        ("cleared", "absent", "cleared", "k1"),
        ("absent", "cleared", "absent", "k1"),
        ("cleared", "cleared", "cleared", "k1"),
        ("active", "absent", "active", "k1"),
        ("active", "cleared", "active", "k1"),
        ("active", "active", "active", "k1"),
        ("absent", "active", "active", GLOBAL),
        ("cleared", "active", "active", GLOBAL),
    ],
)
def test_the_gate_is_open_only_when_neither_switch_is_active(switches, run, everything, state, decider):
    for name, wanted in (("k1", run), (GLOBAL, everything)):
        if wanted != "absent":
            switches.activate(name, "why", "ann")
        if wanted == "cleared":
            switches.clear(name, "checked", "ben")
    decision = decide(switches.read("k1"), switches.read(GLOBAL))
    assert (decision.state, decision.decided_by.run_id) == (state, decider)
    assert decision.blocked == (state == "active") == bool(decision.reasons)
    assert decision == switches.gate("k1")


def test_the_gate_names_who_blocked_and_why(switches):
    switches.activate("k1", "drawdown", "ann")
    switches.activate(GLOBAL, "exchange down", "ben")
    assert switches.gate("k1").reasons == ("k1 activated by ann: drawdown", "_global activated by ben: exchange down")
    assert switches.gate("k2").reasons == ("_global activated by ben: exchange down",)


@pytest.mark.parametrize("first", [False, True])
def test_a_lock_that_is_never_let_go_stops_a_clear_but_no_activation(cleared, impatient, first):
    lock = Lock(cleared.root / LOCK)
    assert lock.acquire()
    name = "new" if first else "k1"
    change = cleared.activate(name, "now", "ann")
    assert change.warnings == ("another process keeps the lock: went on without it",)
    assert (cleared.read(name).state, cleared.read(name).doubts) == ("active", ())
    with pytest.raises(StoreError, match="keeps the lock"):
        cleared.clear(name, "now", "ann")
    lock.release()


def test_without_the_lock_broken_files_are_left_for_whoever_holds_it(cleared, impatient):
    for name in ("k1.events.jsonl", "index.jsonl"):
        (cleared.root / name).write_bytes(b"broken\n")
    lock = Lock(cleared.root / LOCK)
    assert lock.acquire()
    cleared.activate("k1", "now", "ann")
    lock.release()
    assert cleared.read("k1").state == "active"
    assert json.loads((cleared.root / "k1.state.json").read_text())["last_reason"] == "now"
    assert {(cleared.root / name).read_bytes() for name in ("k1.events.jsonl", "index.jsonl")} == {b"broken\n"}


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (os.mkdir, "is a directory"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.symlink_to("k1.state.json"), "is a symlink"),
    ],
    ids=["a-directory", "a-pipe", "a-symlink"],
)
def test_what_lies_at_the_locks_name_stops_a_clear_which_names_it_and_is_set_aside_by_an_activation(
    cleared, make, what
):
    (cleared.root / LOCK).unlink()
    make(cleared.root / LOCK)
    with pytest.raises(StoreError, match=f"{what}; `tc kill activate` sets aside"):
        cleared.clear("k1", "now", "ann")
    change = cleared.activate("k1", "now", "ann")
    assert change.warnings[0].startswith(f"switches.lock {what}: kept as switches.lock.aside-")
    cleared.clear("k1", "now", "ann")
    assert cleared.read("k1").state == "cleared"


def test_a_lock_that_cannot_be_opened_is_named_and_stops_no_activation(cleared, monkeypatch):
    real = os.open

    def refusing(path, flags, *more, **others):
        if str(path).endswith(LOCK):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *more, **others)

    monkeypatch.setattr(os, "open", refusing)
    what = "the lock switches.lock cannot be opened: Permission denied"
    assert cleared.activate("k1", "now", "ann").warnings == (f"{what}: went on without it",)
    with pytest.raises(StoreError, match=what):
        cleared.clear("k1", "now", "ann")
    assert cleared.read("k1").state == "active"


def test_an_activation_that_can_write_nothing_says_so_loudly(cleared, monkeypatch):
    def refused(*_, **__):
        raise OSError(30, "Read-only file system")

    for name in ("rename", "replace", "link", "symlink", "mkdir", "unlink", "write"):
        monkeypatch.setattr(os, name, refused)
    with pytest.raises(StoreError, match=r"NOT ACTIVATED: nothing can be written .*Read-only"):
        cleared.activate("k1", "now", "ann")


def test_the_state_is_synced_before_the_events_are_touched(switches, real_sync, monkeypatch):
    synced = []
    real = os.fsync

    def noted(descriptor):
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        real(descriptor)
        synced.append((name.split("-k1")[-1], (switches.root / "k1.events.jsonl").exists()))

    monkeypatch.setattr(os, "fsync", noted)
    switches.activate("k1", "why", "ann")
    names = [name for name, _ in synced]
    state = names.index(".state.json")
    assert synced[state : state + 2] == [(".state.json", False), ("kill_switch", False)]
    assert names.index("k1.events.jsonl") > state
    assert "index.jsonl" in names
    assert "kill_switch" in names[names.index("index.jsonl") :]


def test_a_clear_whose_last_step_is_not_durable_does_not_open_the_switch(switches, monkeypatch):
    from opslab.safety import trip

    switches.activate("k1", "why", "ann")
    real = trip.write_bytes

    def half(path, content):
        real(path, content)
        raise StoreError("cannot be written: Input/output error", where=path)

    monkeypatch.setattr(trip, "write_bytes", half)
    with pytest.raises(StoreError, match="could not be cleared"):
        switches.clear("k1", "checked", "ben")
    assert switches.read("k1").state == "active"


def test_a_clear_that_the_index_cannot_record_does_not_open_the_switch(switches, monkeypatch):
    from opslab.safety import ledger

    switches.activate("k1", "why", "ann")

    def full(*_):
        raise StoreError("cannot be written: No space left on device")

    monkeypatch.setattr(ledger, "write_bytes", full)
    with pytest.raises(StoreError, match="could not be cleared"):
        switches.clear("k1", "checked", "ben")
    assert switches.read("k1").state == "active"


EVENT = {"event": "kill_activated", "run_id": "k1", "reason": "why"}


def bundle_of(lab, *, manifest: bool):
    bundle = lab.runs / "k1"
    bundle.mkdir(parents=True)
    Journal(bundle / "journal.jsonl", "k1").append({"event": "run_started"})
    if manifest:
        (bundle / "manifest.json").write_text("{}")
    return bundle


def test_a_run_that_does_not_exist_is_not_told(lab, clock):
    assert tell_run(lab, "k1", EVENT, clock) is None
    assert not lab.runs.exists()


def test_a_run_that_is_not_over_is_told_in_its_journal(lab, clock):
    bundle = bundle_of(lab, manifest=False)
    assert tell_run(lab, "k1", EVENT, clock) is None
    chain = read_chain((bundle / "journal.jsonl").read_bytes())
    assert [event["event"] for event in chain.events] == ["run_started", "kill_activated"]
    assert not chain.problems
    assert not (bundle / "post.jsonl").exists()


def test_a_run_that_is_over_is_told_behind_its_manifest(lab, clock):
    bundle = bundle_of(lab, manifest=True)
    before = (bundle / "journal.jsonl").read_bytes()
    assert tell_run(lab, "k1", EVENT, clock) is None
    assert (bundle / "journal.jsonl").read_bytes() == before
    chain = read_chain((bundle / "post.jsonl").read_bytes(), sha256_hex(b"{}"))
    assert [event["event"] for event in chain.events] == ["kill_activated"]
    assert not chain.problems


@pytest.mark.parametrize("blocked", ["a-directory", "a-symlink", "a-link-to-the-bundle", "unchained", "a-pipe"])
def test_a_run_that_cannot_be_told_is_a_warning_and_no_more(lab, clock, tmp_path, blocked):
    bundle = bundle_of(lab, manifest=False)
    journal = bundle / "journal.jsonl"
    if blocked == "a-link-to-the-bundle":
        bundle.rename(tmp_path / "elsewhere")
        bundle.symlink_to(tmp_path / "elsewhere")
    elif blocked == "a-pipe":
        journal.unlink()
        os.mkfifo(journal)
    elif blocked == "unchained":
        journal.write_text('{"event": "run_started"}\n')
    else:
        journal.rename(tmp_path / "elsewhere")
        journal.symlink_to(tmp_path / "elsewhere") if blocked == "a-symlink" else (bundle / "post.jsonl").mkdir()
        if blocked == "a-directory":
            (bundle / "manifest.json").write_text("{}")
    warning = tell_run(lab, "k1", EVENT, clock)
    assert warning is not None
    assert "\n" not in warning


def test_a_run_that_ended_and_was_never_sealed_is_not_told_behind_its_end(lab, clock):
    bundle = bundle_of(lab, manifest=False)
    Journal(bundle / "journal.jsonl", "k1").append({"event": "run_failed"})
    before = (bundle / "journal.jsonl").read_bytes()
    assert "run k1 was not told: " in tell_run(lab, "k1", EVENT, clock)
    assert (bundle / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize("manifest", [True, False])
def test_only_a_sealed_run_is_rendered_again_and_nobody_else_adds_meanwhile(lab, clock, manifest):
    bundle = bundle_of(lab, manifest=manifest)
    rendered = []

    def render(path):
        with held_directory(path, 0) as is_held:
            rendered.append((path, is_held, (path / "post.jsonl").exists()))

    assert tell_run(lab, "k1", EVENT, clock, render) is None
    assert rendered == ([(bundle, False, True)] if manifest else [])


@pytest.mark.parametrize("error", [StoreError("cannot be written: full"), KeyError("lab"), ValueError("odd")])
def test_a_rendering_that_fails_is_a_warning_and_the_run_is_told(lab, clock, error):
    def render(_path):
        raise error

    bundle = bundle_of(lab, manifest=True)
    warning = tell_run(lab, "k1", EVENT, clock, render)
    assert warning.startswith("run k1 was told, but not rendered again: ")
    assert read_chain((bundle / "post.jsonl").read_bytes(), sha256_hex(b"{}")).head.lines == 1


def test_a_run_that_somebody_else_keeps_is_told_and_not_rendered(lab, clock, monkeypatch):
    monkeypatch.setattr(telling, "WAIT_SECONDS", 0.01)
    bundle = bundle_of(lab, manifest=True)
    with held_directory(bundle, 0):
        warning = tell_run(lab, "k1", EVENT, clock, lambda _: pytest.fail("it was rendered"))
    assert "was told, but not rendered again: another process keeps" in warning
    assert (bundle / "post.jsonl").exists()


def test_the_switches_are_used_without_any_library(lab):
    code = (
        "import json, sys\nfrom pathlib import Path\nfrom opslab.clock import SystemClock\n"
        "from opslab.root import find_lab\nfrom opslab.safety.switches import KillSwitches\n"
        "from opslab.safety.telling import tell_run\n"
        "lab = find_lab(sys.argv[1], {}, [Path()])\nswitches = KillSwitches.of(lab, SystemClock())\n"
        "event = switches.activate('k1', 'why', 'ann').event\ntell_run(lab, 'k1', event, SystemClock())\n"
        "switches.clear('k1', 'checked', 'ben')\nassert not switches.gate('k1').blocked\n"
        "known = {*sys.stdlib_module_names, *sys.argv[2].split(), 'opslab'}\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} - known))"
    )
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*{name.split('.')[0] for name in sys.modules})"],
        check=True,
        capture_output=True,
        text=True,
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(lab.root), bare.stdout], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
