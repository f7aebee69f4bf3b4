"""A timer's callback that does not return is noticed, in whatever thread it stands, and nobody waits for it for ever."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from nautilus_trader.common.component import LiveClock

from opslab.engine.node import watchdog
from opslab.engine.node.loop import NodeLoop
from opslab.engine.node.lost_errors import LostErrors
from opslab.engine.node.timer_calls import TimerCalls, TimerWatch
from opslab.engine.node.turns import Turns
from opslab.errors import EngineError

LONG = 60.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    for name, seconds in {"PATIENCE": 0.25, "HURRY": 0.125, "POLL": 0.0625}.items():
        monkeypatch.setattr(watchdog, f"{name}_SECONDS", seconds)


@pytest.fixture
def loop():
    made = NodeLoop()
    yield made
    made.close()


@pytest.fixture
def lost(loop):
    made = LostErrors(lambda: None)
    made.listen(loop)
    yield made
    made.deafen()


@pytest.fixture
def turns(loop, lost):
    made = Turns(loop)
    made.take_signals()
    yield made
    made.close()


class Stuck:
    """A callback that stands until it is let go."""

    def __init__(self) -> None:
        self.began, self.may_return, self.returned = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, _event: object) -> None:
        self.began.set()
        try:
            self.may_return.wait(LONG)
        finally:
            self.returned.set()

    def begin(self) -> None:
        clock = LiveClock()
        clock.set_time_alert("stuck", clock.utc_now() + timedelta(milliseconds=1), self)
        assert self.began.wait(LONG)


@pytest.fixture
def stuck():
    """Return a callback that stands; a thread of the engine's must be free again for the tests after this one."""
    made = Stuck()
    yield made
    made.may_return.set()
    assert made.returned.wait(LONG)


class Untouched(TimerCalls):
    """Calls of a thread that is a test's own: nothing is raised in it."""

    def cut(self, _number: int) -> None:
        """Leave it alone."""


def counted(seconds):
    """Return a watch of one callback under way, after so many seconds in steps, and what was heard."""
    calls, heard = Untouched(), []
    watch = TimerWatch(heard.append, calls)
    number = calls.begin()
    for _ in range(round(seconds / 0.0625)):
        watch.look(0.0625)
    return watch, calls, number, heard


def test_a_callback_that_takes_too_long_is_told_once_with_its_line():
    watch, _, _, heard = counted(1.0)
    assert heard == [watch.blocked]
    assert f"a timer's callback stood at {__file__}:" in watch.blocked
    with pytest.raises(EngineError, match="blocked: a timer's callback stood at"):
        watch.require_returning()


def test_a_callback_has_as_long_as_any_turn():
    watch, calls, number, heard = counted(0.1875)
    calls.end(number)
    for _ in range(100):  # short ones, one after the other
        calls.end(calls.begin())
        watch.look(0.0625)
    watch.require_returning()
    assert (watch.blocked, heard) == (None, [])


def test_a_callback_of_a_node_that_was_before_is_not_held_against_the_next_one():
    _, calls, _, _ = counted(0.0)
    later = TimerWatch(lambda _line: None, calls)
    later.look(LONG)
    assert (later.blocked, later.under_way()) == (None, {})


def test_the_engine_calls_a_timer_that_stands_and_the_turns_notice(turns, stuck):
    held = []
    turns.hold = held.append
    stuck.begin()
    turns.run(asyncio.wait_for(turns.changed.wait(), LONG), LONG)
    assert held == [turns.stalled] == [turns.timers.blocked]
    assert "test_timer_calls.py:" in turns.stalled
    assert turns.stalled.endswith("in __call__, where no signal interrupts it")


def test_what_is_noted_ends_with_a_callback_that_raises(turns, monkeypatch):
    monkeypatch.setattr(watchdog, "PATIENCE_SECONDS", LONG)
    clock, came = LiveClock(), threading.Event()

    def breaks(_event):
        came.set()
        raise ValueError("nobody hears")

    clock.set_time_alert("breaks", clock.utc_now() + timedelta(milliseconds=1), breaks)
    assert came.wait(LONG)
    turns.let_timers_return()
    assert (turns.timers.under_way(), turns.timers.blocked) == ({}, None)


def test_time_in_which_the_node_does_not_work_is_not_counted(turns, stuck):
    stuck.begin()
    polls = []
    turns.watchdog.beside = lambda seconds: (polls.append(seconds), turns.timers.look(seconds))
    assert not stuck.returned.wait(0.5)
    assert (polls, turns.timers.blocked) == ([], None)


def test_a_node_that_stops_waits_for_a_callback_that_returns(turns, stuck, monkeypatch):
    monkeypatch.setattr(watchdog, "PATIENCE_SECONDS", LONG)
    stuck.begin()
    threading.Timer(0.1, stuck.may_return.set).start()
    turns.let_timers_return()
    assert stuck.returned.is_set()
    assert turns.timers.blocked is None


def test_a_node_that_stops_does_not_wait_for_ever(turns, stuck):
    stuck.begin()
    turns.let_timers_return()
    assert turns.timers.blocked is not None
    turns.let_timers_return()
    assert not stuck.returned.is_set()


def test_after_a_signal_it_is_not_waited_for_as_long(turns, stuck, monkeypatch):
    monkeypatch.setattr(watchdog, "PATIENCE_SECONDS", LONG)
    stuck.begin()
    signal.raise_signal(signal.SIGTERM)
    turns.let_timers_return()
    assert turns.timers.blocked is not None


def test_a_callback_that_loops_for_ever_is_ended_and_its_end_is_no_error_of_its_own(turns, lost):
    clock, began, ended = LiveClock(), threading.Event(), threading.Event()

    def spins(_event):
        began.set()
        try:
            while not ended.wait(0.001):
                pass
        finally:
            ended.set()

    clock.set_time_alert("spins", clock.utc_now() + timedelta(milliseconds=1), spins)
    assert began.wait(LONG)
    turns.let_timers_return()
    assert ended.wait(LONG)
    assert "in spins" in turns.timers.blocked
    assert lost.first is None


_LOOPS = """
import threading, time
from datetime import timedelta
from nautilus_trader.common.component import LiveClock
from opslab.engine.node.lost_errors import LostErrors
from opslab.engine.node.loop import NodeLoop

loop, began = NodeLoop(), threading.Event()
LostErrors(lambda: None).listen(loop)

def loops(_event):
    began.set()
    while True:
        time.sleep(0.001)

clock = LiveClock()
clock.set_time_alert("loops", clock.utc_now() + timedelta(milliseconds=1), loops)
assert began.wait(60.0)
loop.close()
"""


def test_a_process_ends_with_its_own_code_while_a_callback_loops():
    ended = subprocess.run([sys.executable, "-c", _LOOPS], capture_output=True, timeout=LONG, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
