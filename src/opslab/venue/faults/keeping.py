"""Messages on their way through the faults: what leaves now, and what is kept back for later."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from opslab.venue.faults.base import Outgoing
from opslab.venue.faults.injection import Injection, Overtaken
from opslab.venue.faults.journal import message_facts
from opslab.venue.faults.roster import Roster

if TYPE_CHECKING:
    from opslab.venue.faults.injection import Timers
    from opslab.venue.wire import Message, WireLog


class MessageLine:
    """Takes each message through the faults in the order of their injection.

    What a fault keeps back goes on, when it is let go, through the faults that were injected after it.

    Args:
        log: the venue's wire log.
        seed: the venue's seed.
        timers: the clock of delays; None: the running event loop.
    """

    def __init__(self, log: WireLog, seed: int, timers: Timers | None) -> None:
        self.roster = Roster(log, seed, timers, self._let_go)

    def leaving(self, message: Message) -> list[Message]:
        """Return what leaves on the message's socket now, in order."""
        waiting = [
            (injection, item)
            for injection in self.roster.live
            for item in injection.overtaken
            if item.message.socket == message.socket and injection.fault.target.takes_message(message)
        ]
        sent = self._onward(message, 0)
        for injection, item in waiting:
            item.left -= 1
            if item.left == 0 and item in injection.overtaken:
                injection.overtaken.remove(item)
                sent += self._onward(item.message, injection.number)
        return sent

    def _onward(self, message: Message, number: int) -> list[Message]:
        """Take a message through the faults after ``number``, and return what may leave now."""
        for injection in self.roster.live:
            fault = injection.fault
            if injection.number <= number or not (injection.acts_at("message") and fault.target.takes_message(message)):
                continue
            if injection.waits_behind(message.socket) or not injection.draws():
                continue
            if (results := fault.message(Outgoing(message))) is None:
                continue
            self.roster.fired(injection, "message", {**message_facts(message), "leaving": len(results)})
            return [item for result in results for item in self._pass_on(injection, result)]
        return [message]

    def _pass_on(self, injection: Injection, result: Outgoing) -> list[Message]:
        if result.delay <= 0 and result.behind <= 0:
            return self._onward(result.message, injection.number)
        if result.delay <= 0:
            injection.overtaken.append(Overtaken(result.message, result.behind))
            return []
        due = self.roster.clock.time() + result.delay if math.isfinite(result.delay) else math.inf
        if math.isfinite(due):
            self.roster.put_off(injection, result.delay, lambda: self._send(injection, injection.taken(due)))
        injection.keep(result.message, due)
        return []

    def _let_go(self, injection: Injection) -> dict[str, int]:
        kept = [*injection.taken(), *(item.message for item in injection.overtaken)]
        injection.overtaken.clear()
        if injection.fault.drops_kept:
            return {"dropped": len(kept)} if kept else {}
        self._send(injection, kept)
        return {"sent": len(kept)} if kept else {}

    def _send(self, injection: Injection, messages: list[Message]) -> None:
        for message in messages:
            for item in self._onward(message, injection.number):
                self.roster.venue.send(item)
