"""The fault gate: every request, reply, socket and message passes it, and the faults that are in force act on them.

Several faults act in the order of their injection. What they do is journaled in the wire log (kind ``fault``):
``armed``, ``began``, ``fired`` with what was touched, ``failed``, ``resting``, ``healed``. All of it runs on the
venue's loop.

The shells need to know:

* ``before``, ``after`` and ``opening`` are awaited; delays and hanging happen inside, and what hung gives ``RESET``
  once the fault is healed. A reply that ``before`` gave does not pass ``after``.
* ``leaving`` returns what to send now, always on the message's own socket. What is kept back comes later through
  ``Levers.send``, past the gate.
* ``ledger_event`` must be registered with the exchange before whatever makes stream messages of ledger events, so that
  a fault that waits for a fill already touches that fill's report.
* ``heal_all`` before the shells stop: it lets go of everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.faults.base import Answer, Close, Hang, Outgoing, Reset, Silence, Wait
from opslab.venue.faults.journal import effect_facts, request_facts, socket_facts
from opslab.venue.faults.keeping import MessageLine
from opslab.venue.faults.schedule import AT_ONCE, Schedule
from opslab.venue.wire import Reply

if TYPE_CHECKING:
    from opslab.venue.events import LedgerEvent
    from opslab.venue.faults.base import Fault, RequestEffect
    from opslab.venue.faults.injection import Injection, Timers
    from opslab.venue.faults.levers import Levers
    from opslab.venue.wire import Message, Request, Socket, WireLog

HANG = Hang()
RESET = Reset()
type Outcome = Reply | Hang | Reset
"""What goes back to a client: an answer, or an aborted connection. The gate itself settles ``HANG``, as ``RESET``."""


class FaultGate:
    """Holds the injected faults and asks them.

    Args:
        log: the venue's wire log.
        levers: the venue's handles; may be set later as ``levers``, before the first fault.
        seed: the venue's seed, for faults with a probability.
        timers: the clock of delays; None: the running event loop.
    """

    def __init__(
        self, log: WireLog, levers: Levers | None = None, *, seed: int = 0, timers: Timers | None = None
    ) -> None:
        self._line = MessageLine(log, seed, timers)
        self._roster = self._line.roster
        self._roster.levers = levers

    @property
    def levers(self) -> Levers | None:
        """The venue's handles."""
        return self._roster.levers

    @levers.setter
    def levers(self, levers: Levers) -> None:
        self._roster.levers = levers

    async def before(self, request: Request) -> Outcome | None:
        """Return what to answer instead of letting the core see ``request``; None: go on."""
        if not self._roster.live:
            return None
        self._roster.count_request(request)
        return await self._ask("before", request, None)

    async def after(self, request: Request, reply: Reply) -> Outcome:
        """Return what to answer after the core has acted; ``reply`` itself if no fault objects."""
        if not self._roster.live:
            return reply
        return await self._ask("after", request, reply) or reply

    async def opening(self, socket: Socket) -> Answer | Reset | Close | Silence | None:
        """Return what to do with a WebSocket that asks to connect; None: accept it. Nothing was answered to it yet."""
        number = 0
        while (injection := self._roster.next_at("opening", number)) is not None:
            number, fault = injection.number, injection.fault
            if not (fault.target.takes_socket(socket) and injection.draws()):
                continue
            if (effect := fault.opening(socket)) is None:
                continue
            self._roster.fired(injection, "opening", {**socket_facts(socket), **effect_facts(effect)})
            match effect:
                case Wait():
                    await injection.pause(effect.seconds)
                case Hang():
                    await injection.pause()
                    return RESET
                case _:
                    return effect
        return None

    def leaving(self, message: Message) -> list[Outgoing]:
        """Return what is sent on the message's socket now, in order; without faults the message itself."""
        if not self._roster.live:
            return [Outgoing(message)]
        self._roster.count_message(message)
        return [Outgoing(item) for item in self._line.leaving(message)]

    def ledger_event(self, event: LedgerEvent) -> None:
        """Tell the faults of a change in the ledger; those that waited for it come in force."""
        if self._roster.live:
            self._roster.happened(event)

    def inject(self, fault: Fault, schedule: Schedule = AT_ONCE) -> Injection:
        """Put a fault in force, at once or by its schedule, and return its handle.

        Raises:
            DrillError: the fault is in the gate already, or acts on the venue and cannot, such as on an account that
                the venue does not know. It is healed then.
        """
        return self._roster.add(fault, schedule)

    def heal(self, fault: Fault | Injection) -> None:
        """Take a fault out of force and let go of what it holds; one that is healed already stays so.

        Messages that it kept back are sent now (or dropped, if that is what the fault says), paused requests go on, and
        hung ones are reset.

        Raises:
            DrillError: what it did to the venue cannot be undone; it is out of force all the same.
        """
        for injection in [item for item in self._roster.live if item is fault or item.fault is fault]:
            self._roster.heal(injection)

    def heal_all(self) -> None:
        """Heal every fault, the newest first.

        Raises:
            DrillError: as ``heal``, after all are out of force; the first of several.
        """
        first: Exception | None = None
        for injection in reversed(self.injections):
            try:
                self._roster.heal(injection)
            except Exception as error:  # noqa: BLE001 - the others must be healed before it is told
                first = first or error
        if first is not None:
            raise first

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is injected."""
        return not self._roster.live

    @property
    def injections(self) -> tuple[Injection, ...]:
        """Those that are not healed, oldest first."""
        return tuple(self._roster.live)

    async def _ask(self, door: str, request: Request, reply: Reply | None) -> Reply | Reset | None:
        number = 0
        while (injection := self._roster.next_at(door, number)) is not None:
            number, fault = injection.number, injection.fault
            if not (fault.target.takes_request(request) and injection.draws()):
                continue
            effect: RequestEffect | None = fault.before(request) if reply is None else fault.after(request, reply)
            if effect is None:
                continue
            self._roster.fired(injection, door, {**request_facts(request), **effect_facts(effect)})
            match effect:
                case Answer():
                    if reply is None:
                        return effect.reply
                    reply = effect.reply
                case Wait():
                    await injection.pause(effect.seconds)
                case Hang():
                    await injection.pause()
                    return RESET
                case Reset():
                    return RESET
        return reply
