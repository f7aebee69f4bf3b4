"""What strategies of a node left running when the node was gone: threads and processes that they started."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Self

from opslab.engine.node.descendants import adopting, descendants, end_all
from opslab.engine.node.stray_threads import StrayThreads
from opslab.errors import EngineError

if TYPE_CHECKING:
    from opslab.engine.node.descendants import Process

EVENT = "strays_found"

PATIENCE_SECONDS = 0.5
"""How long processes have to end by themselves, all together, once their node is gone."""

_LOOK_SECONDS = 0.05


class Strays:
    """Remembers what runs before a node is built, and finds what was added when it is gone.

    Args:
        is_own: whether this process is the run's own, so that whatever descends from it later is the run's: it is ended
            then. Else somebody else, such as a drill, may have started it: it is named, and left alone.
    """

    def __init__(self, *, is_own: bool) -> None:
        self._is_own = is_own
        self._open = contextlib.ExitStack()
        if is_own:
            self._open.enter_context(adopting())
        self._threads = StrayThreads()
        self._open.callback(self._threads.close)
        self._before = self._processes()
        self._facts: dict[str, Any] | None = None

    def look(self) -> dict[str, Any] | None:
        """Return what ``contract.strays.StraysFound`` tells, as JSON types; None when nothing was left, or told before.

        To be called when nothing of the node or its venue runs any more.
        """
        if self._facts is not None:
            return None
        processes, unknown = self._ended()
        rows = [
            {"pid": process.pid, "command": process.command, "ended_by": ended}
            for process, ended in sorted(processes.items(), key=lambda item: item[0].pid)
        ]
        threads = self._threads.found()
        self._facts = {"threads": threads, "processes": rows, "is_own": self._is_own, "unknown": unknown}
        return self._facts if threads or rows or unknown else None

    def require_none(self) -> None:
        """Refuse to call a run complete that leaves a process which cannot be ended.

        Raises:
            EngineError: naming it.
        """
        rows = self._facts["processes"] if self._facts and self._is_own else ()
        for row in rows:
            if row["ended_by"] is None:
                what = f"a process outlives the run: {row['command']}"
                fix = "end it by hand, and let the strategy end what it starts"
                raise EngineError(what, where=f"process {row['pid']}", fix=fix)

    def close(self) -> None:
        """Give back what was taken of the process."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _processes(self) -> set[Process] | str:
        """Return the living descendants, or why nobody knows them."""
        try:
            return descendants()
        except EngineError as error:
            return str(error)

    def _ended(self) -> tuple[dict[Process, str | None], str | None]:
        before, left = self._before, self._left()
        if isinstance(before, str) or isinstance(left, str):
            return {}, before if isinstance(before, str) else str(left)
        if not left or not self._is_own:
            return dict.fromkeys(left), None
        try:
            return end_all(before), None
        except EngineError as error:
            return dict.fromkeys(left), str(error)

    def _left(self) -> set[Process] | str:
        """Return those that were added and do not end by themselves."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            now = self._processes()
            if isinstance(now, str) or isinstance(self._before, str):
                return now
            left = now - self._before
            if not left or time.monotonic() >= until:
                return left
            time.sleep(_LOOK_SECONDS)
