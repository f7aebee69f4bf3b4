"""Keeps an order book whole: a missing difference is noticed before anybody trades on the book.

NautilusTrader 1.231 applies every difference, whether it follows on the last or not, and lets a late snapshot take a
newer book back (``docs/engine-defects/depth-gap.md``, ``book-rebuilt.md``). The guard takes the place of what the
adapter does with differences and snapshots of full books. Partial books (5, 10 or 20 levels) are snapshots each; they
are left to the adapter.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from opslab.contract.execution import Guard, Profile
from opslab.engine.guards.site import Bystander, Site
from opslab.engine.guards.ticking import require_names
from opslab.safety.sequence import BookSequence, Trust

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NAME = Guard.DEPTH_GAP.value
_STREAM = "@depth@"
_PARTIAL = 20
_CLIENT_NAMES = (
    "_ws_handlers",
    "_decoder_order_book_msg",
    "_get_cached_instrument_id",
    "_order_book_snapshot_then_deltas",
    "_book_depths",
    "_http_market",
    "_handle_data",
    "_clock",
)
_SUBSCRIBED = ("subscribed_order_book_deltas", "subscribed_order_book_depth")
_WAIT_SECONDS = {Profile.FAST: (0.05, 1.0, 1.0), Profile.PRODUCTION: (0.5, 30.0, 10.0)}
"""Between two snapshots at first and at most, and for an answer; a snapshot of 1000 levels costs much weight."""


class DepthGap(Bystander):
    """Holds new risk while a book misses differences, asks for a snapshot, and lets go when the book is whole.

    Args:
        profile: how impatient the node is: how soon snapshots are asked for again.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def on_data_client(self, client: Any, site: Site) -> None:
        """Take the place of the adapter's handling of full books.

        Raises:
            EngineError: the adapter has not the names that the guard stands on.
        """
        require_names(client, (*_CLIENT_NAMES, *_SUBSCRIBED), NAME)
        require_names(client._http_market, ("request_order_book_snapshot",), NAME)  # noqa: SLF001 - its own API
        _Books(client, site, _WAIT_SECONDS[self._profile]).install()

    def on_node(self, site: Site) -> None:
        """Say that it is there."""
        site.tell("guard_acted", {"guard": NAME, "action": "installed", "detail": "follows the books' update ids"})


class _Books:
    """The full books of one data client."""

    def __init__(self, client: Any, site: Site, waits: tuple[float, float, float]) -> None:
        self._client, self._site = client, site
        self._first, self._longest, self._deadline = waits
        self._sequences: dict[Any, BookSequence[Any]] = {}
        self._rebuilding: set[Any] = set()
        self._told: dict[Any, str] = {}
        self._rebuild_partial: Callable[[Any], Awaitable[None]] = client._order_book_snapshot_then_deltas  # noqa: SLF001

    def install(self) -> None:
        """Take the adapter's place."""
        self._client._ws_handlers[_STREAM] = self.difference  # noqa: SLF001
        self._client._order_book_snapshot_then_deltas = self.rebuild  # noqa: SLF001

    def difference(self, raw: bytes) -> None:
        """Take a ``depthUpdate`` in: apply it, keep it, or find that something is missing."""
        data = self._client._decoder_order_book_msg.decode(raw).data  # noqa: SLF001
        name = self._client._get_cached_instrument_id(data.s)  # noqa: SLF001
        book = self._sequences.setdefault(name, BookSequence())
        before, at = book.trust, book.last_id
        previous = data.U - 1 if data.pu is None else data.pu
        deltas = None
        if data.b or data.a:  # an empty difference has ids, too
            deltas = data.parse_to_order_book_deltas(
                instrument_id=name,
                ts_init=self._client._clock.timestamp_ns(),  # noqa: SLF001
            )
        ready = book.difference(previous, data.u, deltas)
        if book.trust is Trust.BROKEN and before is not Trust.BROKEN:
            why = f"the book of {name} is at {at}, and the next difference follows on {previous}"
            self._hold(name, why, {"instrument": str(name), "book_id": at, "previous_id": previous, "last_id": data.u})
            self._client.create_task(self.rebuild(name, is_lost=False))
        self._hand_on(name, ready)

    async def rebuild(self, name: Any, *, is_lost: bool = True) -> None:
        """Ask for snapshots until the book is whole; one worker for each book.

        Args:
            name: the instrument's id.
            is_lost: whether the connection was lost, or is new.
        """
        if 0 < (self._client._book_depths.get(name) or 0) <= _PARTIAL:  # noqa: SLF001
            await self._rebuild_partial(name)
            return
        book = self._sequences.setdefault(name, BookSequence())
        if is_lost:
            book.lost()
            self._hold(name, f"the book of {name} is to be asked for", None)
        if name in self._rebuilding:
            return
        self._rebuilding.add(name)
        try:
            await self._until_whole(name, book)
        finally:
            self._rebuilding.discard(name)

    async def _until_whole(self, name: Any, book: BookSequence[Any]) -> None:
        pause, is_first = self._first, True
        while is_first or not book.is_whole:
            if not self._is_wanted(name):
                self._told.pop(name, None)
                self._settle()
                return
            is_first, asked = False, book.ask()
            try:
                snapshot = await asyncio.wait_for(self._snapshot(name), self._deadline)
            except Exception:  # noqa: BLE001 - whatever hinders the answer, the book stays as it is and is asked again
                ready = None
            else:
                ready = book.snapshot(asked, snapshot.sequence, snapshot)
            if ready is None:
                if asked == book.ask():  # else the connection was lost meanwhile: it is asked at once
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, self._longest)
                else:
                    is_first = True
                continue
            self._hand_on(name, ready)

    async def _snapshot(self, name: Any) -> Any:
        return await self._client._http_market.request_order_book_snapshot(  # noqa: SLF001
            instrument_id=name,
            limit=self._client._book_depths.get(name) or 1000,  # noqa: SLF001
            ts_init=self._client._clock.timestamp_ns(),  # noqa: SLF001
        )

    def _hand_on(self, name: Any, ready: list[Any]) -> None:
        for deltas in ready:
            if deltas is not None:
                self._client._handle_data(deltas)  # noqa: SLF001
        if self._sequences[name].is_whole and name in self._told:
            why = self._told.pop(name)
            self._settle()
            if why:
                told = f"the book of {name} is whole again, at {self._sequences[name].last_id}"
                self._site.tell("guard_acted", {"guard": NAME, "action": "released", "detail": told})

    def _hold(self, name: Any, why: str, facts: dict[str, Any] | None) -> None:
        """Hold new risk; a connection that is new or lost is a matter of course, and not told."""
        if not self._is_wanted(name):
            return
        self._told[name] = self._told.get(name) or (why if facts is not None else "")
        self._site.hold(NAME, why)
        if facts is not None:
            self._site.tell("guard_acted", {"guard": NAME, "action": "held", "detail": why, "facts": facts})

    def _is_wanted(self, name: Any) -> bool:
        """Return whether anybody is subscribed to the book; the adapter never ends its stream (code of 1.231)."""
        return any(name in getattr(self._client, subscribed)() for subscribed in _SUBSCRIBED)

    def _settle(self) -> None:
        """Let go when every book is whole."""
        if not self._told:
            self._site.release(NAME)
        else:
            name = next(iter(self._told))
            self._site.hold(NAME, self._told[name] or f"the book of {name} is to be asked for")
