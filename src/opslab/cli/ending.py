"""The end of a ``tc`` process: its exit code is the command's own, whatever late signals or threads make of it."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAVE_SECONDS = 2.0
"""How long what a command's strategy left, such as threads, pools and exit handlers, may keep the process."""

FLUSH_SECONDS = 0.25
"""How long a process that is ended may take to write out what was printed late."""

_ASKING = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """Hear no signal that asks the process to stop, inside the block: it stops, and has yet to say why."""
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in _ASKING} if is_main else {}
    for number in before:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_deaf() -> None:
    """Let signals that come while the interpreter ends change nothing: its end would give SIGINT back to the kernel."""
    atexit.unregister(_deafen)
    atexit.register(_deafen)


def end_in_time(code: int) -> None:
    """Let the process end soon after its last word, though Python would wait for whatever a command left.

    A caller that lives on is let alone: only a call out of the process's main module counts, and only when the
    interpreter ends right after it.

    Args:
        code: the exit code that it is to have.
    """
    if is_of_process():
        _LAST[:] = [_Ending(code)]
        _LAST[0].watch()


class _Ending:
    """Ends a process that is kept after its interpreter began to end; everything was written before.

    Args:
        code: its exit code.
    """

    def __init__(self, code: int) -> None:
        self._code, self._told = code, time.monotonic()
        self._began = threading.Event()

    def watch(self) -> None:
        """Wait beside the main thread for its end.

        The standard library has no public call for that moment: pools are waited for before the main thread counts as
        ended (``threading._shutdown`` of Python 3.13), and public exit handlers come after all threads.
        """
        register = getattr(threading, "_register_atexit", None)
        with contextlib.suppress(RuntimeError):  # no thread can be started: it ends as Python has it
            threading.Thread(target=self._end, name="opslab-ending", daemon=True).start()
            if register is not None:
                register(self._begin)  # the last that is registered is called first
            else:
                threading.Thread(target=self._begin_after_main, daemon=True).start()

    def _begin(self) -> None:
        if [self] == _LAST and time.monotonic() - self._told < LEAVE_SECONDS:
            self._began.set()

    def _begin_after_main(self) -> None:
        threading.main_thread().join()
        self._begin()

    def _end(self) -> None:
        self._began.wait()
        time.sleep(LEAVE_SECONDS)
        with contextlib.suppress(RuntimeError):
            flushing = threading.Thread(target=_flush, daemon=True)
            flushing.start()
            flushing.join(FLUSH_SECONDS)
        os._exit(self._code)


_LAST: list[_Ending] = []
"""What was begun last in this process, if anything."""


def is_of_process() -> bool:
    """Return whether the process's main module called into the lab: nobody goes on after the command."""
    frame = sys._getframe(1)  # noqa: SLF001 - the only way to know
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("opslab."):
        frame = frame.f_back
    return frame.f_globals.get("__name__") == "__main__"


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _deafen() -> None:
    for number in _ASKING:
        signal.signal(number, signal.SIG_IGN)
