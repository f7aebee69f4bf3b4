"""Ends a turn of the node that takes too long: a strategy that blocks the main thread blocks everything else.

The node works in turns of the main thread. A thread of its own counts how long the present one takes. When that is too
long, it sends the main thread a signal whose handler raises ``Stalled`` there: out of ``time.sleep``, a lock or a loop.
A turn that swallows that is interrupted again, each second; and if nothing helps, ``last_resort`` is called.

Only time in which this process ran is counted, so that a process that was stopped and goes on is not taken for stalled.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from typing import TYPE_CHECKING

from opslab.engine.node.stray_threads import standing_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

PATIENCE_SECONDS = 10.0
"""How much longer a turn may take than it was given."""

HURRY_SECONDS = 2.0
"""How long a turn may go on after a signal asked the process to stop."""

LAST_SECONDS = 5.0
"""How long a turn may go on after it was interrupted first, until ``last_resort``."""

POLL_SECONDS = 0.25
AGAIN_SECONDS = 1.0
KICK = signal.SIGURG
"""The signal that interrupts the main thread; who owns the process's signals lets ``hear`` handle it.

Nobody asks a process to stop by it: a kick that comes late is never taken for Ctrl-C, and unhandled it does nothing.
"""


class Stalled(KeyboardInterrupt):
    """Raised in the main thread in the midst of a turn that takes too long; its text says where it stood.

    A ``KeyboardInterrupt``, since asyncio lets only that and ``SystemExit`` out of a task at once.
    """


class Watchdog:
    """Watches the turns of the main thread; made in it.

    Args:
        last_resort: is called in the watchdog's thread with where the main thread stands, once a turn that cannot be
            interrupted.

    Attributes:
        last_resort: as given.
        beside: is called in the watchdog's thread, again and again in each turn, with the seconds since the last time.
    """

    def __init__(self, last_resort: Callable[[str], None] = lambda _place: None) -> None:
        self.last_resort = last_resort
        self.beside: Callable[[float], None] = lambda _seconds: None
        self._main = threading.main_thread().ident or 0
        self._over = threading.Event()
        self._number = 0
        self._allowed = 0.0
        self._is_busy = self._is_hurried = False
        self._kicked: int | None = None
        self._thread = threading.Thread(target=self._watch, name="opslab-watchdog", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """A turn of the main thread that may take so long, and the patience that every turn is given."""
        self._number += 1
        self._allowed, self._is_hurried, self._is_busy = seconds + PATIENCE_SECONDS, False, True
        try:
            yield
        finally:
            self._is_busy = False

    def hurry(self) -> None:
        """Somebody asks the process to stop: the present turn is left little time, unless ``calm`` is called."""
        self._is_hurried = True

    def calm(self) -> None:
        """The loop turns: it has heard."""
        self._is_hurried = False

    def hear(self, _number: int, frame: FrameType | None) -> None:
        """Handle a kick; called in the main thread.

        Raises:
            Stalled: the turn that is to be ended still goes on.
        """
        kicked, self._kicked = self._kicked, None
        if self._is_busy and kicked == self._number:
            raise Stalled(f"it stands at {standing_at(frame)}")

    def close(self) -> None:
        """Watch no longer."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _watch(self) -> None:
        number, took, hurried, late = 0, 0.0, 0.0, 0
        while not self._over.wait(POLL_SECONDS):
            if self._is_busy:
                self.beside(POLL_SECONDS)
            if not self._is_busy or self._number != number:
                number, took, hurried, late = self._number, 0.0, 0.0, 0
                continue
            took += POLL_SECONDS
            hurried = hurried + POLL_SECONDS if self._is_hurried else 0.0
            if took < self._allowed and hurried < HURRY_SECONDS and not late:
                continue
            if late % round(AGAIN_SECONDS / POLL_SECONDS) == 0:
                self._kick(number)
            if late == round(LAST_SECONDS / POLL_SECONDS):
                self.last_resort(standing_at(sys._current_frames().get(self._main)))  # noqa: SLF001 - its only way
            late += 1

    def _kick(self, number: int) -> None:
        if self._is_busy and self._number == number:
            self._kicked = number
            signal.pthread_kill(self._main, KICK)
