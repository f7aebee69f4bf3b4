"""The event loop of a node: it bears with what the node's Rust threads still bring when it is closed."""

from __future__ import annotations

import asyncio
from typing import Any


class NodeLoop(asyncio.SelectorEventLoop):
    """An event loop that closes late coroutines instead of raising.

    A connection that a node of 1.231 had lost goes on reconnecting on a Rust thread after the node was stopped, and
    then makes a task on a loop that is closed: the error goes nowhere, and the coroutine that was never awaited is
    reported in the middle of something else.
    """

    def create_task(self, coroutine: Any, **words: Any) -> Any:  # type: ignore[override]
        """Return a task, or a cancelled future when the loop is closed."""
        if not self.is_closed():
            return super().create_task(coroutine, **words)
        coroutine.close()
        late: asyncio.Future[Any] = asyncio.Future(loop=self)
        late.cancel()  # nothing waits for it, so nothing is scheduled
        return late

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        """Call ``callback`` on the loop, unless the loop is closed."""
        if self.is_closed():
            return None
        return super().call_soon_threadsafe(callback, *args, context=context)
