"""The turns of a node's loop: bounded, interruptible, and ended by signals and exits with a clear reason."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time

import pytest

from opslab.engine.node import watchdog
from opslab.engine.node.loop import NodeLoop
from opslab.engine.node.lost_errors import LostErrors
from opslab.engine.node.turns import Turns, because
from opslab.errors import EngineError

LONG = 60.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    for name, seconds in {"PATIENCE": 0.125, "HURRY": 0.125, "AGAIN": 0.25, "LAST": 0.5, "POLL": 0.0625}.items():
        monkeypatch.setattr(watchdog, f"{name}_SECONDS", seconds)


@pytest.fixture
def turns():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    loop = NodeLoop()
    lost = LostErrors(lambda: None)
    lost.listen(loop)
    made = Turns(loop)
    made.take_signals()
    yield made
    loop.run_until_complete(asyncio.sleep(0))  # what was cut short comes to its end
    loop.close()
    lost.deafen()
    made.close()
    assert {number: signal.getsignal(number) for number in before} == before
    assert "opslab-watchdog" not in {thread.name for thread in threading.enumerate()}


async def asleep():
    time.sleep(LONG)  # noqa: ASYNC251 - that it blocks the loop is the point


async def spinning():
    while True:
        pass


async def locked():
    lock = threading.Lock()
    with lock:
        lock.acquire(timeout=LONG)


@pytest.mark.parametrize("blocks", [asleep, spinning, locked])
def test_a_turn_that_blocks_is_interrupted_and_says_where_it_stood(turns, blocks):
    began = time.monotonic()
    with pytest.raises(EngineError, match=rf"blocked: it stands at .*test_turns\.py:\d+ in {blocks.__name__}"):
        turns.run(blocks(), 0.0)
    assert time.monotonic() - began < LONG / 4
    assert turns.run(asyncio.sleep(0, "goes on"), 1.0) == "goes on"


def test_a_turn_that_swallows_the_interrupt_is_interrupted_again_and_the_last_resort_is_told(turns):
    told = []
    turns.watchdog.last_resort = told.append

    async def stubborn():
        for _ in range(4):
            with contextlib.suppress(BaseException):
                time.sleep(LONG)  # noqa: ASYNC251

    turns.run(stubborn(), 0.0)
    assert len(told) == 1
    assert "in stubborn" in told[0]


def test_a_kick_that_comes_when_its_turn_is_over_is_no_interrupt(turns, monkeypatch):
    """Two kicks may come as one, and the second then after the turn."""
    kicked = threading.Event()
    monkeypatch.setattr(watchdog.signal, "pthread_kill", lambda *_: kicked.set())

    async def blocked():
        assert kicked.wait(LONG)
        signal.raise_signal(watchdog.KICK)

    with pytest.raises(EngineError, match="blocked"):
        turns.run(blocked(), 0.0)
    signal.raise_signal(watchdog.KICK)
    turns.raise_signal()
    assert turns.run(asyncio.sleep(0, "goes on"), 1.0) == "goes on"


def test_a_turn_may_take_what_it_is_given(turns):
    async def slow():
        time.sleep(0.4)  # noqa: ASYNC251
        return "done"

    assert turns.run(slow(), 1.0) == "done"


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_ends_a_turn_that_blocks(turns, number, raised):
    async def blocked():
        os.kill(os.getpid(), number)
        time.sleep(LONG)  # noqa: ASYNC251

    with pytest.raises(EngineError, match="blocked"):
        turns.run(blocked(), LONG)
    with pytest.raises(raised):
        turns.raise_signal()


def test_a_signal_wakes_a_loop_that_turns_and_leaves_it_its_time(turns):
    async def waits():
        os.kill(os.getpid(), signal.SIGTERM)
        await turns.changed.wait()
        await asyncio.sleep(0.5)  # longer than a blocked turn is left
        return "ended by itself"

    assert turns.run(waits(), LONG) == "ended by itself"
    assert turns.signalled is signal.SIGTERM


def test_a_signal_cuts_short_what_may_be_cut(turns):
    async def connects():
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(LONG)

    with pytest.raises(EngineError, match="cut short"):
        turns.run(connects(), LONG, may_cut=True)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_an_exit_in_the_loop_is_an_error_and_no_signal(turns, kind, recwarn):
    async def handler():
        raise kind(3)

    async def waits():
        task = asyncio.get_running_loop().create_task(handler())
        await asyncio.sleep(LONG)
        del task

    with pytest.raises(EngineError, match=f"asked the process to exit: {kind.__name__}: 3"):
        turns.run(waits(), LONG)
    turns.raise_signal()
    assert not recwarn.list


def test_what_is_raised_comes_through(turns):
    async def breaks():
        raise ValueError("divided by nothing")

    with pytest.raises(ValueError, match="divided by nothing"):
        turns.run(breaks(), 1.0)
    assert str(because("it did not start", EngineError("x", where="y", fix="z"))) == "y: it did not start: x; z"


def test_what_is_called_outside_the_loop_is_bounded_too(turns):
    with pytest.raises(EngineError, match="blocked: it stands at"):
        turns.call(lambda: time.sleep(LONG), 0.0)
