"""Notices a timer's callback that does not return: the engine calls it in a thread that others wait for.

NautilusTrader 1.231 calls the callbacks of all timers, of whatever clock, from the few threads of one runtime. One that
blocks takes a thread away, and what waits in the queue of that thread is not called: it may be any other timer. No
signal interrupts it: Python's handlers run in the main thread only. An exception can be raised in it, which reaches it
when it executes Python code, and not while it sleeps or waits.

Only time in which the node works is counted, as the watchdog counts it.
"""

from __future__ import annotations

import atexit
import ctypes
import itertools
import sys
import threading
import time
from typing import TYPE_CHECKING

from opslab.engine.node import watchdog
from opslab.engine.node.watchdog import Stalled
from opslab.engine.node.whereabouts import place_of
from opslab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

END_SECONDS = 0.5
"""How long callbacks have to end once the interpreter does."""

_AGAIN_SECONDS = 0.01
FIX = "keep timers' callbacks short: while one waits, others may not be called"


class TimerCalls:
    """The callbacks of the process's timers that are under way, in whatever thread."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._threads: dict[int, int] = {}
        self._cut: set[int] = set()
        self._lock = threading.Lock()
        self._is_over = False

    def begin(self) -> int:
        """A callback begins in the calling thread; return its number, which grows.

        Raises:
            Stalled: none may begin any more.
        """
        if self._is_over:
            raise Stalled
        number = next(self._numbers)
        self._threads[number] = threading.get_ident()
        return number

    def end(self, number: int) -> None:
        """A callback returned or raised."""
        with self._lock:
            thread = self._threads.pop(number, None)
            if thread is not None and number in self._cut:
                self._cut.discard(number)
                _raise_in(thread, None)  # what was to end this one must not end the next

    def cut(self, number: int) -> None:
        """Raise ``Stalled`` in a callback as soon as it executes Python code; one that ended is left alone."""
        with self._lock:
            if (thread := self._threads.get(number)) is not None:
                self._cut.add(number)
                _raise_in(thread, Stalled)

    def end_all(self) -> None:
        """Let no callback begin any more, and end those that execute Python code.

        The engine aborts a process whose interpreter ends while one of its threads executes Python code.
        """
        self._is_over = True
        until = time.monotonic() + END_SECONDS
        while (numbers := self.under_way()) and time.monotonic() < until:
            for number in numbers:
                self.cut(number)
            time.sleep(_AGAIN_SECONDS)

    def under_way(self) -> dict[int, int]:
        """Return the callbacks under way, the oldest first: their numbers, and the identifiers of their threads."""
        return dict(sorted(self._threads.copy().items()))


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    """Have an exception raised in a thread, or, with None, not raised there any more."""
    what = ctypes.py_object(kind) if kind is not None else ctypes.c_void_p()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)


TIMER_CALLS = TimerCalls()
"""Those of this process: the engine's runtime is one for all of its nodes."""
atexit.register(TIMER_CALLS.end_all)


class TimerWatch:
    """Counts how long callbacks of timers take that began since it was made.

    Args:
        heard: is called in the watchdog's thread, once, with the line of ``blocked``.
        calls: the callbacks that are under way.

    Attributes:
        blocked: where a callback stands that took too long, in a line; None while none did.
    """

    def __init__(self, heard: Callable[[str], None], calls: TimerCalls = TIMER_CALLS) -> None:
        self._heard, self._calls = heard, calls
        self._before = frozenset(calls.under_way())
        self._took: dict[int, float] = {}
        self.blocked: str | None = None

    def under_way(self) -> dict[int, int]:
        """Return the callbacks under way, as ``TimerCalls.under_way``, but for those of nodes that were before."""
        return {number: thread for number, thread in self._calls.under_way().items() if number not in self._before}

    def look(self, seconds: float) -> None:
        """Count: the node worked for so long since the last look."""
        calls = self.under_way()
        self._took = {number: self._took.get(number, 0.0) + seconds for number in calls}
        for number, took in self._took.items():
            if took >= watchdog.PATIENCE_SECONDS:
                self.give_up(number)

    def give_up(self, number: int) -> None:
        """Wait no longer for a callback, and end it if that is possible; only the first one is told of."""
        if self.blocked is None:
            thread = self._calls.under_way().get(number, 0)
            place = place_of(sys._current_frames().get(thread)) or "a line that is not known"  # noqa: SLF001 - its only way
            self.blocked = f"the node was blocked: a timer's callback stood at {place}, where no signal interrupts it"
            self._heard(self.blocked)
        self._calls.cut(number)

    def require_returning(self) -> None:
        """Refuse to go on when a callback took too long.

        Raises:
            EngineError: saying where it stands.
        """
        if self.blocked is not None:
            raise EngineError(self.blocked, fix=FIX)
