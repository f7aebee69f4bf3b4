"""Sends closing orders, each under an id of its own that was written down before, and asks what became of the doubtful.

Three layers keep a position from being closed twice: the id is asked about before anything new is sent for its symbol,
a futures close only reduces, and a spot sale sells no more than what is free, beside nobody else's (``others``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opslab.errors import OpsLabError
from opslab.safety.flatten import reading
from opslab.safety.flatten.log import Intent, IntentLog, settled
from opslab.safety.flatten.others import LAG_MS, Others
from opslab.safety.flatten.talk import (
    CLOSE_WINDOW_MS,
    TOO_MANY_ORDERS,
    TOO_MANY_REQUESTS,
    WRONG_TIME,
    No,
    Nobody,
    Talk,
    Yes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from decimal import Decimal

    from opslab.safety.flatten.decide import Close
    from opslab.safety.flatten.talk import Reply
    from opslab.safety.flatten.turns import Turns

MARGIN_MS = 1_000
"""How long after it was written down a close may still be sent."""

_NO_SUCH_ORDER, _DUPLICATE, _REJECTED = -2013, -4116, -2010


class Closer:
    """Sends closes and keeps account of their fates.

    Args:
        talk: the conversation.
        log: where intents are written down.
        flatten_id: what their ids begin with.
        refused: is told of each close that the venue refused.
        unrecorded: is told why intents could not be written down.
    """

    def __init__(
        self,
        talk: Talk,
        log: IntentLog,
        flatten_id: str,
        refused: Callable[[Close, No], None],
        unrecorded: Callable[[str], None],
    ) -> None:
        self._talk, self._log, self._id = talk, log, flatten_id
        self._others = Others(talk, log)
        self._refused, self._unrecorded = refused, unrecorded
        self._changed: dict[str, Intent] = {}
        self._sent: dict[str, Close] = {}
        self._ended: dict[str, tuple[Decimal, float]] = {}

    @property
    def lagging(self) -> dict[str, Decimal]:
        """The amounts, by what was closed, that a close has just ended for: the venue may show them a little longer."""
        now = self._talk.elapsed_ms
        return {key: held for key, (held, at_ms) in self._ended.items() if now - at_ms < LAG_MS}

    @property
    def doubtful(self) -> tuple[Intent, ...]:
        """The closes whose fate is not known, those of others too."""
        known = {intent.client_order_id: intent for intent in self._log.intents()} | self._changed
        return (*(intent for intent in known.values() if not intent.is_settled), *self._others.open)

    @property
    def held(self) -> frozenset[str]:
        """Symbols that nothing new is sent for."""
        return self._others.held | {intent.symbol for intent in self.doubtful}

    @property
    def unread(self) -> str | None:
        """Why nobody can tell what others sent; None: it was read."""
        return self._others.trouble

    def ask_fates(self) -> Turns[None]:
        """Read what others wrote down, and ask the venue what became of each doubtful close."""
        self._others.read()
        for intent in self.doubtful:
            is_dead = yield from self._is_dead(intent)  # asked first, or it may come between the two answers
            reply = yield from self._talk.ask(
                "GET",
                f"{self._talk.prefix}/order",
                {"symbol": intent.symbol, "origClientOrderId": intent.client_order_id},
            )
            is_absent = is_dead and isinstance(reply, No) and reply.code == _NO_SUCH_ORDER
            if is_absent or self._has_ended(reply, intent):
                self._settle(intent, has_ended=not is_absent)

    def send(self, wanted: Sequence[Close]) -> Turns[bool]:
        """Send closes one after the other, and return whether all were done; after a doubtful one no more is sent.

        None is sent when somebody else wrote one down meanwhile: what was looked at is not what is held any more.
        """
        if not wanted or not self._talk.may_order or self.unread:
            return not wanted
        intents = self._write_down(wanted)
        if self._others.has_news():
            self._never_sent(intents)
            self.save()
            return False
        are_done = True
        for index, (close, intent) in enumerate(zip(wanted, intents, strict=True)):
            self._sent[intent.client_order_id] = close
            reply = yield from self._talk.ask_once(
                "POST", f"{self._talk.prefix}/order", self._params(close, intent), dead_ms=intent.dead_ms
            )
            if self._has_ended(reply, intent):
                self._settle(intent, has_ended=True)
                continue
            are_done = False
            goes_on = yield from self._missed(close, intent, reply)
            if not goes_on:
                self._never_sent(intents[index + 1 :])
                break
        return are_done

    def _missed(self, close: Close, intent: Intent, reply: Reply) -> Turns[bool]:
        """Take note of a close that the venue did not say is done, and return whether the next one may be sent."""
        if isinstance(reply, No) and not _is_duplicate(reply):
            self._settle(intent)
            self._refused(close, reply)
            if reply.code == WRONG_TIME:
                yield from self._talk.resync()
            return reply.code not in (WRONG_TIME, TOO_MANY_REQUESTS, TOO_MANY_ORDERS)
        if isinstance(reply, Nobody) and not reply.is_sent:
            self._settle(intent)
        return False

    def save(self) -> None:
        """Write down what became of the closes since the last time."""
        if self._changed:
            self._write(())

    def _write_down(self, wanted: Sequence[Close]) -> list[Intent]:
        intents = [self._intent(close) for close in wanted]
        self._write(intents)
        late = self._talk.venue_ms() + CLOSE_WINDOW_MS - (intents[0].dead_ms if intents else 0)
        if late > 0:  # the disk is too slow: what stands there is right, but for a time that has passed
            self._unrecorded(f"writing down took {(late + MARGIN_MS) / 1000:.1f} s")
            intents = [replace(intent, dead_ms=self._dead_ms() + 2 * (late + MARGIN_MS)) for intent in intents]
            self._write(intents)  # others go by what stands there
        return intents

    def _write(self, intents: Iterable[Intent]) -> None:
        changed, self._changed = [*self._changed.values(), *intents], {}
        try:
            self._log.write(changed)
        except OpsLabError as error:
            self._unrecorded(str(error))

    def _intent(self, close: Close) -> Intent:
        name = f"{self._id}-{self._log.next_number()}"
        return Intent(name, close.symbol, close.side, close.position_side, f"{close.quantity:f}", self._dead_ms())

    def _dead_ms(self) -> int:
        return self._talk.venue_ms() + CLOSE_WINDOW_MS + MARGIN_MS

    def _params(self, close: Close, intent: Intent) -> dict[str, str]:
        params = {"symbol": close.symbol, "side": close.side, "type": "MARKET", "quantity": intent.quantity}
        if self._talk.account.market == "futures":
            params |= {"positionSide": close.position_side}
            if close.position_side == "BOTH":
                params |= {"reduceOnly": "true"}
        return params | {"newClientOrderId": intent.client_order_id, "newOrderRespType": "RESULT"}

    def _has_ended(self, reply: Reply, intent: Intent) -> bool:
        if not isinstance(reply, Yes):
            return False
        try:
            return reading.is_over(reply.value, intent.client_order_id)
        except reading.NonsenseError:
            return False

    def _is_dead(self, intent: Intent) -> Turns[bool]:
        """Whether the venue, by its own clock, would not take this close any more."""
        if self._talk.venue_ms() <= intent.dead_ms:
            return False
        now = yield from self._talk.resync()
        return now is not None and now > intent.dead_ms

    def _settle(self, intent: Intent, *, has_ended: bool = False) -> None:
        self._changed[intent.client_order_id] = settled(intent)
        if intent in self._others.open:
            self._others.settle(intent, has_ended=has_ended)
        close = self._sent.pop(intent.client_order_id, None)
        if has_ended and close is not None:
            self._ended[close.key] = (close.held, self._talk.elapsed_ms)

    def _never_sent(self, intents: Iterable[Intent]) -> None:
        for intent in intents:
            self._settle(intent)


def _is_duplicate(reply: No) -> bool:
    return reply.code == _DUPLICATE or (reply.code == _REJECTED and "uplicate" in reply.text)
