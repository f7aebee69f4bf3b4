"""A user stream that is dead, silent or half open is found, in a quiet market too, and restored.

A socket that stays open and tells nothing cannot be told from a quiet account by looking at it. The guard asks the
venue at intervals for open orders, positions or spot balances, and orders that nobody answered, and compares them with
what the node believes: what the venue has, and the stream had time to tell and did not, proves it deaf. It is then
connected anew, with the adapter's own steps, and everything is reconciled; until then new risk is denied. Callbacks
that the adapter makes on another thread wake the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, ClassVar

from opslab.contract.execution import Guard, Profile
from opslab.engine.guards.standing import Standing, after, reach
from opslab.engine.guards.stream_sides import Sides
from opslab.errors import one_line
from opslab.safety.ambiguity import pause
from opslab.safety.stream_health import Hearing

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.engine.guards.site import Site
    from opslab.safety.stream_health import Difference

LOOK_SECONDS = {Profile.FAST: 0.3, Profile.PRODUCTION: 15.0}
"""How often the venue is asked: of each symbol for orders, on futures for algo orders and the position too; on spot for
the balances. An order that is in flight for longer than the lag is asked for by name."""
LAG_SECONDS = {Profile.FAST: 0.2, Profile.PRODUCTION: 5.0}
"""How long the stream may take to tell what the venue's queries tell already."""
RECONNECT_SECONDS = {Profile.FAST: 2.0, Profile.PRODUCTION: 30.0}
PAUSES = {Profile.FAST: (0.1, 0.5), Profile.PRODUCTION: (1.0, 30.0)}

_STEPS = ("disconnect", "connect", "session_logon", "subscribe_user_data_stream")
_FLAGS = ("_is_recovery_failed", "_subscription_id", "_stream_client", "_client")


class UserStream(Standing):
    """Watches the user stream of each execution client."""

    guard: ClassVar[Guard] = Guard.USER_STREAM

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self._watches: list[StreamWatch] = []

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Stand beside its user stream, and begin to watch once it is connected.

        Raises:
            EngineError: the adapter has another kind of user stream.
        """
        watch = StreamWatch(self, client, site.kernel.cache)
        self._watches.append(watch)
        stream, loop = reach(client, "_ws_client", self.guard), reach(client, "_loop", self.guard)
        for name in ("_handle_stream_reconnect", "_handle_reconnect"):
            setattr(stream, name, _on_loop(loop, reach(stream, name, self.guard)))
        after(client, "_connect", lambda: self.spawn(client, watch.run(), "is the stream alive"), self.guard)
        self.stand(site, f"the user stream is held against the venue every {LOOK_SECONDS[self.profile]:g} s")


class StreamWatch:
    """Watches one client's user stream.

    Args:
        guard: on whose behalf.
        client: the execution client.
        cache: the node's cache.

    Raises:
        EngineError: the adapter has another kind of user stream, or cannot be asked.
    """

    def __init__(self, guard: UserStream, client: Any, cache: Any) -> None:
        self._guard = guard
        self._stream = reach(client, "_ws_client", guard.guard)
        for name in (*_STEPS, *_FLAGS):
            reach(self._stream, name, guard.guard, may_be_empty=name in _FLAGS)
        self._lock = reach(self._stream, "_recovery_lock", guard.guard)
        self._reconcile = reach(self._stream, "_on_resubscribe", guard.guard)
        self._is_futures = reach(client, "_binance_account_type", guard.guard).is_futures
        self._sides = Sides(client, cache, guard.guard, LAG_SECONDS[guard.profile])
        self._hearing = Hearing(LAG_SECONDS[guard.profile])

    async def run(self) -> None:
        """Look at intervals, until the client ends."""
        while True:
            await asyncio.sleep(LOOK_SECONDS[self._guard.profile])
            if self._lock.locked():  # the adapter restores it itself
                continue
            why = self._why_dead() or await self._why_deaf()
            if why is not None:
                await self._restore(why)

    def _why_dead(self) -> str | None:
        """Return why there is no user stream at all, as the adapter knows itself; None when there is one."""
        is_given_up, subscription, own, shared = (getattr(self._stream, name) for name in _FLAGS)
        if is_given_up:
            return "the adapter has given it up"
        if subscription is None:
            return "there is no subscription"
        socket = own if self._is_futures else shared
        return "its socket is closed" if socket is None or socket.is_closed() else None

    async def _why_deaf(self) -> str | None:
        """Return what proves that the stream tells nothing; None when nothing does, or nobody can say."""
        asked = time.monotonic()
        try:
            found = await self._sides.differences()
        except Exception:  # noqa: BLE001 - a venue that does not answer proves nothing about the stream
            return None
        proof = self._hearing.hear(asked, found)
        return _line(proof[0]) if proof else None

    async def _restore(self, why: str) -> None:
        """Connect anew until it succeeds, and let go when the node knows what the venue knows."""
        guard, attempt, began = self._guard, 0, time.monotonic()
        guard.hold(f"the user stream is dead: {why}")
        while True:
            attempt += 1
            try:
                async with asyncio.timeout(RECONNECT_SECONDS[guard.profile]):
                    await self._connect_anew()
                left = await self._left_over()
                break
            except Exception as error:  # noqa: BLE001 - whatever hindered it, it is tried again
                if attempt == 1:
                    told = one_line(f"{type(error).__name__}: {error}", 200)
                    guard.say("retried", f"the user stream cannot be restored yet: {told}")
                await asyncio.sleep(pause(attempt, *PAUSES[guard.profile]))
        took = round(time.monotonic() - began, 3)
        guard.say("reconnected", f"the user stream is new: {why}", attempts=attempt, seconds=took)
        self._hearing.forget()
        if left:
            self._hearing.excuse(left)
            what = f"{len(left)} differences remain that a new stream does not explain"
            guard.say("asked", what, differences=[list(each) for each in sorted(left)[:20]])
        guard.release("the user stream is new, and everything was asked for", seconds=took)

    async def _connect_anew(self) -> None:
        stream = self._stream
        async with self._lock:
            await stream.disconnect()
            await stream.connect()
            await stream.session_logon()
            await stream.subscribe_user_data_stream(pre_dispatch_hook=self._reconcile)
        await self._sides.take_over()

    async def _left_over(self) -> frozenset[Difference]:
        """Return what still differs after a reconciliation, once what is on its way has arrived."""
        before = await self._sides.differences()
        if not before:
            return before
        await asyncio.sleep(LAG_SECONDS[self._guard.profile])
        return before & await self._sides.differences()


def _line(difference: Difference) -> str:
    what, name, true, heard = difference
    return f"{what} {name}: the venue says {true}, the stream told {heard}"


def _on_loop(loop: Any, callback: Callable[[], None]) -> Callable[[], None]:
    """Return what makes a callback on its loop's thread, and wakes the loop; a loop that is closed hears nothing."""

    def called() -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(callback)

    return called
