"""A tape of a file: read through once before it is played, so that what is wrong is told before anything happens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from opslab.errors import DataError
from opslab.venue.market import Kline
from opslab.venue.tape.intervals import INTERVALS_MS
from opslab.venue.tape.sound import checked
from opslab.venue.tape.tape import MINUTE_MS, Tape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opslab.venue.tape.tape import Timed


def scanned(make: Callable[[], Iterator[Timed]], where: object, symbol: str | None = None) -> Tape:
    """Return the tape of what ``make`` produces, checked from beginning to end.

    Args:
        make: begins to read the file.
        where: the file, for messages.
        symbol: the only one allowed; None: any.

    Raises:
        DataError: there is no event, or one is not sound (see ``sound.checked``).
    """
    first = last = -1
    symbols, grid_ms = set(), MINUTE_MS
    for time_ms, event in checked(make(), where, symbol):
        first = time_ms if first < 0 else first
        last = time_ms
        symbols.add(event.symbol)
        if isinstance(event, Kline):
            grid_ms = math.lcm(grid_ms, INTERVALS_MS.get(event.interval, MINUTE_MS))
    if first < 0:
        raise DataError("a tape without data", where=where, fix="name a file that holds some")
    return Tape(make, first, last - first, tuple(sorted(symbols)), grid_ms)
