"""The event loop of a node: it bears with what the node's Rust threads still bring when it is closed."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any


class NodeLoop(asyncio.SelectorEventLoop):
    """An event loop that closes late coroutines instead of raising.

    A connection that a node of 1.231 had lost goes on reconnecting on a Rust thread after the node was stopped, and
    then makes a task on a loop that is closed: the error goes nowhere, and the coroutine that was never awaited is
    reported in the middle of something else.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()

    def create_task(self, coroutine: Any, **words: Any) -> Any:  # type: ignore[override]
        """Return a task, or a cancelled future when the loop is closed."""
        if not self.is_closed():
            task = super().create_task(coroutine, **words)
            self._tasks.add(task)
            return task
        coroutine.close()
        late: asyncio.Future[Any] = asyncio.Future(loop=self)
        late.cancel()  # nothing waits for it, so nothing is scheduled
        return late

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        """Call ``callback`` on the loop, unless the loop is closed."""
        if self.is_closed():
            return None
        return super().call_soon_threadsafe(callback, *args, context=context)

    def unheard(self) -> list[tuple[str, BaseException]]:
        """Return what tasks raised that somebody holds and nobody asked for it, by name of the task."""
        # Only the mark with which asyncio itself reports a task tells that; asking for the exception takes it away.
        raised = [task for task in self._tasks if task.done() and getattr(task, "_log_traceback", False)]
        found = [(task.get_name(), task.exception()) for task in raised]
        return [(name, error) for name, error in found if error is not None]
