"""Lacks of the machine that asyncio tells of again and again: one record is enough for each episode."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LACKS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""No file descriptor, or no memory, for a connection that wants in: what asyncio's servers wait and try again on."""
QUIET_SECONDS = 3.0
"""An episode is over when nothing was heard of it for so long: asyncio tries again after one second."""


class Episodes:
    """Tells the first error of an episode from those that follow.

    Args:
        time: seconds that only grow.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._last: dict[int, float] = {}

    def begins_with(self, error: BaseException) -> bool:
        """Return whether an error is news: any that is no such lack, and the first of each episode."""
        number = error.errno if isinstance(error, OSError) else None
        if number not in _LACKS:
            return True
        now, last = self._time(), self._last.get(number)
        self._last[number] = now
        return last is None or now - last > QUIET_SECONDS
