"""Any sequence of faults, requests, messages and time leaves the gate clean, and loses nothing that it kept back."""

from __future__ import annotations

import asyncio
import math
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from tests.venue.faults.conftest import OK, OTHER, USER, Stand, ask, filled, report

from opslab.venue.faults.answering import AtRequests, refusal_of
from opslab.venue.faults.base import Answer, Hang, Reset, Wait
from opslab.venue.faults.gate import RESET
from opslab.venue.faults.injection import State
from opslab.venue.faults.schedule import schedule_of
from opslab.venue.faults.streaming import DelayMessages, DropMessages, DuplicateMessages, ReorderMessages
from opslab.venue.faults.target import Target
from opslab.venue.wire import Reply

targets = st.sampled_from([Target(), Target(account="main"), Target(stream="ORDER*"), Target(account="other")])
schedules = st.sampled_from([
    {}, {"times": 1}, {"times": 3}, {"probability": 0.5}, {"for": "2s"}, {"for": "1s", "again": "1s"}, {"after": "1s"}, {"after": "fill"},
    {"after": {"message": "ORDER*", "count": 2}}, {"after": {"request": "POST *", "count": 2}, "for": "1s"},
]).map(schedule_of)  # fmt: skip
message_faults = st.one_of(
    st.builds(
        DelayMessages, st.just("delay"), targets, st.sampled_from([0.5, 2.0, math.inf]), st.sampled_from([0.0, 1.0])
    ),
    st.builds(ReorderMessages, st.just("reorder"), targets, st.integers(1, 3)),
)
request_faults = st.builds(
    AtRequests,
    st.just("requests"),
    targets,
    st.sampled_from([Answer(refusal_of(503, -1007)), Wait(1.0), Hang(), Reset()]).map(lambda effect: lambda _: effect),
    after=st.booleans(),
)


class Gate(RuleBasedStateMachine):
    """Keeping faults only lose nothing; the count of what was sent tells."""

    injected = Bundle("injected")

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stand = Stand()
        self.number = 0
        self.sent, self.arrived = Counter(), []
        self.tasks = []

    def teardown(self):
        self.stand.gate.heal_all()
        self.turn()
        outcomes = [task.result() for task in self.tasks]
        self.loop.close()
        assert all(outcome in (None, RESET, OK) or isinstance(outcome, Reply) for outcome in outcomes)
        assert self.stand.gate.injections == ()
        assert self.stand.clock.waiting == []
        assert Counter(self.heard()) == self.sent
        for account in ("main", "other"):
            self.nothing_is_touched_any_more(account)

    def heard(self):
        return [*self.arrived, *[(m.socket.number, m.data["E"]) for m in self.stand.venue.sent]]

    def nothing_is_touched_any_more(self, account):
        message = report(0, socket=USER if account == "main" else OTHER)
        assert self.stand.gate.leaving(message)[0].message is message

    def turn(self):
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.run_until_complete(asyncio.sleep(0))

    @rule(target=injected, fault=message_faults | request_faults, schedule=schedules)
    def inject(self, fault, schedule):
        return self.stand.gate.inject(fault, schedule)

    @rule(injection=injected)
    def heal(self, injection):
        self.stand.gate.heal(injection)
        assert injection.state is State.HEALED
        assert not injection.keeps
        self.turn()

    @rule(socket=st.sampled_from([USER, OTHER]))
    def message(self, socket):
        self.number += 1
        self.sent[(socket.number, self.number)] += 1
        for message in self.stand.leaves(report(self.number, socket=socket)):
            assert message.socket == socket
            self.arrived.append((message.socket.number, message.data["E"]))

    @rule(account=st.sampled_from(["main", "other"]), is_after=st.booleans())
    def request(self, account, is_after):
        request = ask(account=account)
        call = self.stand.gate.after(request, OK) if is_after else self.stand.gate.before(request)
        self.tasks.append(self.loop.create_task(call))
        self.turn()

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0]))
    def time_passes(self, seconds):
        self.stand.clock.pass_by(seconds)
        self.turn()

    @rule(target=injected)
    def fill(self):
        self.stand.gate.ledger_event(filled())
        return multiple()

    @invariant()
    def nothing_comes_twice(self):
        assert not Counter(self.heard()) - self.sent

    @invariant()
    def only_those_in_the_gate_keep_messages(self):
        kept = sum(injection.keeps for injection in self.stand.gate.injections)
        assert kept + len(self.heard()) == sum(self.sent.values())

    @invariant()
    def times_are_kept(self):
        for injection in self.stand.gate.injections:
            assert injection.fired <= (injection.schedule.times or math.inf)


class Lossy(Gate):
    """With drops and duplicates too, the gate is clean in the end, and what comes was sent."""

    @rule(target=Gate.injected, fault=st.builds(DropMessages, st.just("drop"), targets)
          | st.builds(DuplicateMessages, st.just("twice"), targets, st.integers(1, 2), st.sampled_from([0.0, 1.0])),
          schedule=schedules)  # fmt: skip
    def inject_lossy(self, fault, schedule):
        return self.stand.gate.inject(fault, schedule)

    def teardown(self):
        self.stand.gate.heal_all()
        self.turn()
        assert all(task.done() for task in self.tasks)
        self.loop.close()
        assert self.stand.clock.waiting == []
        for account in ("main", "other"):
            self.nothing_is_touched_any_more(account)

    @invariant()
    def nothing_comes_twice(self):
        assert set(self.heard()) <= set(self.sent)

    @invariant()
    def only_those_in_the_gate_keep_messages(self):
        assert all(injection.state is not State.HEALED for injection in self.stand.gate.injections)


TestGate = Gate.TestCase
TestGate.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLossy = Lossy.TestCase
TestLossy.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
