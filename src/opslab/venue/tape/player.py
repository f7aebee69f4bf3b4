"""Plays a tape into the exchange on an event loop: at a pace, or event by event."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING

from opslab.errors import DataError, DrillError

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.market import MarketEvent
    from opslab.venue.tape.moving import Mover
    from opslab.venue.tape.tape import Tape, Timed

BATCH = 64
"""Most events in one turn of the loop: requests and other clients come in between."""
STEP_BACK_MS = 1_000
"""A clock that goes back by less is being corrected, and stamps wait for it; by more, it was set, and they follow."""


def checked_pace(pace: float) -> float:
    """Return ``pace`` if a tape can be played at it.

    Raises:
        DataError: it is 0, negative or not a number.
    """
    if isinstance(pace, bool) or not isinstance(pace, (int, float)) or math.isnan(pace) or pace <= 0:
        raise DataError(
            f"a pace of {pace!r:.20} plays nothing",
            where="tape",
            fix="choose a number above 0: 1 is real time, 60 a minute a second, inf as fast as it goes",
        )
    return float(pace)


class Player:
    """Plays a tape once. All of its methods are called on the loop.

    Times given to the sink are the venue's, and never go back (but see ``STEP_BACK_MS``). Late timers change nothing
    but times: every event is played, in order.

    Args:
        tape: what is played.
        sink: takes each event; an error of its own ends the play.
        now_ms: the venue's time.
        pace: 1 is real time, 60 plays a minute a second, ``math.inf`` as fast as the loop allows.
        horizon_seconds: for how long the play is watched, in real time; None: to its end.

    Attributes:
        position: how many events were played.
        done: set when the tape has ended, by itself, by ``stop`` or by an error of the sink.
        error: what the sink raised.
    """

    def __init__(
        self,
        tape: Tape,
        sink: Callable[[MarketEvent], None],
        now_ms: Callable[[], int],
        *,
        pace: float = 1.0,
        horizon_seconds: float | None = None,
    ) -> None:
        self.position = 0
        self.done = asyncio.Event()
        self.error: Exception | None = None
        self._tape, self._sink, self._now_ms, self._pace = tape, sink, now_ms, checked_pace(pace)
        self._horizon_seconds = horizon_seconds
        self._coming = tape.timed()
        self._next: Timed | None = None
        self._mover: Mover | None = None
        self._stamp = 0
        self._running = asyncio.Event()
        self._changed = asyncio.Event()
        self._origin = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_held(self) -> bool:
        """Whether events wait for ``resume`` or ``step``."""
        return not self._running.is_set()

    def start(self, *, held: bool = False, opened: bool = False) -> None:
        """Give the sink the tape's history and begin to play.

        The klines' place in time is that of a play that begins now, however long it is held.

        Args:
            held: wait for ``resume`` or ``step`` before anything is played.
            opened: play what happens at the tape's first moment, so that there is a market, and wait then.

        Raises:
            DrillError: it was started before.
            Exception: what the sink raised.
        """
        if self._task is not None:
            raise DrillError("was started before", where="tape", fix="make another player")
        self._mover = self._begun()
        for kline in self._tape.history():
            self._sink(self._mover.kline(kline))
        self._task = asyncio.get_running_loop().create_task(self._play(), name="opslab-tape")
        if opened and not held:
            while (coming := self._peek()) is not None and coming[0] <= self._tape.first_ms:
                self._step(1, lambda _: False)
        elif not held:
            self.resume()

    def hold(self) -> None:
        """Stop between two events; what is due waits."""
        self._running.clear()
        self._changed.set()

    def resume(self) -> None:
        """Go on where the tape stands, at its pace from now."""
        if self._running.is_set() or self._peek() is None:
            return
        self._rebase()
        self._running.set()

    def step(self, count: int = 1) -> int:
        """Play exactly ``count`` events at once, without waiting, and hold; return how many there were.

        Raises:
            DrillError: the count is not above 0.
            Exception: what the sink raised.
        """
        if count < 1:
            raise DrillError(f"a step of {count}", where="tape", fix="step by 1 or more")
        return self._step(count, lambda _: False)

    def step_until(self, wanted: Callable[[MarketEvent], bool], most: int = 1_000_000) -> int:
        """Play until an event is ``wanted``, that one included, and hold; return how many were played.

        Args:
            wanted: is asked of each event as it is played, after the sink took it.
            most: how many to play if none is.
        """
        return self._step(most, wanted)

    async def stop(self) -> None:
        """End the play, wherever it stands."""
        self._end()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def wait(self) -> None:
        """Wait for the end of the tape.

        Raises:
            Exception: what the sink raised.
        """
        await self.done.wait()
        if self.error is not None:
            raise self.error

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while (coming := self._peek()) is not None:
                await self._running.wait()
                if (seconds := self._due(coming) - loop.time()) > 0:
                    await self._sleep(seconds)
                    continue
                self._play_due(loop.time())
                await asyncio.sleep(0)
        except Exception as error:  # noqa: BLE001 - whatever the sink raises is kept for whoever waits
            self.error = self.error or error
        self._end()

    def _play_due(self, now: float) -> None:
        for _ in range(BATCH):
            coming = self._peek()
            if coming is None or not self._running.is_set() or self._due(coming) > now:
                return
            self._play_one(coming)

    def _step(self, most: int, wanted: Callable[[MarketEvent], bool]) -> int:
        self.hold()
        for played in range(most):
            try:
                if (coming := self._peek()) is None:
                    return played
                event = self._play_one(coming)
            except Exception as error:
                self.error = error
                self._end()
                raise
            if wanted(event):
                return played + 1
        return most

    def _play_one(self, coming: Timed) -> MarketEvent:
        now_ms = self._now_ms()
        if self._mover is None:
            self._mover = self._begun()
        if now_ms > self._stamp or self._stamp - now_ms >= STEP_BACK_MS:
            self._stamp = now_ms
        event = self._mover.at(*coming, self._stamp)
        self._next = None
        self.position += 1
        self._sink(event)
        if self._peek() is None:
            self._end()
        return event

    def _begun(self) -> Mover:
        return self._tape.mover(self._now_ms(), self._pace, self._horizon_seconds)

    def _peek(self) -> Timed | None:
        if self._next is None and not self.done.is_set():
            self._next = next(self._coming, None)
        return self._next

    def _due(self, coming: Timed) -> float:
        return self._origin + (coming[0] - self._tape.first_ms) / 1000 / self._pace

    def _rebase(self) -> None:
        """Let the next event be due now."""
        if (coming := self._peek()) is not None:
            self._origin = 0.0
            self._origin = asyncio.get_running_loop().time() - self._due(coming)

    async def _sleep(self, seconds: float) -> None:
        """Sleep until the next event is due, or ``hold`` changes that."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _end(self) -> None:
        self._next, self._coming = None, iter(())
        self.done.set()
        self._running.set()
        self._changed.set()
