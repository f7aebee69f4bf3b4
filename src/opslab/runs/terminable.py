"""Signals while a run is prepared or ended: the first one stops it, so that its end is recorded; no other one hurts."""

from __future__ import annotations

import contextlib
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_UNHANDLED: dict[signal.Signals, Any] = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
"""What each signal meets where nobody else handles it."""


@dataclass
class Termination:
    """Whether a signal came.

    Attributes:
        came: the first one that did; None: none.
        is_over: none changes anything any more: the run is being ended.
    """

    came: signal.Signals | None = None
    is_over: bool = False

    def end(self) -> KeyboardInterrupt | SystemExit | None:
        """Let the run be ended undisturbed, and return why it is: None when no signal came."""
        self.is_over = True
        return None if self.came is None else _told(self.came)

    def require_none(self) -> None:
        """Let the run be ended undisturbed, unless a signal came that somebody kept to themselves.

        Raises:
            KeyboardInterrupt: SIGINT came.
            SystemExit: SIGTERM came.
        """
        if (told := self.end()) is not None:
            raise told


_OPEN: list[Termination] = []


@contextlib.contextmanager
def terminable() -> Iterator[Termination]:
    """Let the first SIGTERM or SIGINT raise inside the block, where nobody else handles it; later ones change nothing.

    Inside another such block this is the same one: what ends the inner one's run holds until the outer one's end.

    Yields:
        Whether one came: what was interrupted may have turned the exit into an error of its own.
    """
    if _OPEN:
        yield _OPEN[-1]
        return
    found = Termination()
    mine = [number for number, handler in _UNHANDLED.items() if signal.getsignal(number) is handler]
    if threading.current_thread() is not threading.main_thread():
        mine = []

    def hear(number: int, _frame: FrameType | None) -> None:
        if found.came is None and not found.is_over:
            found.came = signal.Signals(number)
            raise _told(found.came)

    _OPEN.append(found)
    for number in mine:
        signal.signal(number, hear)
    try:
        yield found
    finally:
        for number in mine:
            signal.signal(number, _UNHANDLED[number])
        _OPEN.remove(found)


def _told(number: signal.Signals) -> KeyboardInterrupt | SystemExit:
    return KeyboardInterrupt() if number is signal.SIGINT else SystemExit(128 + number)
