"""What fires holds first, pulls once and is told once; what cannot be done is tried again."""

from __future__ import annotations

import pytest

from opslab.contract.containment_events import TriggerFired
from opslab.errors import StoreError
from opslab.safety.firing import Firing
from opslab.safety.triggers import Fired


def fired(trigger="max_orders_per_minute"):
    return Fired(trigger, "6", "5", "6 orders within a minute, limit 5")


class Run:
    """Takes down what happens, and refuses what it is told to."""

    def __init__(self):
        self.log, self.refuses, self.is_active = [], set(), False
        self.firing = Firing(
            lambda reason: self._note("pull", reason),
            lambda event, facts: self._note("tell", event, facts),
            hold=lambda why: self._note("hold", why),
            release=lambda: self._note("release"),
            is_active=lambda: self.is_active,
        )

    def _note(self, what, *words):
        if what in self.refuses:
            raise StoreError("no space left on device")
        self.is_active = self.is_active or what == "pull"
        self.log.append((what, *words))

    @property
    def done(self):
        return [what for what, *_ in self.log]


@pytest.fixture
def run():
    return Run()


def test_it_holds_pulls_lets_go_and_tells_in_this_order(run):
    assert run.firing.fire(fired())
    assert run.done == ["hold", "pull", "release", "tell"]
    assert run.log[1][1] == "TRIGGER max_orders_per_minute: 6 orders within a minute, limit 5"


def test_what_it_tells_is_an_event_of_the_contract(run):
    run.firing.fire(fired())
    _, event, facts = run.log[-1]
    told = TriggerFired.model_validate({"ts_utc": "2026-01-05T00:00:00Z", "run_id": "r", **facts})
    assert told.event == event


def test_nothing_fires_nothing(run):
    assert not run.firing.fire(None)
    assert run.log == []


def test_a_trigger_fires_once(run):
    assert [run.firing.fire(fired()) for _ in range(3)] == [True, False, False]
    assert run.done.count("tell") == run.done.count("pull") == 1


def test_two_triggers_are_told_both_and_pull_once(run):
    run.firing.fire(fired())
    run.firing.fire(fired("max_orders_between_data"))
    assert (run.done.count("tell"), run.done.count("pull")) == (2, 1)


def test_a_switch_that_cannot_be_pulled_stays_held_and_is_pulled_again(run):
    run.refuses = {"pull"}
    run.firing.fire(fired())
    run.firing.retry()
    assert run.firing.is_pending
    assert run.done.count("tell") == 1
    assert "release" not in run.done
    run.refuses = set()
    run.firing.retry()
    assert run.done[-3:] == ["hold", "pull", "release"]
    assert not run.firing.is_pending


def test_a_journal_that_cannot_be_written_is_told_later_once(run):
    run.refuses = {"tell"}
    run.firing.fire(fired())
    assert run.firing.is_pending
    run.refuses = set()
    run.firing.retry()
    run.firing.retry()
    assert run.done == ["hold", "pull", "release", "tell"]


def test_a_switch_that_a_person_cleared_is_pulled_again(run):
    run.firing.fire(fired())
    assert not run.firing.rearm()
    assert not run.firing.fire(fired())
    run.is_active = False
    assert run.firing.fire(fired())
    assert (run.done.count("pull"), run.done.count("tell")) == (2, 2)
    assert run.firing.fired == ["max_orders_per_minute"]


def test_what_waits_to_be_told_is_not_forgotten_by_a_clear(run):
    run.refuses = {"tell"}
    run.firing.fire(fired())
    run.is_active = False
    assert run.firing.rearm()
    run.refuses = set()
    run.firing.retry()
    assert run.done.count("tell") == 1


def test_another_trigger_pulls_a_switch_that_was_cleared(run):
    run.firing.fire(fired())
    run.is_active = False
    assert run.firing.fire(fired("max_loss_from_peak"))
    assert (run.done.count("pull"), run.is_active) == (2, True)
    assert run.firing.fired == ["max_loss_from_peak"]


def test_another_trigger_pulls_also_while_the_journal_is_full(run):
    run.refuses = {"tell"}
    run.firing.fire(fired())
    run.is_active = False
    run.firing.fire(fired("max_loss_from_peak"))
    assert run.done.count("pull") == 2
    run.refuses = set()
    run.firing.retry()
    told = [words[-1]["trigger"] for what, *words in run.log if what == "tell"]
    assert told == ["max_orders_per_minute", "max_loss_from_peak"]


def test_who_counts_begins_anew_once_after_a_clear(run):
    anew = []
    run.firing._anew = lambda: anew.append(list(run.firing.fired))
    run.firing.fire(fired())
    run.is_active = False
    run.firing.fire(fired())
    assert anew == [[]]


def test_a_pull_that_nothing_shows_leaves_a_trigger_spent():
    log = []
    firing = Firing(log.append, lambda *_words: None)
    assert [firing.fire(fired()) for _ in range(3)] == [True, False, False]
    assert len(log) == 1
