"""What killed writers left half written goes with the next writer; what a living one writes stays."""

from __future__ import annotations

import contextlib

import pytest

from opslab.safety import activation, trip
from opslab.safety.layout import LOCK
from opslab.safety.litter import sweep, unswept
from opslab.store.adding import held_directory
from opslab.store.lock import Lock


def left_by_the_dead(root):
    """Leave what a writer can leave behind, and return it."""
    files = [
        root / ".staging-0a1b2c3d-k1.state.json",
        root / ".staging-0a1b2c3d",
        root.parent / f".staging-0a1b2c3d-{root.name}.anchor.json",
    ]
    files[0].write_bytes(b"{")
    files[1].symlink_to("mark")
    files[2].write_bytes(b"")
    return files


def there(files):
    return [path for path in files if path.exists() or path.is_symlink()]


@pytest.mark.parametrize("command", ["activate", "clear"])
def test_the_next_writer_sweeps(cleared, command):
    files = left_by_the_dead(cleared.root)
    getattr(cleared, command)("k2", "why", "ann")
    assert there(files) == []
    assert cleared.read("k1").is_trusted


def test_a_reader_does_not_sweep(cleared):
    files = left_by_the_dead(cleared.root)
    cleared.gate("k1")
    assert there(files) == files


def test_what_others_are_writing_beside_the_root_stays(cleared):
    others = [cleared.root.parent / name for name in (".staging-1-other.anchor.json", ".staging-1-x", "x.anchor.json")]
    others += [cleared.root / name for name in (".staging-directory/file", "k1.state.json.aside-x", ".other")]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    cleared.activate("k1", "why", "ann")
    assert there(others) == others


def test_a_killed_entry_in_the_list_of_roots_is_swept_when_the_root_is_entered(cleared, lab):
    files = [lab.root / "runtime" / ".staging-1-kill_switch.roots.json"]
    files[0].touch()
    cleared.activate("k1", "why", "ann")
    assert there(files) == files
    (lab.root / "runtime" / "kill_switch.roots.json").unlink()
    cleared.activate("k1", "why", "ann")
    assert there(files) == []


def test_a_root_that_cannot_be_entered_in_the_list_is_a_warning_and_stops_a_clear(switches, lab, monkeypatch):
    from opslab.errors import StoreError
    from opslab.safety import roots

    monkeypatch.setattr(roots, "LIST_SECONDS", 0.01)
    switches.root.mkdir(parents=True)
    with held_directory(lab.root / "runtime", 0):
        change = switches.activate("k1", "why", "ann")
        assert "another process keeps the list" in change.warnings[0]
        with pytest.raises(StoreError, match="could not be cleared"):
            switches.clear("k1", "why", "ann")
    assert switches.read("k1").state == "active"


def test_while_somebody_writes_without_the_lock_nothing_is_swept(cleared):
    files = left_by_the_dead(cleared.root)
    with contextlib.ExitStack() as second:
        with unswept(cleared.root):
            second.enter_context(unswept(cleared.root))
        cleared.activate("k1", "why", "ann")
        assert there(files) == files
    cleared.activate("k1", "why", "ann")
    assert there(files) == []


def test_an_activation_without_the_lock_cannot_be_swept_and_does_not_sweep(cleared, monkeypatch, impatient):
    files, real, found = left_by_the_dead(cleared.root), trip.write_bytes, []

    def seen(path, content):
        sweep(cleared.root)
        found.append(there(files))
        real(path, content)

    monkeypatch.setattr(trip, "write_bytes", seen)
    lock = Lock(cleared.root / LOCK)
    assert lock.acquire()
    cleared.activate("k1", "why", "ann")
    lock.release()
    assert found == [files]
    assert there(files) == files
    assert cleared.read("k1").state == "active"


def test_without_the_lock_nobody_sweeps(cleared, monkeypatch, impatient):
    monkeypatch.setattr(activation, "unswept", contextlib.nullcontext)
    files, lock = left_by_the_dead(cleared.root), Lock(cleared.root / LOCK)
    assert lock.acquire()
    cleared.activate("k1", "why", "ann")
    lock.release()
    assert there(files) == files


def test_a_root_that_cannot_be_opened_does_not_stop_a_writer(tmp_path):
    with unswept(tmp_path / "nowhere"):
        sweep(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == [], "nothing is made there"
