"""Faults of the venue as a drill sees them: begin and heal from the drill's own thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from opslab.venue.faults.catalogue import CATALOGUE, fault_of
from opslab.venue.faults.schedule import AT_ONCE, SCHEDULE_KEYS, Schedule, schedule_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.faults.base import Fault
    from opslab.venue.faults.gate import FaultGate
    from opslab.venue.faults.injection import Injection

_SCHEDULE = {"lasting": "for", **{key: key for key in SCHEDULE_KEYS}}


class Call(Protocol):
    """Runs a function on the venue's loop and returns its result, or raises its error."""

    def __call__[T](self, act: Callable[[], T], /) -> T:
        """Run it."""
        ...


class VenueFault:
    """A fault of a venue, with what ``opslab.drill.faults.Fault`` asks for; it may begin again after it was healed.

    Args:
        gate: the venue's gate.
        call: runs a function on the venue's loop.
        fault: what goes wrong.
        schedule: when.
    """

    def __init__(self, gate: FaultGate, call: Call, fault: Fault, schedule: Schedule = AT_ONCE) -> None:
        self._gate, self._call, self._fault, self._schedule = gate, call, fault, schedule
        self._injection: Injection | None = None

    @property
    def name(self) -> str:
        """What it is called in journals and reports."""
        return self._fault.name

    @property
    def fired(self) -> bool:
        """Whether it took effect."""
        return self.count > 0

    @property
    def count(self) -> int:
        """How often it took effect since it began."""
        return self._injection.fired if self._injection is not None else 0

    def begin(self) -> None:
        """Inject it.

        Raises:
            DrillError: it acts on the venue and cannot; see ``FaultGate.inject``.
        """
        self._injection = self._call(lambda: self._gate.inject(self._fault, self._schedule))

    def heal(self) -> None:
        """Heal it; see ``FaultGate.heal``."""
        if (injection := self._injection) is not None:
            self._call(lambda: self._gate.heal(injection))


class VenueFaults:
    """Makes faults of one venue by their names in the catalogue: ``faults.drop_user_stream(times=1)``.

    Each takes the fault's settings, and the schedule: ``after``, ``lasting`` (``for`` in files)...
    A setting named ``set`` or ``for`` may be written with a trailing underscore.

    Args:
        gate: the venue's gate.
        call: runs a function on the venue's loop.
    """

    def __init__(self, gate: FaultGate, call: Call) -> None:
        self._gate, self._call = gate, call

    def __getattr__(self, name: str) -> Callable[..., VenueFault]:
        """Return what makes the fault ``name``.

        Raises:
            AttributeError: the catalogue has none of that name.
        """
        if name.startswith("_") or name not in CATALOGUE:
            raise AttributeError(f"the venue has no fault {name!r:.60}; there are: {', '.join(CATALOGUE)}")
        return lambda **settings: self.make(name, **settings)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *CATALOGUE})

    def make(self, name: str, /, **settings: Any) -> VenueFault:
        """Return the fault ``name`` with its settings and schedule.

        Raises:
            DrillError: the name or a setting is unknown, missing or cannot be used.
        """
        given = {key.removesuffix("_"): value for key, value in settings.items()}
        schedule = {_SCHEDULE[key]: value for key, value in given.items() if key in _SCHEDULE}
        own = {key: value for key, value in given.items() if key not in _SCHEDULE}
        return VenueFault(self._gate, self._call, fault_of(name, own), schedule_of(schedule))
