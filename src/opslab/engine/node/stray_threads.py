"""Threads that were started while a node lived and outlive it: Python would wait for them at the process's end."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from opslab.engine.node.whereabouts import is_at_users, place_of

if TYPE_CHECKING:
    from types import FrameType

PATIENCE_SECONDS = 1.0
"""How long threads have to end by themselves, all together, once their node is gone."""

_POOL = "concurrent/futures/thread.py", "_worker"
"""Where an idle thread of a pool stands: it ends at the process's end by itself."""


def standing_at(frame: FrameType | None) -> str:
    """Return where a frame stands, as ``place_of``; of one that only waits for another thread, who started that."""
    waits = None if is_at_users(frame) else _waited_for(frame)
    if waits is None:
        return place_of(frame)
    started = _STARTS.places.get(waits)
    if started is None:
        started = place_of(sys._current_frames().get(waits.ident or 0))  # noqa: SLF001 - the only way to see it
        return f"the join of thread {waits.name}, which stands at {started}"
    return f"the join of thread {waits.name}, which was started at {started}"


class StrayThreads:
    """Notes who starts threads, until ``close``; threads that were there before are left out."""

    def __init__(self) -> None:
        self._before = set(threading.enumerate())
        _STARTS.listen()
        self._listens = True

    def found(self) -> list[dict[str, Any]]:
        """Return the threads that are left, by name, as JSON types of ``contract.strays.StrayThread``."""
        until = time.monotonic() + PATIENCE_SECONDS
        for thread in self._left():
            thread.join(max(0.0, until - time.monotonic()))
        frames = sys._current_frames()  # noqa: SLF001 - the only way to see where another thread stands
        rows = [
            {
                "name": thread.name,
                "started_at": _STARTS.places.get(thread),
                "stands_at": place_of(frames.get(thread.ident or 0)) or None,
            }
            for thread in self._left()
        ]
        return sorted(rows, key=lambda row: str(row["name"]))

    def close(self) -> None:
        """Note nothing more."""
        if self._listens:
            self._listens = False
            _STARTS.deafen()

    def _left(self) -> list[threading.Thread]:
        frames = sys._current_frames()  # noqa: SLF001 - as above
        own = {threading.current_thread(), threading.main_thread()}
        others = (thread for thread in threading.enumerate() if not thread.daemon and thread not in self._before | own)
        return [thread for thread in others if not _is_idle(frames.get(thread.ident or 0))]


def _waited_for(frame: FrameType | None) -> threading.Thread | None:
    """Return the thread whose end a frame waits for."""
    while frame is not None:
        if frame.f_code is threading.Thread.join.__code__:
            thread = frame.f_locals.get("self")
            return thread if isinstance(thread, threading.Thread) else None
        frame = frame.f_back
    return None


def _is_idle(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_filename.endswith(_POOL[0]) and frame.f_code.co_name == _POOL[1]


class _Starts:
    """Stands around ``Thread.start`` while anybody listens, and notes the line that called it."""

    def __init__(self) -> None:
        self.places: weakref.WeakKeyDictionary[threading.Thread, str] = weakref.WeakKeyDictionary()
        self._listeners = 0
        self._start: Any = None
        self._noting: Any = None

    def listen(self) -> None:
        self._listeners += 1
        if self._listeners > 1:
            return
        start, places = threading.Thread.start, self.places

        def noting(thread: threading.Thread) -> None:
            places[thread] = place_of(sys._getframe(1))  # noqa: SLF001 - whoever called
            start(thread)

        self._start, self._noting = start, noting
        threading.Thread.start = noting  # type: ignore[assignment, method-assign]

    def deafen(self) -> None:
        self._listeners -= 1
        if not self._listeners and threading.Thread.start is self._noting:
            threading.Thread.start = self._start  # type: ignore[method-assign]


_STARTS = _Starts()
