"""Looks again and again, on a node's own loop, for as long as the node runs; and asks the venue in between."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from opslab.errors import EngineError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine


class Ticking:
    """Calls a function at an interval while a node runs; ends with the node's loop.

    Args:
        kernel: the node's kernel.
        seconds: the interval.
        look: what is called; what it raises is given to ``trouble``, and it is called again all the same.
        trouble: hears what ``look`` raised.
    """

    def __init__(
        self, kernel: Any, seconds: float, look: Callable[[], None], trouble: Callable[[Exception], None]
    ) -> None:
        self._kernel, self._seconds, self._look, self._trouble = kernel, seconds, look, trouble

    def start(self) -> None:
        """Begin; nothing is called before the node runs."""
        self._kernel.loop.call_later(self._seconds, self._tick)

    def _tick(self) -> None:
        try:
            if self._kernel.is_running():
                self._look()
        except Exception as error:  # noqa: BLE001 - a guard that cannot look must say so, and look again
            self._trouble(error)
        finally:
            self._kernel.loop.call_later(self._seconds, self._tick)


class Errand:
    """One question at a time: what is asked while the last one is open is left out.

    Args:
        kernel: the node's kernel, whose loop runs it.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._task: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a question waits for its answer."""
        return self._task is not None and not self._task.done()

    def run(self, ask: Callable[[], Coroutine[Any, Any, object]]) -> bool:
        """Start a question unless one is open; return whether it was started. What it raises is lost."""
        if self.is_open:
            return False
        self._task = self._kernel.loop.create_task(_borne(ask()))
        return True


async def _borne(asking: Coroutine[Any, Any, object]) -> None:
    with contextlib.suppress(Exception):
        await asking


def require_names(owner: Any, names: tuple[str, ...], guard: str) -> None:
    """Refuse an adapter that has not what a guard stands on.

    Args:
        owner: a client of the adapter, or a part of it.
        names: what it must have.
        guard: who stands on it.

    Raises:
        EngineError: one of them is missing.
    """
    if missing := [name for name in names if not hasattr(owner, name)]:
        raise EngineError(
            f"the adapter's {type(owner).__name__} has no {missing[0]}: guard {guard} cannot stand before it",
            fix="use the version of NautilusTrader that the lab was built for, or leave the guard out",
        )
