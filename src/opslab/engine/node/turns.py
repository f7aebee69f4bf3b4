"""The turns of a node's loop in the main thread: each is bounded, and signals and exits end it with a clear reason."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any

from opslab.engine.node import watchdog
from opslab.engine.node.lost_errors import told
from opslab.engine.node.timer_calls import TimerWatch
from opslab.engine.node.watchdog import KICK, Stalled, Watchdog
from opslab.errors import EngineError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import FrameType

    from opslab.engine.node.loop import NodeLoop

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGABRT)
_OWNED = (*_SIGNALS, KICK)
_LOOK_SECONDS = 0.05


class Turns:
    """Lets a loop work, a turn at a time, and owns the process's signals meanwhile; made in the main thread.

    Args:
        loop: the node's.

    Attributes:
        watchdog: ends turns that take too long.
        changed: set when something changed: an event, a signal, or whatever else is told by ``notify``.
        signalled: the signal that asked the process to stop; None while none did.
        stalled: where a turn stood that blocked the loop too long, or a timer's callback; None while none did.
        timers: the callbacks of timers, which have threads of their own.
        hold: is called, in any thread, when a callback of a timer stands too long, with a line that says where.
    """

    def __init__(self, loop: NodeLoop) -> None:
        self._loop = loop
        self._before = {number: signal.getsignal(number) for number in _OWNED}
        self._cuttable: asyncio.Task[Any] | None = None
        self.watchdog = Watchdog()
        self.changed = asyncio.Event()
        self.signalled: signal.Signals | None = None
        self.stalled: str | None = None
        self.hold: Callable[[str], object] = bool
        self.timers = TimerWatch(self._timer_stands)
        self.watchdog.beside = self.timers.look

    def take_signals(self) -> None:
        """Hear signals from now on: the node's own handler would only stop it, and nobody would be told why."""
        for number in _SIGNALS:
            self._loop.remove_signal_handler(number)
            signal.signal(number, self._hear)
        signal.signal(KICK, self.watchdog.hear)

    def notify(self) -> None:
        """Wake the loop; may be called from any thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.changed.set)

    def run[T](self, coroutine: Coroutine[Any, Any, T], seconds: float, *, may_cut: bool = False) -> T:
        """Let the loop work until ``coroutine`` ended, and return what it returned; what it raises comes through.

        Args:
            coroutine: what is to be done.
            seconds: how long it is to take; a turn that blocks the loop for longer is interrupted.
            may_cut: whether a signal ends it before its time.

        Raises:
            EngineError: it blocked the loop too long, it was cut short, or the strategy wanted the process to exit.
        """
        task = self._loop.create_task(coroutine)
        self._cuttable = task if may_cut else None
        try:
            with self.watchdog.turn(seconds):
                done: T = self._loop.run_until_complete(task)
                return done
        except (SystemExit, KeyboardInterrupt) as stop:
            raise self._ended_by(stop) from None
        except asyncio.CancelledError:
            raise EngineError("the node was cut short") from None
        finally:
            self._cuttable = None
            _put_away(task)

    def call(self, action: Callable[[], Any], seconds: float) -> None:
        """Do something with the node outside its loop, such as disposing of it; raises as ``run``."""
        try:
            with self.watchdog.turn(seconds):
                action()
        except (SystemExit, KeyboardInterrupt) as stop:
            raise self._ended_by(stop) from None

    def let_timers_return(self) -> None:
        """Let the loop work until the timers' callbacks under way returned, or took too long; raises as ``run``.

        One that took too long is told by ``timers``; after a signal it is not waited for as long.
        """
        if self.timers.under_way() and self.timers.blocked is None:
            self.run(self._timers_returned(), watchdog.PATIENCE_SECONDS)

    async def _timers_returned(self) -> None:
        waits = set(self.timers.under_way())
        hurried = 0.0
        while self.timers.blocked is None and (calls := self.timers.under_way()).keys() & waits:
            await asyncio.sleep(_LOOK_SECONDS)
            hurried += _LOOK_SECONDS if self.signalled else 0.0
            if hurried >= watchdog.HURRY_SECONDS:
                self.timers.give_up(min(calls.keys() & waits))

    def _timer_stands(self, told: str) -> None:
        self.stalled = self.stalled or told
        self.hold(told)
        self.notify()

    def _ended_by(self, stop: BaseException) -> EngineError:
        """Return what is told of a turn that the watchdog ended, or the strategy itself."""
        if isinstance(stop, Stalled):
            self.stalled = f"the node was blocked: {stop}"
            fix = "keep handlers short: one that waits keeps everything else from being done"
            return EngineError(self.stalled, fix=fix)
        return EngineError(f"the strategy asked the process to exit: {told(stop)}", fix="call self.stop() instead")

    def raise_signal(self) -> None:
        """Tell of a signal that came.

        Raises:
            KeyboardInterrupt: SIGINT came.
            SystemExit: SIGTERM or SIGABRT came.
        """
        if self.signalled is not None:
            raise KeyboardInterrupt if self.signalled is signal.SIGINT else SystemExit(128 + self.signalled)

    def close(self) -> None:
        """Watch no longer, and give the process its signals back."""
        self.watchdog.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self.signalled = self.signalled or signal.Signals(number)
        self.watchdog.hurry()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._heard)

    def _heard(self) -> None:
        self.watchdog.calm()
        self.changed.set()
        if self._cuttable is not None:
            self._cuttable.cancel()


def because(what: str, error: BaseException) -> EngineError:
    """Return an error that tells of another one in its own line.

    Args:
        what: what did not happen.
        error: why.
    """
    if isinstance(error, EngineError):
        return EngineError(f"{what}: {error.what}", where=error.where, fix=error.fix)
    return EngineError(f"{what}: {type(error).__name__}: {one_line(error)}")


def _put_away(task: asyncio.Task[Any]) -> None:
    """Leave no task behind that would be reported later for what was told already."""
    if not task.done():
        task.cancel()
    elif not task.cancelled():
        task.exception()
