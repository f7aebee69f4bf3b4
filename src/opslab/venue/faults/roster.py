"""The injected faults of a venue: when each comes in force and goes, what it did, and the journal of that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from opslab.errors import DrillError, OpsLabError, one_line
from opslab.venue.faults.injection import Injection, State
from opslab.venue.faults.schedule import event_names
from opslab.venue.faults.target import takes_event
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.events import LedgerEvent
    from opslab.venue.faults.base import Fault
    from opslab.venue.faults.injection import Timers
    from opslab.venue.faults.levers import Levers
    from opslab.venue.faults.schedule import Schedule
    from opslab.venue.wire import Message, Request, WireLog


class _NoLevers:
    """Stands in where a gate has no venue, as in tests of requests alone."""

    def __getattr__(self, name: str) -> Any:
        raise DrillError(f"the gate has no venue for a fault that needs {name}", fix="set FaultGate.levers first")


class Roster:
    """Keeps the injections in the order in which they act.

    Args:
        log: the venue's wire log.
        seed: the venue's seed.
        timers: the clock of delays; None: the running event loop.
        let_go: sends or drops what an injection keeps back; called while it is healed.

    Attributes:
        levers: the venue's handles, if there is a venue.
        live: the injections that are not healed, oldest first.
    """

    def __init__(
        self, log: WireLog, seed: int, timers: Timers | None, let_go: Callable[[Injection], dict[str, int]]
    ) -> None:
        self.levers: Levers | None = None
        self.live: list[Injection] = []
        self._log, self._seed, self._timers, self._let_go = log, seed, timers, let_go
        self._number = 0

    @property
    def venue(self) -> Levers:
        """The venue's handles; without a venue, something that says so when it is used."""
        return self.levers if self.levers is not None else cast("Levers", _NoLevers())

    @property
    def clock(self) -> Timers:
        """The clock of delays."""
        return self._timers or asyncio.get_running_loop()

    def add(self, fault: Fault, schedule: Schedule) -> Injection:
        """Inject a fault; see ``FaultGate.inject``."""
        if any(item.fault is fault for item in self.live):
            raise DrillError("is in the gate already", where=fault.name, fix="heal it first, or make another one")
        self._number += 1
        injection = Injection(self._number, fault, schedule, self._seed)
        self.live.append(injection)
        trigger = schedule.after
        if trigger is None:
            self._begin(injection)
            return injection
        self._journal("armed", injection, after=trigger.model_dump(mode="json", exclude_defaults=True))
        if trigger.seconds is not None:
            self.put_off(injection, trigger.seconds, lambda: self._begin_later(injection))
        return injection

    def next_at(self, door: str, number: int) -> Injection | None:
        """Return the first one after ``number`` that acts at ``door``; asked anew after pauses: faults go."""
        return next((item for item in self.live if item.number > number and item.acts_at(door)), None)

    def heal(self, injection: Injection, why: str = "") -> None:
        """Take an injection out of force and let go of what it holds; see ``FaultGate.heal``."""
        if injection.state is State.HEALED:
            return
        self.live.remove(injection)
        self._conclude(injection, State.HEALED, {"why": why} if why else {})

    def happened(self, event: LedgerEvent) -> None:
        """Let injections that wait for a ledger event count it, and tell those in force."""
        names = event_names(event)
        for injection in list(self.live):
            trigger, awaited = injection.schedule.after, injection.awaited
            is_named = injection.waits_for("event") and trigger is not None and trigger.event in names
            if is_named and takes_event(event, awaited.account, awaited.symbol):
                self._count_up(injection)
            if injection.acts_at("happened"):
                injection.fault.happened(event)

    def count_request(self, request: Request) -> None:
        """Let injections that wait for a request count this one."""
        for injection in [item for item in self.live if item.waits_for("request")]:
            if injection.awaited.takes_request(request):
                self._count_up(injection)

    def count_message(self, message: Message) -> None:
        """Let injections that wait for a message count this one."""
        for injection in [item for item in self.live if item.waits_for("message")]:
            if injection.awaited.takes_message(message):
                self._count_up(injection)

    def fired(self, injection: Injection, door: str, facts: dict[str, Any]) -> None:
        """Count a firing and journal what it touched."""
        injection.fired += 1
        self._journal("fired", injection, door=door, touched=facts)

    def put_off(self, injection: Injection, seconds: float, callback: Callable[[], object]) -> None:
        """Call back later, unless the injection is healed before."""

        def due() -> None:
            injection.timers.discard(timer)
            callback()

        timer = self.clock.call_later(seconds, due)
        injection.timers.add(timer)

    def _count_up(self, injection: Injection) -> None:
        if injection.counts_up():
            self._begin_later(injection)

    def _begin(self, injection: Injection) -> None:
        injection.state = State.IN_FORCE
        self._journal("began", injection)
        lasting = injection.schedule.lasting
        try:
            if lasting is not None:
                self.put_off(injection, lasting, lambda: self._guarded(injection, lambda: self._time_over(injection)))
            self._act(injection)
        except BaseException:
            self.heal(injection, "it could not begin")
            raise

    def _begin_later(self, injection: Injection) -> None:
        """Begin in the middle of the venue's work, where nobody takes an error: it is journaled, and nothing fired."""
        if not injection.fault.deferred:
            self._guarded(injection, lambda: self._begin(injection))
            return
        injection.state = State.DUE
        self.put_off(injection, 0, lambda: self._guarded(injection, lambda: self._begin(injection)))

    def _act(self, injection: Injection) -> None:
        injection.has_acted = True
        for facts in _without_refusal(injection, lambda: injection.fault.begin(self.venue)):
            self.fired(injection, "venue", facts)

    def _conclude(self, injection: Injection, state: State, facts: dict[str, Any]) -> None:
        injection.conclude(state)
        try:
            if injection.has_acted:
                injection.has_acted = False
                _without_refusal(injection, lambda: injection.fault.end(self.venue))
        finally:
            let_go: dict[str, Any] = self._let_go(injection)
            self._journal(str(state), injection, fired=injection.fired, **let_go, **facts)

    def _time_over(self, injection: Injection) -> None:
        again = injection.schedule.again
        if again is None or injection.is_spent:
            self.heal(injection, "its time was over")
            return
        self._conclude(injection, State.RESTING, {})
        self.put_off(injection, again, lambda: self._guarded(injection, lambda: self._begin(injection)))

    def _guarded(self, injection: Injection, act: Callable[[], None]) -> None:
        try:
            act()
        except OpsLabError as error:
            self._journal("failed", injection, error=str(error))

    def _journal(self, phase: str, injection: Injection, **facts: Any) -> None:
        self._log.add("fault", phase=phase, id=injection.number, fault=injection.fault.name, **facts)


def _without_refusal[T](injection: Injection, act: Callable[[], T]) -> T:
    """Tell the exchange's refusal of a fault's command as an error of the drill."""
    try:
        return act()
    except Refusal as refusal:
        raise DrillError(
            f"the exchange refused: {one_line(refusal)}", where=injection.fault.name, fix="set the scene for it first"
        ) from refusal
