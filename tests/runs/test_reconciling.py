"""The comparison while a run lives: never in the node's way, told once, and the switch is pulled once."""

from __future__ import annotations

import copy
import dataclasses
import threading
from typing import Any

import pytest

from opslab.contract.containment_events import ViewsDiffered
from opslab.errors import StoreError, VenueError
from opslab.runs.reconciling import ANSWER_SECONDS, GRACE_SECONDS, LOOK_SECONDS, Reconciling, Sources
from opslab.safety.firing import Firing
from opslab.safety.triggers import TooOld

WAIT_SECONDS = 5.0
ORDER = {"client_order_id": "O-1", "instrument": "X", "side": "BUY", "quantity": "1", "filled_quantity": "0"}
ENGINE = {"orders": [{**ORDER, "status": "ACCEPTED"}], "positions": [], "balances": [], "fills": []}
BOOKS = {"orders": [{**ORDER, "status": "NEW"}], "positions": [], "balances": [], "fills": []}
GONE = {**BOOKS, "orders": []}


class Bench:
    """A run's sources under control: the clock, what the venue says and when, and what was told."""

    def __init__(self, *, seconds: float | None = 1.0, limit: float | None = None) -> None:
        self.now, self.books, self.failing = 0.0, BOOKS, False
        self.may_answer, self.answered = threading.Event(), threading.Event()
        self.may_answer.set()
        self.events: list[dict[str, Any]] = []
        self.pulled: list[str] = []
        self.kept: list[Any] = []
        self.engine: Any = copy.deepcopy(ENGINE)
        sources = Sources(self._books, self._views, self._tell, lambda found, _views: self.kept.append(found))
        watch = None if limit is None else TooOld("max_mismatch_seconds", limit, "for {value} s, limit {limit}")
        self.found = Reconciling(sources, seconds, watch, Firing(self._pull, self._tell), lambda: self.now)

    def _books(self) -> Any:
        self.may_answer.wait(WAIT_SECONDS)
        self.answered.set()
        if self.failing:
            raise VenueError("does not answer")
        return self.books

    def _views(self, books: Any) -> Any:
        if isinstance(self.engine, Exception):
            raise self.engine
        strategy = {"orders": self.engine["orders"], "positions": [], "fills": []}
        return {"venue": books, "engine": self.engine, "strategy": strategy}

    def _tell(self, name: str, facts: Any) -> None:
        if name == "views_differed":
            ViewsDiffered.model_validate({"ts_utc": "2026-01-01T00:00:00Z", "run_id": "r", **facts})
        self.events.append({"event": name, **facts})

    def _pull(self, reason: str) -> None:
        self.pulled.append(reason)

    def go(self, to: float) -> None:
        """Tick at a moment until what was asked for by then is taken."""
        self.now = to
        self.answered.clear()
        self.found.tick()
        if self.found._asked == to:
            assert self.answered.wait(WAIT_SECONDS)
            for thread in threading.enumerate():
                if thread.name == "opslab-reconciling":
                    thread.join(WAIT_SECONDS)
            self.found.tick()


def test_views_that_agree_are_told_of_nothing():
    bench = Bench()
    for second in range(1, 5):
        bench.go(float(second))
    assert bench.found.compared == 4
    assert bench.events == bench.kept == []


def test_nothing_is_asked_before_it_is_time_nor_without_an_interval():
    bench, never = Bench(), Bench(seconds=None)
    bench.go(0.9)
    never.go(100.0)
    assert (bench.found.compared, never.found.compared) == (0, 0)


def test_what_takes_long_is_done_less_often():
    bench = Bench(seconds=1.0)
    views = bench._views

    def slowly(books: Any) -> Any:
        bench.now += 0.1
        return views(books)

    bench.found._sources = dataclasses.replace(bench.found._sources, views=slowly)
    for second in range(1, 13):
        bench.go(float(second))
    assert bench.found.compared == 2, "at 1 s, and when 0.1 s are a fiftieth of what passed"


def test_a_disk_that_is_slow_to_be_told_does_not_put_off_the_next_comparison():
    bench = Bench(seconds=1.0)
    tell = bench._tell

    def slowly(name: str, facts: Any) -> None:
        bench.now += 0.2
        tell(name, facts)

    bench.found._sources = dataclasses.replace(bench.found._sources, tell=slowly)
    bench.books = GONE
    bench.go(1.0)
    bench.go(1.0 + GRACE_SECONDS)
    assert [event["agree"] for event in bench.events] == [False]
    bench.books = BOOKS
    bench.go(bench.now + 1.1)
    assert [event["agree"] for event in bench.events] == [False, True]


def test_what_lasts_is_told_and_looked_at_again_soon():
    bench = Bench(seconds=60.0)
    bench.books = GONE
    bench.go(60.0)
    bench.go(60.0 + LOOK_SECONDS)
    assert (bench.found.compared, bench.events) == (2, [])
    bench.go(60.0 + GRACE_SECONDS)
    (event,) = bench.events
    assert (event["agree"], event["since_ms"]) == (False, int(GRACE_SECONDS * 1000))
    assert {(row["view"], row["kind"]) for row in event["differences"]} == {
        ("engine", "missing_venue"),
        ("strategy", "missing_venue"),
    }
    bench.books = BOOKS
    bench.go(180.0)
    assert [event["agree"] for event in bench.events] == [False, True]
    assert len(bench.kept) == 2


