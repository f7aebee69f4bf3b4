"""A switch against a model: commands, restarts, broken files and a clock that is set back, in any order."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from opslab.contract.switch_rules import GLOBAL
from opslab.errors import StoreError
from opslab.root import find_lab
from opslab.safety.switches import KillSwitches
from opslab.store.journal import read_chain

NAMES = ["k1", "k2", GLOBAL]
names = st.sampled_from(NAMES)
OWN = [".state.json", ".events.jsonl"]
SHARED = ["index.jsonl", "../kill_switch.anchor.json"]


class StillClock:
    """A clock that moves by hand only."""

    def __init__(self):
        self.time = datetime(2026, 1, 5, 9, tzinfo=UTC)

    def now(self):
        return self.time

    def monotonic(self):
        return 0.0


class Switch(RuleBasedStateMachine):
    """The model: what each switch was left as, which have been tampered with, and whether the index has."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        (self.root / "opslab.toml").touch()
        self.clock = StillClock()
        self.state = dict.fromkeys(NAMES, "absent")
        self.tampered: set[str] = set()
        self.latest = dict.fromkeys(NAMES, self.clock.time)
        self.index_is_broken = False
        self.restart()

    @rule()
    def restart(self):
        self.switches = KillSwitches.of(find_lab(self.root, {}, [self.root]), self.clock)

    @rule(name=names)
    def activate(self, name):
        if self.index_is_broken:
            # Every switch that was known is adopted as active, and the global one is activated.
            known = {other for other in NAMES if self.state[other] != "absent"}
            self.tampered |= known - {name, GLOBAL}
            self.tampered.discard(GLOBAL)
            self.state[GLOBAL], self.latest[GLOBAL] = "active", self.clock.time
            self.index_is_broken = False
        change = self.switches.activate(name, "why", "ann")
        assert change.event["new_state"] == "active"
        self.state[name] = "active"
        self.tampered.discard(name)
        self.latest[name] = self.clock.time

    @rule(name=names)
    def clear(self, name):
        if self.is_doubtful(name):
            with pytest.raises(StoreError, match="doubtful"):
                self.switches.clear(name, "why", "ann")
            return
        self.switches.clear(name, "why", "ann")
        self.state[name] = "cleared"
        self.latest[name] = self.clock.time

    @precondition(lambda self: self.broken_candidates())
    @rule(data=st.data())
    def break_a_file(self, data):
        name, suffix = data.draw(st.sampled_from(self.broken_candidates()))
        path = self.switches.root / f"{name}{suffix}"
        content = path.read_bytes()
        how = data.draw(st.sampled_from(["delete", "cut", "flip", "directory", "symlink", "append"]))
        if how == "append":
            path.write_bytes(content + b"{}\n")
        elif how in ("cut", "flip"):
            place = data.draw(st.integers(0, len(content) - 2))
            rest = bytes([content[place] ^ 0x15]) + content[place + 1 :] if how == "flip" else b""
            path.write_bytes(content[:place] + rest)
        else:
            path.unlink()
            path.mkdir() if how == "directory" else path.symlink_to(path) if how == "symlink" else None
        if name:
            self.tampered.add(name)
        else:
            self.index_is_broken = True

    def broken_candidates(self):
        own = [(name, suffix) for name in NAMES if name not in self.tampered for suffix in OWN]
        shared = [] if self.index_is_broken else [("", name) for name in SHARED]
        return [(name, suffix) for name, suffix in own + shared if (self.switches.root / f"{name}{suffix}").is_file()]

    @rule(minutes=st.sampled_from([-120, 1, 120]))
    def step_the_clock(self, minutes):
        self.clock.time += timedelta(minutes=minutes)

    def is_doubtful(self, name):
        is_from_the_future = self.state[name] != "absent" and self.latest[name] > self.clock.time
        return self.index_is_broken or name in self.tampered or is_from_the_future

    @invariant()
    def reads_as_the_model_says(self):
        for name in NAMES:
            reading = self.switches.read(name)
            assert reading.is_trusted != self.is_doubtful(name), (name, reading.doubts)
            assert reading.state == ("active" if self.is_doubtful(name) else self.state[name]), name

    @invariant()
    def the_gate_is_never_open_beside_an_active_switch(self):
        for name in ("k1", "k2"):
            active = {self.switches.read(other).state for other in (name, GLOBAL)}
            assert self.switches.gate(name).blocked == ("active" in active)

    @invariant()
    def sound_histories_have_whole_chains(self):
        for name in NAMES:
            if self.state[name] != "absent" and not self.is_doubtful(name):
                content = (self.switches.root / f"{name}.events.jsonl").read_bytes()
                assert not read_chain(content).problems

    def teardown(self):
        if hasattr(self, "folder"):
            self.folder.cleanup()


Switch.TestCase.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class TestSwitch(Switch.TestCase):
    def runTest(self):  # noqa: N802 - unittest's name
        with mock.patch.object(os, "fsync", return_value=None):
            super().runTest()
