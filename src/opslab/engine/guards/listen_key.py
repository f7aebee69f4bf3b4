"""The user stream is not given up: a listen key, a socket or a subscription that is refused is asked for again.

The adapter makes one attempt, and after a failure never another (code of 1.231, and run). Here each attempt is repeated
with growing pauses until it succeeds or the node stops. New risk is denied meanwhile. A key that the venue does not
know any more is found by asking, without the event that should tell it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from nautilus_trader.adapters.binance.http.error import BinanceError

from opslab.contract.execution import Guard, Profile
from opslab.engine.guards.asking import code_of
from opslab.engine.guards.standing import Standing, after, reach
from opslab.errors import one_line
from opslab.safety.ambiguity import pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opslab.engine.guards.site import Site

PAUSES = {Profile.FAST: (0.1, 0.5), Profile.PRODUCTION: (1.0, 30.0)}
"""The first and the longest pause between two attempts, in seconds."""
LOOK_SECONDS = {Profile.FAST: 0.3, Profile.PRODUCTION: 60.0}
"""How often the venue is asked whether it knows the key; each time prolongs it, for one unit of request weight."""
NO_SUCH_KEY = -1125
_EXPIRED = "the key"


class ListenKey(Standing):
    """Keeps asking for a user stream."""

    guard: ClassVar[Guard] = Guard.LISTEN_KEY

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self._is_over = False
        self._failing: set[str] = set()

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Stand at each step that leads to a user stream.

        Raises:
            EngineError: the adapter takes other steps.
        """
        stream = reach(client, "_ws_client", self.guard)
        reach(stream, "_resubscribe", self.guard)
        if (user := getattr(stream, "_http_user", None)) is not None:  # futures with HMAC keys
            self._persist(user, "create_listen_key", "a listen key")
            self._persist(user, "keepalive_listen_key", "the listen key's renewal")
            self._persist(stream, "_connect_stream", "the socket of the user stream")
            after(
                client,
                "_connect",
                lambda: self.spawn(client, self._watch(stream, user), "is the key alive"),
                self.guard,
            )
        else:
            self._persist(stream, "session_logon", "the session")
            self._persist(stream, "subscribe_user_data_stream", "the user stream")
        disconnect = reach(client, "_disconnect", self.guard)

        async def disconnected() -> None:
            self._is_over = True
            await disconnect()

        client._disconnect = disconnected  # noqa: SLF001 - tells when the node stops
        self.stand(site, "what is refused on the way to a user stream is asked for again")

    def _persist(self, owner: Any, name: str, what: str) -> None:
        """Repeat a coroutine function of the adapter's until it succeeds."""
        original = reach(owner, name, self.guard)

        async def persisted(*args: Any, **words: Any) -> Any:
            return await self._until_done(lambda: original(*args, **words), name, what)

        setattr(owner, name, persisted)

    async def _until_done(self, attempt: Callable[[], Awaitable[Any]], name: str, what: str) -> Any:
        attempts = 0
        while True:
            try:
                answer = await attempt()
            except Exception as error:
                attempts += 1
                if self._is_over or code_of(error) == NO_SUCH_KEY:
                    raise  # a key that is gone cannot be kept: the adapter asks for a new one
                told = one_line(f"{type(error).__name__}: {error}", 200)
                self._failing.add(name)
                self.hold(f"no user stream: {what} was refused", error=told)
                if attempts == 1:
                    self.say("retried", f"{what} is asked for again until it is granted: {told}")
                await asyncio.sleep(pause(attempts, *PAUSES[self.profile]))
            else:
                self._done(name, attempts)
                return answer

    def _done(self, name: str, attempts: int) -> None:
        self._failing.discard(name)
        if not self._failing:
            self.release(f"granted after {attempts} refusals", refusals=attempts)

    async def _watch(self, stream: Any, user: Any) -> None:
        """Ask at intervals whether the venue knows the key; take a new one when it does not."""
        while not self._is_over:
            await asyncio.sleep(LOOK_SECONDS[self.profile])
            if stream._recovery_lock.locked() or stream._subscription_id is None:  # noqa: SLF001 - being restored
                continue
            try:
                await user.keepalive_listen_key()
            except BinanceError as error:
                if code_of(error) != NO_SUCH_KEY or self._is_over:
                    continue
                self._failing.add(_EXPIRED)
                self.hold("the listen key has expired without an event", code=NO_SUCH_KEY)
                await stream._resubscribe()  # noqa: SLF001 - the adapter's own way to a new key
                self.say("reconnected", "the listen key had expired: the user stream is on a new one")
                self._failing.discard(_EXPIRED)
                self.release("the user stream is on a new key")
