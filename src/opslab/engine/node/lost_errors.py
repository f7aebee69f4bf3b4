"""Hears of exceptions that nobody handles: in timers, threads, tasks and finalizers, while a node lives.

NautilusTrader 1.231 calls a timer's callback from a thread of its runtime, and writes what it raises into a log that is
off. The standard library prints what a thread raised, or a task that nobody awaits, and goes on. A node whose strategy
lost an exception has not done what it was asked to.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Any

from nautilus_trader.common import component

from opslab.engine.node.timer_calls import TIMER_CALLS
from opslab.engine.node.watchdog import Stalled
from opslab.engine.node.whereabouts import is_users_fault, raised_at
from opslab.errors import EngineError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

_WRAPPER = "create_pyo3_conversion_wrapper"


class LostErrors:
    """What one node lost. Hooks of the process are taken while any node listens, and given back after the last.

    Args:
        heard: is called, in whatever thread, when something was lost.

    Attributes:
        first: what was lost first, in a line; None while nothing was.
    """

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard
        self.first: str | None = None

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the hooks, and the loop's.

        Raises:
            EngineError: the engine calls its timers otherwise than this was written for.
        """
        loop.set_exception_handler(self._of_loop)
        _HOOKS.add(self)

    def deafen(self) -> None:
        """Listen no longer."""
        _HOOKS.remove(self)

    def lose(self, where: str, error: BaseException) -> None:
        """Take note of an exception.

        Args:
            where: what raised it.
            error: the exception.
        """
        if self.first is None:
            self.first = one_line(f"{where} raised {told(error)}")
        self._heard()

    def _of_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, SystemExit | KeyboardInterrupt):
            return  # whoever turned the loop was given it
        if error is None or not is_users_fault(error):  # the engine's own affair, which drills judge by what it does
            loop.default_exception_handler(context)
            return
        task = context.get("task") or context.get("future")
        self.lose(f"task {task.get_name()}" if isinstance(task, asyncio.Task) else "a callback", error)


def told(error: BaseException) -> str:
    """Return an exception and where it was raised, in a line."""
    place = raised_at(error.__traceback__)
    return one_line(f"{type(error).__name__}: {error}" + (f" (at {place})" if place else ""))


class _Hooks:
    """The hooks of the process."""

    def __init__(self) -> None:
        self._listeners: list[LostErrors] = []
        self._wrapper: Any = None
        self._of_threads: Any = None
        self._of_finalizers: Any = None

    def add(self, listener: LostErrors) -> None:
        if not self._listeners:
            self._take()
        self._listeners.append(listener)

    def remove(self, listener: LostErrors) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)
            if not self._listeners:
                self._give_back()

    def _take(self) -> None:
        wrapper = getattr(component, _WRAPPER, None)
        if not callable(wrapper):
            what = f"this NautilusTrader has no {_WRAPPER}: what its timers raise would be lost"
            raise EngineError(what, fix="use the NautilusTrader that the lab is made for")
        self._wrapper, self._of_threads, self._of_finalizers = wrapper, threading.excepthook, sys.unraisablehook
        setattr(component, _WRAPPER, self._converted)
        threading.excepthook = self._thread_raised
        sys.unraisablehook = self._finalizer_raised

    def _give_back(self) -> None:
        if getattr(component, _WRAPPER) == self._converted:
            setattr(component, _WRAPPER, self._wrapper)
        if threading.excepthook == self._thread_raised:
            threading.excepthook = self._of_threads
        if sys.unraisablehook == self._finalizer_raised:
            sys.unraisablehook = self._of_finalizers

    def _converted(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return what the engine's clock calls, as the engine makes it, with what it raises told."""
        called = self._wrapper(callback)

        def guarded(capsule: Any) -> None:
            try:
                number = TIMER_CALLS.begin()
                try:
                    called(capsule)
                finally:
                    TIMER_CALLS.end(number)
            except Stalled:
                pass  # the lab's own, who told of it before
            except BaseException as error:  # noqa: BLE001 - an exit in a thread of the engine's must end it no more
                self._tell("a timer", error)

        return guarded

    def _thread_raised(self, words: Any) -> None:
        if words.exc_value is not None and not isinstance(words.exc_value, SystemExit):
            self._tell(f"thread {words.thread.name if words.thread else '?'}", words.exc_value)

    def _finalizer_raised(self, words: Any) -> None:
        error = words.exc_value
        if error is None or isinstance(error, Warning) or not is_users_fault(error):  # of what was collected just now
            self._of_finalizers(words)
            return
        self._tell(one_line(words.err_msg or f"a finalizer of {type(words.object).__name__}", 80), error)

    def _tell(self, where: str, error: BaseException) -> None:
        for listener in tuple(self._listeners):
            listener.lose(where, error)


_HOOKS = _Hooks()
