"""Messages: dropped, kept back, let go, overtaken; nothing that is kept is lost."""

from __future__ import annotations

import math

from tests.venue.faults.conftest import OTHER, quote, report

from opslab.venue.faults.schedule import schedule_of
from opslab.venue.faults.streaming import DelayMessages, DropMessages, DuplicateMessages, ReorderMessages
from opslab.venue.faults.target import Target

ALL = Target()


def test_dropped_messages_are_gone_and_counted(stand):
    injection = stand.gate.inject(DropMessages("drop", Target(kind="user", account="main")))
    assert stand.leaves(report()) == []
    assert len(stand.leaves(report(socket=OTHER))) == 1
    assert injection.fired == 1
    touched = stand.journal("fired")[0]["touched"]
    assert (touched["stream"], touched["x"], touched["t"]) == ("ORDER_TRADE_UPDATE", "TRADE", 1)
    stand.gate.heal(injection)
    assert stand.venue.sent == []


def test_delayed_messages_come_later_and_in_order(stand):
    stand.gate.inject(DelayMessages("delay", ALL, 2.0))
    sent = [report(n) for n in range(6)]
    assert [stand.leaves(message) for message in sent] == [[]] * 6
    stand.clock.pass_by(1.9)
    assert stand.venue.sent == []
    stand.clock.pass_by(0.1)
    assert stand.venue.sent == sent
    assert stand.clock.waiting == []


def test_keeping_many_messages_costs_no_more_for_each(stand):
    injection = stand.gate.inject(DelayMessages("delay", ALL, 1.0))
    message = quote()
    for _ in range(20_000):  # minutes, if each looked at all the others
        stand.gate.leaving(message)
    assert injection.keeps == 20_000
    stand.clock.pass_by(1)
    assert len(stand.venue.sent) == 20_000


def test_what_came_is_forgotten(stand):
    injection = stand.gate.inject(DelayMessages("delay", ALL, 1.0))
    for n in range(50):
        stand.leaves(report(n))
        stand.clock.pass_by(1)
    assert (len(injection.timers), injection.keeps) == (0, 0)


def test_a_growing_delay_grows(stand):
    stand.gate.inject(DelayMessages("delay", ALL, 1.0, 1.0))
    for n in (1, 2, 3):
        stand.leaves(report(n))
    arrived = []
    for _ in range(3):
        stand.clock.pass_by(1.0)
        arrived.append(len(stand.venue.sent))
    assert arrived == [1, 2, 3]


def test_healing_sends_what_was_kept_in_order_once(stand):
    injection = stand.gate.inject(DelayMessages("delay", ALL, 5.0))
    sent = [report(n) for n in range(4)]
    for message in sent:
        stand.leaves(message)
    stand.gate.heal(injection)
    assert stand.venue.sent == sent
    stand.clock.pass_by(60)
    assert stand.venue.sent == sent
    assert stand.journal("healed")[0]["sent"] == 4


def test_healing_drops_what_was_kept_if_the_fault_says_so(stand):
    injection = stand.gate.inject(DelayMessages("delay", ALL, 5.0, drops_kept=True))
    stand.leaves(report())
    stand.gate.heal(injection)
    stand.clock.pass_by(60)
    assert stand.venue.sent == []
    assert stand.journal("healed")[0]["dropped"] == 1


def test_what_is_let_go_still_passes_the_faults_behind(stand):
    hold = stand.gate.inject(DelayMessages("hold", ALL, math.inf))
    stand.gate.inject(DuplicateMessages("twice", ALL))
    assert stand.leaves(report()) == []
    stand.gate.heal(hold)
    assert len(stand.venue.sent) == 2


def test_what_is_let_go_does_not_pass_the_faults_before_again(stand):
    stand.gate.inject(DuplicateMessages("twice", ALL))
    hold = stand.gate.inject(DelayMessages("hold", ALL, math.inf))
    assert stand.leaves(report()) == []
    stand.gate.heal(hold)
    assert len(stand.venue.sent) == 2


def test_reordering_swaps_neighbours_of_one_socket(stand):
    injection = stand.gate.inject(ReorderMessages("reorder", Target(kind="user")))
    one, two, three, four = (report(n) for n in range(1, 5))
    assert stand.leaves(one) == []
    assert stand.leaves(quote()) == [quote()]
    assert stand.leaves(report(9, socket=OTHER)) == []
    assert stand.leaves(two) == [two, one]
    assert stand.leaves(three) == []
    assert stand.leaves(four) == [four, three]
    stand.gate.heal(injection)
    assert stand.venue.sent == [report(9, socket=OTHER)]


def test_a_spent_reordering_still_lets_go_behind_the_next(stand):
    stand.gate.inject(ReorderMessages("reorder", ALL, behind=2), schedule_of({"times": 1}))
    one, two, three, four = (report(n) for n in range(1, 5))
    assert [stand.leaves(message) for message in (one, two, three, four)] == [[], [two], [three, one], [four]]


def test_a_duplicate_may_come_later(stand):
    stand.gate.inject(DuplicateMessages("twice", ALL, copies=2, seconds=1.0))
    assert stand.leaves(report()) == [report()]
    stand.clock.pass_by(1.0)
    assert stand.venue.sent == [report(), report()]
