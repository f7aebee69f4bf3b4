"""A venue in a thread of this process: a node needs the main thread, so the venue takes another one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Self

from opslab.errors import VenueError, one_line
from opslab.venue.episodes import Episodes
from opslab.venue.faults.driving import VenueFaults
from opslab.venue.venue import Venue

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType
    from typing import Any

    from opslab.clock import Clock
    from opslab.venue.orders import AccountSetup
    from opslab.venue.setup import Endpoint, VenueSetup
    from opslab.venue.wire import WireLog

_START_SECONDS = 15.0
_CALL_SECONDS = 30.0
_STOP_SECONDS = 10.0


class VenueThread:
    """Runs a venue on a loop of its own. Its methods may be called from any thread but that one.

    Args:
        setup: what the venue begins with.
        clock: the machine's clock.
        host: a loopback address.
        port: 0 takes a free one.
    """

    def __init__(
        self, setup: VenueSetup, clock: Clock | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._setup, self._clock, self._place = setup, clock, (host, port)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._venue: Venue | None = None
        self._failures: list[str] = []
        self._episodes = Episodes(time.monotonic)
        self._ready: concurrent.futures.Future[Venue] = concurrent.futures.Future()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="opslab-venue", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except VenueError:
            if error is None:  # else the first error tells more
                raise

    def start(self) -> Endpoint:
        """Start and return where the venue is found.

        Raises:
            OpsLabError: it cannot start: the port, the tape or the wire log's file.
        """
        self._thread.start()
        try:
            self._venue = self._ready.result(_START_SECONDS)
        except TimeoutError:
            raise VenueError(f"the venue did not start within {_START_SECONDS:g} s", fix="try again") from None
        return self._venue.endpoint

    def stop(self) -> None:
        """Stop the venue and wait for its thread; calling it again does nothing.

        Raises:
            VenueError: it did not stop in time, or its loop saw errors that nobody handled.
        """
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has just ended by itself
                self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread.ident is not None:
            self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            raise VenueError(f"the venue did not stop within {_STOP_SECONDS:g} s", fix="look for what blocks its loop")
        self._surface()

    def require_alive(self) -> None:
        """Refuse to go on when the thread ended or its loop failed.

        Raises:
            OpsLabError: it did, or the wire log cannot be written.
        """
        self._surface()
        if not self._thread.is_alive():
            raise VenueError("the venue died: its thread ended", fix="see the errors in its wire log")

    @property
    def endpoint(self) -> Endpoint:
        """Where the venue is found."""
        return self._running.endpoint

    @property
    def wire(self) -> WireLog:
        """The wire log, which may be read and waited for from here."""
        return self._running.wire

    @property
    def accounts(self) -> tuple[AccountSetup, ...]:
        """Whose keys the venue knows, the keys included."""
        return tuple(self._running.accounts)

    @property
    def faults(self) -> VenueFaults:
        """Makes faults of this venue by name: ``venue.faults.drop_user_stream(times=1)``."""

        def call[T](act: Callable[[], T], /) -> T:
            return self.call(lambda _: act())

        return VenueFaults(self._running.gate, call)

    def call[T](self, action: Callable[[Venue], T], seconds: float = _CALL_SECONDS) -> T:
        """Return what ``action`` returns when it is called with the venue on the venue's loop.

        Args:
            action: must not wait for anything.
            seconds: the longest to wait for it.

        Raises:
            VenueError: the venue is not running, its loop saw an error that nobody handled, or it does not answer.
            Exception: what ``action`` raised.
        """

        async def act() -> T:
            return action(self._running)

        return self.run(lambda _: act(), seconds)

    def run[T](self, action: Callable[[Venue], Coroutine[Any, Any, T]], seconds: float = _CALL_SECONDS) -> T:
        """Return what a coroutine returns that runs on the venue's loop; raises as ``call``."""
        self._surface()
        loop, venue = self._loop, self._running
        if loop is None or not self._thread.is_alive():
            raise VenueError("the venue is not running", fix="start it, or look why it ended")
        if threading.current_thread() is self._thread:
            raise VenueError("the venue's own loop cannot wait for itself", fix="use the venue directly")
        future = asyncio.run_coroutine_threadsafe(action(venue), loop)
        try:
            return future.result(seconds)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise
            future.cancel()
            raise VenueError(f"the venue's loop did not answer within {seconds:g} s") from None

    @property
    def _running(self) -> Venue:
        if self._venue is None:
            raise VenueError("the venue was not started", fix="start it first")
        return self._venue

    def _surface(self) -> None:
        """Raise what went wrong on the loop since the last time."""
        if self._venue is not None and self._venue.trouble is not None:
            raise self._venue.trouble
        if self._failures:
            told, self._failures = self._failures[0], []
            raise VenueError(f"the venue's loop failed: {told}", fix="see the errors in its wire log")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - it belongs to the thread that waits
            if self._ready.done():
                self._failures.append(f"{type(error).__name__}: {one_line(error)}")
            else:
                self._ready.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._unhandled)
        venue = Venue(self._setup, self._clock)
        await venue.start(*self._place)
        try:
            self._ready.set_result(venue)
            await self._stopping.wait()
        finally:
            await venue.stop()

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG002 - asyncio's
        error = context.get("exception")
        if isinstance(error, OSError) and not self._episodes.begins_with(error):
            return
        told = f"{type(error).__name__}: {one_line(error)}" if error is not None else str(context.get("message"))
        self._failures.append(told)
