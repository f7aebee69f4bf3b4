"""A drill without pytest around it: a clock that a test moves, and a history that changes when one waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from opslab.drill.checks import Check, failed, passed, unknown
from opslab.drill.drill import Drill
from opslab.drill.history import History
from opslab.drill.info import declared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opslab.contract.drill import Phase
    from opslab.contract.events import Event


class FakeClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 5, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class World:
    """What checks see: facts, and ``well_at``, the moment from which ``world.well`` says pass."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.well_at, self.step = clock, 0.0, 1.0

    def history(self, facts: Mapping[str, Any]) -> History:
        return History(facts={**facts, "is_well": self.clock.seconds >= self.well_at})

    def wait(self, seconds: float) -> bool:
        self.clock.seconds += min(seconds, self.step)
        return True


class Recorder:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.events: list[Event] = []

    def entered(self, phase: Phase) -> None:
        self.heard.append(phase.value)

    def told(self, event: Event) -> None:
        self.events.append(event)
        self.heard.append(event.event)  # type: ignore[attr-defined]

    def ended(self) -> None:
        self.heard.append("ended")

    @property
    def phases(self) -> list[str]:
        return [word for word in self.heard if word in {"steady", "inject", "observe", "heal", "verify"}]


class DemoFault:
    def __init__(self, name: str = "demo", *, fired: bool = True) -> None:
        self.name, self.fired, self.calls = name, fired, []  # type: ignore[var-annotated]

    def begin(self) -> None:
        self.calls.append("begin")

    def heal(self) -> None:
        self.calls.append("heal")


def _check(name: str, judge: Callable[..., Any]) -> Check:
    return Check(name, judge, "")


CHECKS = {
    "pass": _check("demo.passes", lambda _h, _s: passed("fine")),
    "fail": _check("demo.fails", lambda _h, _s: failed("OPS-DEMO-BAD", "bad", expected=1, observed=2)),
    "doubt": _check("demo.unknown", lambda _h, _s: unknown("OPS-DEMO-DOUBT", "who knows")),
    "well": _check("world.well", lambda h, _s: passed() if h.fact("is_well") else failed("OPS-DEMO-ILL", "ill")),
}


@pytest.fixture
def checks() -> dict[str, Check]:
    return CHECKS


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(clock)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def make_fault() -> type[DemoFault]:
    return DemoFault


@pytest.fixture
def make_drill(clock: FakeClock, world: World, recorder: Recorder) -> Callable[..., Drill]:
    """Return a maker of drills; keyword arguments are budgets."""

    def make(
        known: frozenset[str] = frozenset(), listeners: tuple[Any, ...] = (), seed: int = 0, **budgets: Any
    ) -> Drill:
        return Drill(
            declared("demo", budgets, area="demo", title="Demo"),
            run_id="demo",
            source=world,
            listeners=(recorder, *listeners),
            clock=clock,
            session_seed=seed,
            known_codes=known,
        )

    return make


@pytest.fixture
def drill(make_drill: Callable[..., Drill]) -> Drill:
    return make_drill()
