"""The orders of one client of which nobody knows what became of them: asked for until it is known."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from nautilus_trader.adapters.binance.http.error import BinanceError, BinanceServerError
from nautilus_trader.model.enums import OrderStatus
from nautilus_trader.model.identifiers import ClientOrderId

from opslab.contract.execution import Profile
from opslab.engine.guards.asking import Answer, Asking
from opslab.engine.guards.fates import (
    AWAITED,
    fate,
    has_happened,
    is_made,
    is_unclear,
    is_untold,
    keys_of,
    line_of,
    terms_of,
)
from opslab.engine.guards.standing import Standing, reach
from opslab.errors import one_line
from opslab.safety.ambiguity import Belief, Doubt, Fate, Told, pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SETTLE_SECONDS = {Profile.FAST: 1.0, Profile.PRODUCTION: 2.0}
"""What is added to ``recvWindow`` (fast: stands for it) until an absent order proves that it never will be there."""
PAUSES = {Profile.FAST: (0.1, 0.5), Profile.PRODUCTION: (0.5, 10.0)}
"""The first and the longest pause between two questions, in seconds."""

_PLACING = ("new_order", "new_algo_order")
_CHANGING = (
    "modify_order",
    "cancel_order",
    "cancel_algo_order",
    "cancel_multiple_orders",
    "cancel_all_open_orders",
    "cancel_all_open_algo_orders",
)
_REJECTIONS = ("generate_order_rejected", "generate_order_cancel_rejected", "generate_order_modify_rejected")
_FRESH_SECONDS = 1.0
"""A rejection is told right after its cause, without a wait in between."""
_QUERYING: ContextVar[bool] = ContextVar("opslab_ambiguous_submit_querying", default=False)
"""Whether the adapter of this task asks for one order: what it rejects then, it rejects because nobody answered."""


class Doubts:
    """The orders of one client whose fate is unknown.

    Args:
        guard: on whose behalf.
        balance: holds new risk or lets it go, as ``untold`` says.
        client: the execution client.
        cache: the node's cache.

    Attributes:
        untold: client order ids of those of which the venue told nothing when it was asked last.

    Raises:
        EngineError: the adapter sends orders, or tells rejections, in another way.
    """

    def __init__(self, guard: Standing, balance: Callable[[], None], client: Any, cache: Any) -> None:
        self._guard, self._balance, self._client, self._cache = guard, balance, client, cache
        self._asking = Asking(client, guard.guard)
        self._rejected = {name: reach(client, name, guard.guard) for name in _REJECTIONS}
        reach(client, "_recv_window", guard.guard)
        self._open: set[tuple[str, str]] = set()
        self._causes: dict[str, tuple[float, BaseException, dict[str, Any]]] = {}
        self.untold: set[str] = set()
        self._found: set[str] = set()

    @property
    def undecided(self) -> set[str]:
        """Client order ids of those that are asked for, and of which is not known what became of them."""
        asked = ((name, kind, self._cache.order(ClientOrderId(name))) for name, kind in tuple(self._open))
        waiting = {name for name, kind, order in asked if order is not None and order.status in AWAITED[kind]}
        return waiting - self._found

    def install(self) -> None:
        """Take the place of the client's and its account API's functions."""
        account = reach(self._client, "_http_account", self._guard.guard)
        reach(account, _PLACING[0], self._guard.guard)
        for name in (each for each in _PLACING if hasattr(account, each)):
            setattr(account, name, self._placing(getattr(account, name)))
        for name in (each for each in _CHANGING if hasattr(account, each)):
            setattr(account, name, self._changing(getattr(account, name)))
        self._client.generate_order_rejected = self._on_rejected
        self._client.generate_order_cancel_rejected = self._on_failed("cancel", "generate_order_cancel_rejected")
        self._client.generate_order_modify_rejected = self._on_failed("modify", "generate_order_modify_rejected")
        query = reach(self._client, "generate_order_status_report", self._guard.guard)

        async def asked(command: Any) -> Any:
            token = _QUERYING.set(True)
            try:
                return await query(command)
            finally:
                _QUERYING.reset(token)

        self._client.generate_order_status_report = asked

    def heard(self, name: ClientOrderId) -> None:
        """An event of an order came: what it was asked for may be known by it."""
        order = self._cache.order(name) if name.value in self.untold else None
        if order is None:
            return
        kinds = [kind for each, kind in tuple(self._open) if each == name.value]
        if not any(order.status in AWAITED[kind] for kind in kinds):
            self.untold.discard(name.value)
            self._balance()

    def take_over(self, order: Any) -> bool:
        """Ask for an order in the place of the engine, which would give it up; false: it is in no state to ask for."""
        kind = next((kind for kind, awaited in AWAITED.items() if order.status in awaited), None)
        if kind is None:
            return False
        if (order.client_order_id.value, kind) not in self._open:
            self._begin(order, kind, time.monotonic(), "nothing was heard of it", lambda: self._refuse(order, kind))
        return True

    def _refuse(self, order: Any, kind: str) -> None:
        """Tell that a cancel or change, of which the adapter told nothing, did not happen."""
        if kind != "submit":
            self._rejected[f"generate_order_{kind}_rejected"](
                order.strategy_id,
                order.instrument_id,
                order.client_order_id,
                order.venue_order_id,
                "nothing was heard of it, and the venue has the order as it was",
                self._client._clock.timestamp_ns(),  # noqa: SLF001 - the adapter's own clock
            )

    def _placing(self, send: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def sent(**words: Any) -> Any:
            try:
                return await send(**words)
            except Exception as error:
                name = words.get("new_client_order_id") or words.get("client_algo_id")
                order = self._cache.order(ClientOrderId(name)) if name else None
                if order is None or fate(error) is Fate.REFUSED:
                    raise
                # No result is needed here: that the order is accepted the adapter hears from the user stream.
                self._begin(order, "submit", time.monotonic(), line_of(error))
                return None

        return sent

    def _changing(self, send: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Remember why a cancel or change failed, and let the adapter tell so also when the connection broke."""

        async def sent(**words: Any) -> Any:
            try:
                return await send(**words)
            except Exception as error:
                now = time.monotonic()
                self._causes = {key: one for key, one in self._causes.items() if now - one[0] < _FRESH_SECONDS}
                self._causes.update(dict.fromkeys(keys_of(words), (now, error, words)))
                if isinstance(error, BinanceError):
                    raise
                raise BinanceServerError(0, line_of(error), {}) from error

        return sent

    def _on_rejected(self, *args: Any, **words: Any) -> None:
        name = words["client_order_id"] if "client_order_id" in words else args[2]
        order = self._cache.order(name)
        in_doubt = (name.value, "submit") in self._open or _QUERYING.get()
        if order is None or order.status != OrderStatus.SUBMITTED or not in_doubt:
            self._rejected["generate_order_rejected"](*args, **words)
        elif (name.value, "submit") not in self._open:
            self._begin(order, "submit", time.monotonic(), "queries for it fail")

    def _on_failed(self, kind: str, told_by: str) -> Callable[..., None]:
        def failed(*args: Any, **words: Any) -> None:
            def tell() -> None:
                self._rejected[told_by](*args, **words)

            name = words["client_order_id"] if "client_order_id" in words else args[2]
            order = self._cache.order(name)
            cause = self._cause(order) if order is not None else None
            if order is None or cause is None or not is_unclear(cause[1]) or not _may_ask(order, kind):
                tell()
            elif not is_made(order, kind, cause[2]) and (name.value, kind) not in self._open:
                self._begin(order, kind, cause[0], line_of(cause[1]), tell)

        return failed

    def _cause(self, order: Any) -> tuple[float, BaseException, dict[str, Any]] | None:
        keys = (order.client_order_id, order.venue_order_id, order.instrument_id.symbol)
        known = (self._causes.get(key.value) for key in keys if key is not None)
        fresh = (one for one in known if one is not None and time.monotonic() - one[0] < _FRESH_SECONDS)
        return max(fresh, key=lambda each: each[0], default=None)

    def _begin(self, order: Any, kind: str, since: float, why: str, tell: Callable[[], None] = lambda: None) -> None:
        name = order.client_order_id.value
        self._open.add((name, kind))
        self._guard.say("asked", f"{kind} of {name}: {why}: the venue is asked", order=name, kind=kind)
        self._guard.spawn(self._client, self._settle(order, kind, since, tell), f"ask for {name}")

    async def _settle(self, order: Any, kind: str, since: float, tell: Callable[[], None]) -> None:
        name, profile = order.client_order_id.value, self._guard.profile
        doubt, terms = Doubt(since, self._settle_seconds()), terms_of(order)
        try:
            while is_untold(order, kind, terms):
                now = time.monotonic()
                answer = await self._asking.ask(order)
                if not is_untold(order, kind, terms) or self._is_done(order, kind, answer, doubt, now, tell):
                    return  # else the user stream told it meanwhile
                await asyncio.sleep(pause(doubt.asked, *PAUSES[profile]))
        finally:
            self._open.discard((name, kind))
            self.untold.discard(name)
            self._found.discard(name)
            self._balance()

    def _is_done(
        self, order: Any, kind: str, answer: Answer, doubt: Doubt, now: float, tell: Callable[[], None]
    ) -> bool:
        """Let the engine believe an answer, if that may be believed; return whether it was."""
        name, facts = order.client_order_id.value, {"order": order.client_order_id.value, "asked": doubt.asked + 1}
        (self.untold.add if answer.told is Told.NOTHING else self.untold.discard)(name)
        (self._found.add if answer.told is Told.THERE else self._found.discard)(name)
        self._balance()
        match doubt.hear(answer.told, now):
            case Belief.OPEN:
                return False
            case Belief.ABSENT:
                return self._is_void(order, kind, answer, facts)
        if kind != "submit" and not has_happened(kind, order, answer.report):
            if now - doubt.since < doubt.settle_seconds:
                return False
            tell()  # what was asked for did not happen, and will not any more
            self._guard.say("corrected", f"{kind} of {name} is told as failed: {answer.detail}", **facts)
            return True
        if self._asking.adopt(answer):
            self._guard.say("corrected", f"{name} is told as the venue has it: {answer.detail}", **facts)
        return True

    def _is_void(self, order: Any, kind: str, answer: Answer, facts: dict[str, Any]) -> bool:
        if kind != "submit":  # an order that was there and is not found: nothing can be made of it
            self.untold.add(order.client_order_id.value)
            self._balance()
            return False
        if order.status in AWAITED[kind]:
            reason = f"not at the venue, asked {facts['asked']} times: {answer.detail}"
            self._guard.say("corrected", f"{order.client_order_id.value} is told as rejected: {reason}", **facts)
            self._rejected["generate_order_rejected"](
                strategy_id=order.strategy_id,
                instrument_id=order.instrument_id,
                client_order_id=order.client_order_id,
                reason=one_line(reason),
                ts_event=self._client._clock.timestamp_ns(),  # noqa: SLF001 - the adapter's own clock
            )
        return True

    def _settle_seconds(self) -> float:
        extra = SETTLE_SECONDS[self._guard.profile]
        window = float(self._client._recv_window or 0) / 1000  # noqa: SLF001 - what it sends with each order
        return extra if self._guard.profile is Profile.FAST else window + extra


def _may_ask(order: Any, kind: str) -> bool:
    """Whether asking may tell what became of a request; an open order was asked for by the engine meanwhile."""
    return order.status in AWAITED[kind] or (kind == "modify" and order.is_open)
