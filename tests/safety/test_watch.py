"""A watched gate answers as the gate does, whatever changes, and reads nothing while nothing does."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from opslab.contract.switch_rules import GLOBAL
from opslab.errors import OpsLabError
from opslab.root import find_lab
from opslab.safety import watch as watch_module
from opslab.safety.switches import KillSwitches

NAMES = ["k1", GLOBAL, "k2"]


class StillClock:
    def __init__(self):
        self.time = datetime(2026, 1, 5, 9, tzinfo=UTC)

    def now(self):
        return self.time

    def monotonic(self):
        return 0.0


def tick(probe: Path) -> None:
    """Wait until the file system's clock has moved on, as two changes of a settled file are always apart."""
    probe.touch()
    before = probe.lstat().st_ctime_ns
    while probe.lstat().st_ctime_ns == before:
        probe.touch()


def settled():
    """Take files for settled at once: what the tests wait for is ``tick``."""
    return mock.patch.object(watch_module, "SETTLED_NS", -1)


class Watched(RuleBasedStateMachine):
    """Two watches of one lab, one looked at after every step, the other now and then."""

    @initialize(is_used=st.booleans())
    def begin(self, is_used):
        self.folder = tempfile.TemporaryDirectory()
        self.outside = Path(self.folder.name)
        root = self.outside / "lab"
        root.mkdir()
        (root / "opslab.toml").touch()
        self.clock = StillClock()
        self.switches = KillSwitches.of(find_lab(root, {}, [root]), self.clock)
        self.runtime, self.copies = root / "runtime", 0
        self.always, self.seldom = (KillSwitches.of(find_lab(root, {}, [root]), self.clock).watch("k1") for _ in "12")
        for name in ["k1", GLOBAL] if is_used else []:
            self.activate(name)
            self.clear(name)

    @rule(name=st.sampled_from(NAMES))
    def activate(self, name):
        self.switches.activate(name, "why", "ann")

    @rule(name=st.sampled_from(NAMES))
    def clear(self, name):
        with contextlib.suppress(OpsLabError):
            self.switches.clear(name, "why", "ann")

    @rule(data=st.data())
    def rewrite_in_place(self, data):
        """Change a byte under the same inode, size and mtime."""
        if path := self.some_file(data):
            facts, content = path.stat(), bytearray(path.read_bytes())
            if content:
                content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.sampled_from([1, 0x15, 0x80]))
            with path.open("r+b") as file:
                file.write(content)
            os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    @rule(data=st.data(), how=st.sampled_from(["delete", "empty", "cut", "copy", "symlink", "directory", "append"]))
    def break_a_file(self, data, how):
        if path := self.some_file(data):
            content = path.read_bytes()
            path.unlink()
            if how == "symlink":
                path.symlink_to(self.outside)
            elif how == "directory":
                path.mkdir()
            elif how != "delete":
                changed = {"empty": b"", "cut": content[:-9], "append": content + b"{}\n"}
                path.write_bytes(changed.get(how, content))

    @rule()
    def keep_a_copy(self):
        if self.runtime.is_dir():
            shutil.copytree(self.runtime, self.outside / f"copy-{self.copies}", symlinks=True)
            self.copies += 1

    @rule(data=st.data())
    def put_a_copy_back(self, data):
        if self.copies:
            shutil.rmtree(self.runtime, ignore_errors=True)
            number = data.draw(st.integers(0, self.copies - 1))
            shutil.copytree(self.outside / f"copy-{number}", self.runtime, symlinks=True)

    @rule(what=st.sampled_from(["runtime", "runtime/kill_switch"]))
    def take_a_directory_away(self, what):
        shutil.rmtree(self.runtime.parent / what, ignore_errors=True)

    @rule(what=st.sampled_from(["kill_switch/k9.state.json", "kill_switch/other", "kill_switch.roots.json"]))
    def drop_a_file(self, what):
        path = self.runtime / what
        if path.parent.is_dir() and not path.exists():
            path.write_bytes(b"{}")

    @rule(seconds=st.sampled_from([-3600, -6, -1, 1, 6, 3600]))
    def step_the_clock(self, seconds):
        self.clock.time += timedelta(seconds=seconds)

    @rule()
    def look_after_a_while(self):
        assert self.seldom.decision() == self.switches.gate("k1")

    @invariant()
    def watches_as_the_gate(self):
        tick(self.outside / "probe")
        assert self.always.decision() == self.switches.gate("k1")
        assert self.always.decision() == self.switches.gate("k1")

    def some_file(self, data):
        found = sorted(path for path in self.runtime.rglob("*") if path.is_file() and not path.is_symlink())
        return data.draw(st.sampled_from(found)) if found else None

    def teardown(self):
        if hasattr(self, "folder"):
            self.folder.cleanup()


