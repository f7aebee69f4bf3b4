"""A fault that was injected: whether it waits, is in force or healed, how often it fired, and what it keeps back."""

from __future__ import annotations

import asyncio
import heapq
import math
import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from opslab.venue.faults.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.faults.base import Fault
    from opslab.venue.faults.schedule import Schedule
    from opslab.venue.wire import Message, Socket


class Timer(Protocol):
    """A call that was put off."""

    def cancel(self) -> None:
        """Forget it."""
        ...


class Timers(Protocol):
    """The clock of delays; an asyncio event loop is one."""

    def time(self) -> float:
        """Return seconds that only grow."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call back after ``delay`` seconds."""
        ...


class State(StrEnum):
    """Where an injection is in its life."""

    WAITING = "waiting"
    DUE = "due"
    IN_FORCE = "in_force"
    RESTING = "resting"
    HEALED = "healed"


@dataclass(slots=True, eq=False)
class Overtaken:
    """A message that waits until others of its socket have gone first.

    Attributes:
        message: the message.
        left: how many must still go first.
    """

    message: Message
    left: int


class Injection:
    """A fault in the gate; ``FaultGate.inject`` makes it.

    Args:
        number: counts injections from 1; faults act in this order.
        fault: what was injected.
        schedule: when it is in force.
        seed: the venue's seed.

    Attributes:
        fired: how often it took effect; may be read from any thread.
        state: where it is in its life.
        overtaken: what it keeps back until other messages have gone first, oldest first.
        timers: calls that were put off on its behalf.
        awaited: which requests, messages or events it counts while it waits.
        has_acted: whether it acted on the venue, so that there may be something to undo.
    """

    def __init__(self, number: int, fault: Fault, schedule: Schedule, seed: int) -> None:
        self.number, self.fault, self.schedule = number, fault, schedule
        self.state = State.WAITING
        self.fired = 0
        self.overtaken: list[Overtaken] = []
        self.timers: set[Timer] = set()
        self.has_acted = False
        trigger = schedule.after
        self.awaited = Target(
            route=(trigger.request if trigger else None) or "* *",
            stream=(trigger.message if trigger else None) or "*",
            account=trigger.account if trigger else None,
            symbol=trigger.symbol if trigger else None,
        )
        self._awaits = trigger.kind if trigger else ""
        self._kept: list[tuple[float, int, Message]] = []
        self._order = 0
        self._times, self._probability = schedule.times, schedule.probability
        self._seen = 0
        self._chance = random.Random(f"{seed}/{number}/{fault.name}")  # noqa: S311 - rehearsed mishaps, not secrets
        self._over = asyncio.Event()

    def acts_at(self, door: str) -> bool:
        """Whether it is in force, acts at ``door`` and may still fire."""
        return self.state is State.IN_FORCE and door in self.fault.doors and not self.is_spent

    def waits_for(self, kind: str) -> bool:
        """Whether it waits, and for this kind of thing: ``event``, ``request`` or ``message``."""
        return self._awaits == kind and self.state is State.WAITING

    @property
    def is_spent(self) -> bool:
        """Whether it took effect as often as its schedule allows."""
        return self._times is not None and self.fired >= self._times

    def draws(self) -> bool:
        """Whether chance lets it act this time."""
        return self._probability >= 1 or self._chance.random() < self._probability

    def keep(self, message: Message, due: float) -> None:
        """Keep a message back until ``due`` by the timers' clock; infinite: until it is healed."""
        self._order += 1
        heapq.heappush(self._kept, (due, self._order, message))

    def taken(self, due: float = math.inf) -> list[Message]:
        """Take out what is due, in order: the earliest first, and of equals the oldest."""
        messages = []
        while self._kept and self._kept[0][0] <= due:
            messages.append(heapq.heappop(self._kept)[2])
        return messages

    @property
    def keeps(self) -> int:
        """How many messages it keeps back."""
        return len(self._kept) + len(self.overtaken)

    def counts_up(self) -> bool:
        """Count one thing that it waits for, and return whether the count is complete."""
        self._seen += 1
        return self.schedule.after is not None and self._seen >= self.schedule.after.count

    def waits_behind(self, socket: Socket) -> bool:
        """Whether it keeps a message of ``socket`` back until others have overtaken it: it leaves those alone."""
        return any(item.message.socket == socket for item in self.overtaken)

    def conclude(self, state: State = State.HEALED) -> None:
        """Go out of force: timers are forgotten, and whoever pauses goes on."""
        self.state = state
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()
        self._over.set()
        if state is not State.HEALED:
            self._over = asyncio.Event()

    async def pause(self, seconds: float | None = None) -> None:
        """Wait so long, or until it is out of force if that comes first; None: only until then."""
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return

    @property
    def facts(self) -> dict[str, object]:
        """Where it is, as JSON types."""
        return {
            "id": self.number,
            "fault": self.fault.name,
            "state": str(self.state),
            "fired": self.fired,
            "kept": self.keeps,
        }