def test_a_venue_that_does_not_answer_keeps_nobody_waiting_and_is_told_as_unknown():
    bench = Bench(limit=10.0)
    bench.may_answer.clear()
    bench.now = 1.0
    bench.found.tick()
    bench.now = 1.0 + ANSWER_SECONDS
    bench.found.tick()
    bench.now += GRACE_SECONDS
    bench.found.tick()
    (event,) = bench.events
    assert [(row["view"], row["kind"]) for row in event["differences"]] == [("venue", "unknown")]
    bench.now = 1.0 + ANSWER_SECONDS + 10.1
    bench.found.tick()
    bench.may_answer.set()
    assert len(bench.pulled) == 1


@pytest.mark.parametrize("broken", ["venue", "engine", "odd"])
def test_who_cannot_tell_is_told_as_unknown(broken):
    bench = Bench()
    bench.failing = broken == "venue"
    bench.engine = VenueError("frozen") if broken == "engine" else {"orders": [{}]} if broken == "odd" else ENGINE
    bench.go(1.0)
    bench.go(1.0 + GRACE_SECONDS)
    assert [row["kind"] for event in bench.events for row in event["differences"]] == ["unknown"]


def test_the_switch_is_pulled_once_beyond_the_limit_and_not_at_it():
    bench = Bench(limit=3.0)
    bench.books = GONE
    for tenths in range(10, 41):
        bench.go(tenths / 10)
    assert bench.pulled == []
    for tenths in range(41, 120):
        bench.go(tenths / 10)
    assert len(bench.pulled) == 1
    assert [event["trigger"] for event in bench.events if event["event"] == "trigger_fired"] == ["max_mismatch_seconds"]


def test_a_switch_that_cannot_be_pulled_is_pulled_later():
    bench, full = Bench(limit=1.0), [StoreError("no space"), StoreError("no space")]
    pull = bench._pull

    def sometimes(reason: str) -> None:
        if full:
            raise full.pop()
        pull(reason)

    bench.found._firing._pull = sometimes
    bench.books = GONE
    for tenths in range(10, 60):
        bench.go(tenths / 10)
    assert (len(bench.pulled), full) == (1, [])


def test_what_comes_and_goes_pulls_nothing():
    bench = Bench(limit=1.0)
    for tenths in range(10, 100):
        bench.books = GONE if tenths % 5 > 1 else BOOKS
        bench.go(tenths / 10)
    assert bench.events == bench.pulled == []


def arrive() -> None:
    """Wait until every question is answered."""
    for thread in threading.enumerate():
        if thread.name == "opslab-reconciling":
            thread.join(WAIT_SECONDS)


def test_before_the_end_what_is_on_its_way_may_arrive():
    bench = Bench()
    bench.books = GONE

    def pump(seconds: float) -> None:
        arrive()
        bench.now += seconds
        bench.books = BOOKS if bench.now > LOOK_SECONDS else GONE

    bench.found.settle(pump)
    assert bench.found.compared > 1
    assert bench.events == []
    assert not bench.found.has_pending


def test_what_does_not_arrive_before_the_end_is_told():
    bench = Bench()
    bench.books = GONE

    def pump(seconds: float) -> None:
        arrive()
        bench.now += seconds

    bench.found.settle(pump)
    assert [event["agree"] for event in bench.events] == [False]


@pytest.mark.parametrize("was_asked", [True, False])
def test_at_the_end_a_venue_that_hangs_is_waited_for_beside_the_node_and_not_for_long(was_asked):
    bench, pumped = Bench(), []
    bench.may_answer.clear()
    if was_asked:
        bench.now = 1.0
        bench.found.tick()
    began = bench.now

    def pump(seconds: float) -> None:
        pumped.append(seconds)
        bench.now += seconds

    bench.found.settle(pump)
    bench.may_answer.set()
    assert bench.now - began <= ANSWER_SECONDS + 2 * GRACE_SECONDS
    assert max(pumped) <= LOOK_SECONDS
    assert [(row["view"], row["kind"]) for row in bench.events[-1]["differences"]] == [("venue", "unknown")]


def test_a_change_to_unknown_is_kept_too():
    bench = Bench()
    bench.failing = True
    bench.go(1.0)
    bench.go(1.0 + GRACE_SECONDS)
    ((item,),) = bench.kept
    assert item.difference.kind == "unknown"


def test_a_limit_is_kept_however_long_a_comparison_takes():
    bench = Bench(seconds=1.0, limit=3.0)
    views, cost = bench._views, 0.4

    def slowly(books: Any) -> Any:
        bench.now += cost
        return views(books)

    bench.found._sources = dataclasses.replace(bench.found._sources, views=slowly)
    for tenths in range(10, 60):
        bench.go(max(bench.now, tenths / 10))
    began = bench.now
    bench.books = GONE
    while not bench.pulled and bench.now < began + 60:
        bench.go(bench.now + 0.1)
    assert bench.pulled
    assert bench.now - began <= 3.0 * 1.5 + 2 * cost + 0.2
