"""The living descendants of this process, and their end: by process id, through a handle that no other process gets.

Source: proc(5) for ``/proc/<pid>/stat``, prctl(2) for ``PR_SET_CHILD_SUBREAPER``, pidfd_open(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from opslab.errors import EngineError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TERM_SECONDS = 2.0
"""How long a process has to end after SIGTERM."""

KILL_SECONDS = 2.0
"""How long the kernel has to end one after SIGKILL."""

ROUNDS = 8
"""How often is looked for what those that were ended had started."""

_PROC = Path("/proc")
_DEAD = ("Z", "X", "x")
_SET_SUBREAPER, _GET_SUBREAPER = 36, 37  # prctl(2)
_PARENT, _STARTED = 1, 19  # fields behind the state: ppid is the 4th, starttime the 22nd of all


@dataclass(frozen=True)
class Process:
    """A living process.

    Attributes:
        pid: its process id.
        started: when it was started, in the kernel's ticks: tells it from a later one of the same id.
        command: the kernel's short name of it, without arguments.
    """

    pid: int
    started: int
    command: str


def descendants(pid: int | None = None) -> set[Process]:
    """Return the living descendants of a process, this one by default.

    Raises:
        EngineError: the kernel does not tell.
    """
    try:
        names = [name for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 - ids, not paths
    except OSError as error:
        fix = "run where /proc is readable (Linux)"
        raise EngineError(f"processes cannot be looked at: {error.strerror}", where=_PROC, fix=fix) from error
    children: dict[int, list[Process]] = {}
    for found, parent in filter(None, map(_read, names)):
        children.setdefault(parent, []).append(found)
    return set(_below(children, os.getpid() if pid is None else pid))


def end_all(before: Iterable[Process]) -> dict[Process, str | None]:
    """End every descendant of this process but those that were there before; first with SIGTERM, then with SIGKILL.

    Args:
        before: whom to leave alone.

    Returns:
        The name of the signal that ended each; None: it lives on.

    Raises:
        EngineError: the kernel does not tell who they are.
    """
    ended: dict[Process, str | None] = {}
    for _ in range(ROUNDS):  # what a process that was ended had started becomes ours then
        found = descendants() - set(before) - ended.keys()
        if not found:
            break
        ended |= _end(found)
    return ended


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Become the parent of every descendant that loses its own, inside the block, where the kernel knows how to."""
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    was = ctypes.c_int(0)
    if prctl is not None:
        prctl(_GET_SUBREAPER, ctypes.byref(was), 0, 0, 0)
        prctl(_SET_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        if prctl is not None:
            prctl(_SET_SUBREAPER, was.value, 0, 0, 0)


def _end(found: Iterable[Process]) -> dict[Process, str | None]:
    with contextlib.ExitStack() as handles:
        living = {process: handle for process in found if (handle := _handle(process, handles)) is not None}
        ended: dict[Process, str | None] = dict.fromkeys(living)
        for number, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
            for handle in living.values():
                with contextlib.suppress(OSError):  # it is gone, or another user's; what lives on is told
                    signal.pidfd_send_signal(handle, number)
            for process in _gone(living, seconds):
                ended[process] = number.name
                with contextlib.suppress(ChildProcessError):  # else a dead child stays a zombie until its parent ends
                    os.waitid(os.P_PIDFD, living.pop(process), os.WEXITED | os.WNOHANG)
        return ended


def _handle(process: Process, handles: contextlib.ExitStack) -> int | None:
    """Return a handle of a process; None: it is gone, or the kernel has none for us."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return None
    handles.callback(os.close, handle)
    now = _read(str(process.pid))
    return handle if now is not None and now[0].started == process.started else None


def _gone(living: dict[Process, int], seconds: float) -> list[Process]:
    """Wait until all are gone, at most so long, and return those that are."""
    waiting = {handle: process for process, handle in living.items()}
    poll, until, gone = select.poll(), time.monotonic() + seconds, []
    for handle in waiting:
        poll.register(handle, select.POLLIN)  # a handle can be read once its process has ended
    while waiting and (left := until - time.monotonic()) > 0:
        for handle, _ in poll.poll(left * 1000):
            poll.unregister(handle)
            gone.append(waiting.pop(handle))
    return gone


def _below(children: dict[int, list[Process]], pid: int) -> Iterator[Process]:
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            waiting.append(child.pid)
            yield child


def _read(name: str) -> tuple[Process, int] | None:
    """Return a process and its parent's id; None: it is dead, or was just now."""
    try:
        content = (_PROC / name / "stat").read_text(errors="replace")
    except OSError:
        return None
    head, _, rest = content.rpartition(")")
    fields = rest.split()
    if not fields or fields[0] in _DEAD:
        return None
    command = one_line(head.partition("(")[2], 60)
    return Process(int(name), int(fields[_STARTED]), command), int(fields[_PARENT])
