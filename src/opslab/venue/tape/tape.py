"""A tape: what happens in a market, in order of time, produced while it is played."""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.errors import DataError
from opslab.venue.market import Kline
from opslab.venue.tape.moving import Mover

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from opslab.venue.market import MarketEvent

MINUTE_MS = 60_000
type Timed = tuple[int, MarketEvent]
"""When an event happens, Unix milliseconds on the tape's own time, and the event."""


def _nothing() -> Iterator[Kline]:
    return iter(())


@dataclass(frozen=True)
class Tape:
    """Market events in order of time. It may be played any number of times, and holds none of them in memory.

    Attributes:
        make: begins to produce the events, each with its time; called anew for every play.
        first_ms: time of the first event, Unix milliseconds.
        duration_ms: from the first event to the last, milliseconds.
        symbols: what is traded on it, sorted.
        grid_ms: what the opening times of its klines are multiples of, give or take one distance; see ``Mover``.
        history: begins to produce the closed klines that were there before the first event, oldest first; a venue knows
            them when it starts.
    """

    make: Callable[[], Iterator[Timed]]
    first_ms: int
    duration_ms: int
    symbols: tuple[str, ...]
    grid_ms: int = MINUTE_MS
    history: Callable[[], Iterator[Kline]] = _nothing

    @property
    def last_ms(self) -> int:
        """Time of the last event, Unix milliseconds."""
        return self.first_ms + self.duration_ms

    def __iter__(self) -> Iterator[MarketEvent]:
        return (event for _, event in self.make())

    def timed(self) -> Iterator[Timed]:
        """Return the events, each with its time; of klines that is when they are told, not a field of theirs."""
        return self.make()

    def moved(self, now_ms: int, pace: float = 1.0) -> Tape:
        """Return the tape as it is played at ``pace`` from ``now_ms`` on by a player that is never late.

        Args:
            now_ms: when the first event is played, Unix milliseconds.
            pace: how much faster than real time; infinite: everything happens at ``now_ms``.
        """
        mover = self.mover(now_ms, pace)

        def make() -> Iterator[Timed]:
            for time_ms, event in self.make():
                at = now_ms + int((time_ms - self.first_ms) / pace)
                yield at, mover.at(time_ms, event, at)

        def history() -> Iterator[Kline]:
            return map(mover.kline, self.history())

        return Tape(make, now_ms, int(self.duration_ms / pace), self.symbols, self.grid_ms, history)

    def mover(self, now_ms: int, pace: float, horizon_seconds: float | None = None) -> Mover:
        """Return what moves the tape's times for a play that begins at ``now_ms``."""
        return Mover(self.first_ms, self.duration_ms, now_ms, pace, self.grid_ms, horizon_seconds)

    def require_listed(self, listed: Collection[str]) -> None:
        """Refuse a tape with a symbol that the venue does not list.

        Raises:
            DataError: there is one.
        """
        if missing := [symbol for symbol in self.symbols if symbol not in listed]:
            raise DataError(
                f"the venue does not list {', '.join(missing)} (it lists: {', '.join(sorted(listed)) or 'nothing'})",
                where="tape",
                fix="list the instrument, or take it off the tape",
            )


def merged(tapes: Sequence[Tape]) -> Tape:
    """Return one tape of several, by time; at one time closed klines come first, then the tapes in their order.

    What is history of one tape and later than the first event of another is told as closed klines when it is its time.

    Raises:
        DataError: there is none.
    """
    if not tapes:
        raise DataError("a tape without data", fix="name a dataset")
    if len(tapes) == 1:
        return tapes[0]

    first = min(tape.first_ms for tape in tapes)

    def make() -> Iterator[Timed]:
        return heapq.merge(*(_from(tape, first) for tape in tapes), key=_rank)

    def history() -> Iterator[Kline]:
        return (kline for tape in tapes for kline in tape.history() if kline.close_ms < first)

    symbols = tuple(sorted({symbol for tape in tapes for symbol in tape.symbols}))
    grid_ms = math.lcm(*(tape.grid_ms for tape in tapes))
    return Tape(make, first, max(tape.last_ms for tape in tapes) - first, symbols, grid_ms, history)


def _from(tape: Tape, first_ms: int) -> Iterator[Timed]:
    """Return a tape's events, and before them what of its history comes after ``first_ms``."""
    late = ((kline.close_ms + 1, kline) for kline in tape.history() if kline.close_ms >= first_ms)
    return itertools.chain(late, tape.timed())


def _rank(timed: Timed) -> tuple[int, bool]:
    time_ms, event = timed
    return time_ms, not (type(event) is Kline and event.is_closed)
