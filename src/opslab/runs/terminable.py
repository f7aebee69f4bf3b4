"""SIGTERM while a run is prepared or ended: it stops the run as Ctrl-C does, so that its end is recorded."""

from __future__ import annotations

import contextlib
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@dataclass
class Termination:
    """Whether SIGTERM came.

    Attributes:
        came: it did.
        is_over: it changes nothing any more: the run is being ended.
    """

    came: bool = False
    is_over: bool = False

    def end(self) -> SystemExit | None:
        """Let the run be ended undisturbed, and return why it is: None when SIGTERM did not come."""
        self.is_over = True
        return _exit() if self.came else None


@contextlib.contextmanager
def terminable() -> Iterator[Termination]:
    """Let SIGTERM raise ``SystemExit`` once inside the block, where nobody else handles it; later ones change nothing.

    Yields:
        Whether it came: what was interrupted may have turned the exit into an error of its own.
    """
    found = Termination()
    is_ours = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )

    def hear(_number: int, _frame: FrameType | None) -> None:
        if not (found.came or found.is_over):
            found.came = True
            raise _exit()

    if is_ours:
        signal.signal(signal.SIGTERM, hear)
    try:
        yield found
    finally:
        if is_ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit() -> SystemExit:
    return SystemExit(128 + signal.SIGTERM)