class WatchedByDirectory(Watched):
    """Without what is rewritten in place, the directories alone say that something changed."""

    rewrite_in_place = None


@pytest.mark.parametrize(
    ("machine", "look_seconds", "files"),
    [(Watched, -1.0, settled), (WatchedByDirectory, 1e9, settled), (WatchedByDirectory, 1e9, contextlib.nullcontext)],
)
def test_whatever_happens_the_watch_answers_as_the_gate(machine, look_seconds, files, monkeypatch):
    monkeypatch.setattr(watch_module, "BRIEF_SECONDS", 1e9)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    monkeypatch.setattr(watch_module, "LOOK_SECONDS", look_seconds)
    some = settings(max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    with files():
        run_state_machine_as_test(machine, settings=some)


def test_what_is_rewritten_in_place_shows_after_a_moment(cleared, monkeypatch):
    watch, path = cleared.watch("k1"), cleared.root / "k1.state.json"
    with settled():
        assert [watch.decision().blocked for _ in "12"] == [False, False]
        tick(cleared.root.parent.parent / "probe")
        with path.open("r+b") as file:
            file.write(b"[")
        real = watch_module.time.monotonic
        monkeypatch.setattr(watch_module.time, "monotonic", lambda: real() + watch_module.LOOK_SECONDS)
        assert watch.decision().blocked


@pytest.fixture
def looks(cleared, monkeypatch):
    """Names of the files that were opened."""
    from opslab.safety import ledger, roots, switch_root

    opened: list[str] = []
    for module in (ledger, roots, switch_root):
        real = module.look
        monkeypatch.setattr(module, "look", lambda path, size, real=real: opened.append(path.name) or real(path, size))
    return opened


def test_while_nothing_changes_no_file_is_opened(cleared, looks):
    watch = cleared.watch("k1")
    with settled():
        first = watch.decision()
        opened = len(looks)
        assert [watch.decision() for _ in range(100)] == [first] * 100
    assert (first.state, len(looks)) == ("cleared", opened)


@pytest.mark.parametrize("name", ["k1", GLOBAL])
def test_a_pull_shows_at_once_and_so_does_its_end(cleared, lab, clock, name):
    watch = cleared.watch("k1")
    with settled():
        assert not watch.decision().blocked
        cleared.activate(name, "now", "ann")
        assert watch.decision().blocked
        assert watch.decision().reasons == (f"{name} activated by ann: now",)
        cleared.clear(name, "over", "ann")
        assert not watch.decision().blocked


def test_whoever_is_denied_and_goes_on_sending_reads_once(cleared, looks, monkeypatch):
    monkeypatch.setattr(watch_module, "BRIEF_SECONDS", 1e9)
    watch = cleared.watch("k1")
    cleared.activate("k1", "now", "ann")
    looks.clear()
    assert watch.decision().blocked
    opened = len(looks)
    assert all(watch.decision().blocked for _ in range(100))
    assert len(looks) == opened
    cleared.clear("k1", "over", "ann")
    assert not watch.decision().blocked


def test_what_forbids_is_repeated_for_a_moment_only(cleared, looks, monkeypatch):
    watch = cleared.watch("k1")
    cleared.activate("k1", "now", "ann")
    monkeypatch.setattr(watch_module, "BRIEF_SECONDS", 0.0)
    looks.clear()
    assert watch.decision().blocked
    opened = len(looks)
    assert watch.decision().blocked
    assert len(looks) == 2 * opened


def test_what_changed_a_moment_ago_is_read_each_time(cleared, looks):
    watch = cleared.watch("k1")
    watch.decision()
    opened = len(looks)
    watch.decision()
    assert len(looks) == 2 * opened


def test_two_changes_within_one_tick_of_the_file_systems_clock_both_show(cleared):
    watch, path = cleared.watch("k1"), cleared.root / "k1.state.json"
    content = path.read_bytes()
    other = content.replace(b'"cleared"', b'"clearer"')
    with path.open("r+b", buffering=0) as file:
        for _ in range(200):
            for written, is_blocked in ((other, True), (content, False)):
                os.pwrite(file.fileno(), written, 0)
                assert watch.decision().blocked is is_blocked


def test_a_clock_that_is_set_back_puts_the_switch_into_the_future_and_back(cleared, clock, looks):
    watch = cleared.watch("k1")
    with settled():
        assert not watch.decision().blocked
        clock.step(-3600)
        assert watch.decision().decided_by.doubts == (
            "k1.state.json is from the future",
            "k1.events.jsonl is from the future",
        )
        clock.step(+3600)
        assert not watch.decision().blocked


def test_a_machine_whose_clock_is_set_back_is_asked_anew(cleared, looks, monkeypatch):
    watch = cleared.watch("k1")
    with settled():
        watch.decision()
        opened = len(looks)
        real = watch_module.time.time_ns
        monkeypatch.setattr(watch_module.time, "time_ns", lambda: real() - 10**10)
        watch.decision()
    assert len(looks) == 2 * opened


def test_a_doubt_is_never_remembered(cleared, looks):
    watch = cleared.watch("k1")
    (cleared.root / f"{GLOBAL}.state.json").write_bytes(b"")
    with settled():
        assert watch.decision().blocked
        opened = len(looks)
        assert watch.decision().blocked
    assert len(looks) == 2 * opened


def test_a_trip_mark_is_never_remembered(cleared):
    watch, mark = cleared.watch("k1"), cleared.root / f"k1.trip-{'0a' * 16}"
    mark.write_bytes(b"{")
    with settled():
        first = watch.decision()
        mark.write_bytes(b"")
        assert watch.decision() == cleared.gate("k1") != first


def test_a_change_while_the_files_are_read_is_not_missed(cleared, monkeypatch):
    watch = cleared.watch("k1")
    real, pulled = watch._read, []

    def overtaken():
        readings = real()
        if not pulled:
            pulled.append(cleared.activate("k1", "meanwhile", "ann"))
        return readings

    monkeypatch.setattr(watch, "_read", overtaken)
    with settled():
        assert not watch.decision().blocked
        assert watch.decision().blocked


FILES = ["k1.state.json", "k1.events.jsonl", "_global.state.json", "_global.events.jsonl", "index.jsonl"]


@pytest.mark.parametrize("name", [*FILES, "../kill_switch.anchor.json"])
@pytest.mark.parametrize("how", ["in place", "deleted"])
def test_each_file_is_watched(cleared, name, how):
    cleared.activate(GLOBAL, "why", "ann")
    cleared.clear(GLOBAL, "checked", "ben")
    watch, path = cleared.watch("k1"), cleared.root / name
    with settled():
        assert not watch.decision().blocked
        tick(cleared.root.parent / "probe")
        if how == "deleted":
            path.unlink()
        else:
            facts = path.stat()
            path.write_bytes(path.read_bytes().replace(b"v1", b"v2"))
            os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        assert watch.decision().blocked


def test_the_list_of_roots_is_watched(switches, lab):
    watch = switches.watch("k1")
    switches.root.mkdir(parents=True)
    with settled():
        assert watch.decision().state == "absent"
        (lab.root / "runtime" / "kill_switch.roots.json").write_text('{"schema_version": "v1", "roots": ["other"]}')
        assert watch.decision().blocked


@pytest.mark.parametrize("first", ["nothing", "a directory"])
def test_a_root_that_was_never_used_is_watched_too(switches, lab, first):
    watch = switches.watch("k1")
    if first != "nothing":
        switches.root.mkdir(parents=True)
    with settled():
        assert watch.decision().state == "absent"
        switches.root.mkdir(parents=True, exist_ok=True)
        (switches.root / "old.state.json").write_text("{}")
        assert watch.decision().blocked


def test_a_file_in_the_place_of_the_directory_blocks(cleared):
    watch = cleared.watch("k1")
    with settled():
        assert not watch.decision().blocked
        cleared.root.rename(cleared.root.with_name("moved"))
        cleared.root.write_text("not a directory")
        assert watch.decision().blocked


def test_an_unsafe_run_is_refused(switches):
    with pytest.raises(OpsLabError):
        switches.watch("../k1")
