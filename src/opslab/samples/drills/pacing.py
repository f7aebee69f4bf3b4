"""How far apart the sample strategy's steps must be, so that a run of so many bars ends, or is killed, in a trade.

The strategy ``ops_round_trip`` takes four steps in turn, one every so many bars: in, add and rest, withdraw, out.
"""

from __future__ import annotations

from opslab.errors import DrillError

STEPS = 4
FEWEST_BARS = 16
MOST_STEPS = 130
"""As many steps as say something; more would only take longer."""

_HOLDS = 2
"""After so many steps of a round there is a position, and an order that rests."""


def every_for_open_end(bars: int) -> int:
    """Return the bars between two steps with which a run of ``bars`` ends with a position and an order that rests.

    Raises:
        DrillError: there are too few bars.
    """
    _require(bars)
    for every in range(max(1, bars // MOST_STEPS), bars // _HOLDS + 1):
        steps, rest = divmod(bars, every)
        if steps % STEPS == _HOLDS and rest >= _HOLDS:
            return every
    raise _too_few(bars)


def every_for_late_entry(bars: int) -> int:
    """Return the bars between two steps with which a position is opened in the second half of ``bars``.

    Raises:
        DrillError: there are too few bars.
    """
    _require(bars)
    return max(1, min(5, bars // (4 * STEPS)))


def _require(bars: int) -> None:
    if bars < FEWEST_BARS:
        raise _too_few(bars)


def _too_few(bars: int) -> DrillError:
    return DrillError(f"{bars} candles are too few for a drill", fix=f"use a dataset of at least {FEWEST_BARS}")
