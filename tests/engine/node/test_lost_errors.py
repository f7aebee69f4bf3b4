"""Exceptions that nobody handles are heard while a node lives, and left to others before and after."""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import timedelta

import pytest
from nautilus_trader.common import component
from nautilus_trader.common.component import LiveClock

from opslab.engine.node.loop import NodeLoop
from opslab.engine.node.lost_errors import LostErrors
from opslab.errors import EngineError

HOOKS = lambda: (component.create_pyo3_conversion_wrapper, threading.excepthook, sys.unraisablehook)  # noqa: E731


class Listening:
    def __init__(self) -> None:
        self.came = threading.Event()
        self.loop = NodeLoop()
        self.lost = LostErrors(self.came.set)
        self.lost.listen(self.loop)


@pytest.fixture
def listening():
    before = HOOKS()
    found = Listening()
    yield found
    found.lost.deafen()
    found.loop.close()
    assert HOOKS() == before


def breaks(*_):
    raise ValueError("nobody\nhears")


def test_a_thread(listening):
    thread = threading.Thread(target=breaks, name="feed")
    thread.start()
    thread.join()
    assert listening.came.is_set()
    assert listening.lost.first.startswith(r"thread feed raised ValueError: nobody\nhears (at ")
    assert f"{__file__}:" in listening.lost.first


def test_a_thread_that_exits_is_none(listening):
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
    assert listening.lost.first is None


@pytest.mark.parametrize("is_default", [True, False])
def test_a_timer_of_a_live_clock(listening, is_default):
    clock = LiveClock()
    if is_default:
        clock.register_default_handler(breaks)
    clock.set_timer("soon", timedelta(milliseconds=10), callback=None if is_default else breaks)
    assert listening.came.wait(10)
    clock.cancel_timers()
    assert "a timer raised ValueError" in listening.lost.first


def test_a_task_that_nobody_awaits(listening):
    async def work():
        breaks()

    async def strategy():
        asyncio.get_running_loop().create_task(work(), name="signals")
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    listening.loop.run_until_complete(strategy())
    assert listening.lost.first.startswith("task signals raised ValueError")


def test_a_task_that_somebody_holds_is_found_at_the_end(listening):
    async def work():
        breaks()

    async def strategy():
        task = asyncio.get_running_loop().create_task(work(), name="signals")
        await asyncio.sleep(0)
        return task

    held = listening.loop.run_until_complete(strategy())
    assert listening.lost.first is None
    assert [(name, str(error)) for name, error in listening.loop.unheard()] == [("signals", "nobody\nhears")]
    assert held.done()
    assert listening.loop.unheard() == []


def test_a_task_that_is_awaited_later_is_none(listening):
    async def work():
        breaks()

    async def strategy():
        task = asyncio.get_running_loop().create_task(work())
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="nobody"):
            await task

    listening.loop.run_until_complete(strategy())
    assert (listening.lost.first, listening.loop.unheard()) == (None, [])


def test_a_callback_of_the_loop(listening):
    async def strategy():
        asyncio.get_running_loop().call_soon(breaks)
        await asyncio.sleep(0)

    listening.loop.run_until_complete(strategy())
    assert listening.lost.first.startswith("a callback raised ValueError")


def test_a_finalizer(listening):
    class Held:
        __del__ = breaks

    Held()
    assert "ValueError" in listening.lost.first


def test_only_the_first_is_kept(listening):
    for name in ("one", "two"):
        listening.lost.lose(name, ValueError("x"))
    assert listening.lost.first.startswith("one raised")


def test_two_nodes_both_hear_and_the_last_gives_the_hooks_back(listening):
    other = Listening()
    thread = threading.Thread(target=breaks)
    thread.start()
    thread.join()
    assert listening.lost.first == other.lost.first != None  # noqa: E711
    other.lost.deafen()
    other.loop.close()


def test_an_engine_without_the_wrapper_is_refused(monkeypatch):
    monkeypatch.delattr(component, "create_pyo3_conversion_wrapper")
    loop = NodeLoop()
    with pytest.raises(EngineError, match="what its timers raise would be lost"):
        LostErrors(lambda: None).listen(loop)
    loop.close()
