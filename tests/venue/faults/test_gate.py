"""The gate: untouched without faults, faults in the order of injection, healing lets go of everything."""

from __future__ import annotations

import asyncio

import pytest
from tests.venue.faults.conftest import MARKET, OK, USER, Stand, ask, quote, report

from opslab.errors import DrillError
from opslab.venue.faults.answering import AtRequests, refusal_of
from opslab.venue.faults.base import Answer, Close, Hang, Reset, Silence, Wait
from opslab.venue.faults.catalogue import fault_of
from opslab.venue.faults.cutting import AtOpening
from opslab.venue.faults.gate import RESET, FaultGate
from opslab.venue.faults.inert import Inert
from opslab.venue.faults.lying import EditedReplies
from opslab.venue.faults.schedule import schedule_of
from opslab.venue.faults.streaming import DelayMessages, DropMessages
from opslab.venue.faults.target import Target
from opslab.venue.wire import Reply, WireLog

ALL = Target()


def answering(status, *, after=False, target=ALL):
    return AtRequests(f"answer {status}", target, lambda _: Answer(refusal_of(status, -1001)), after=after)


def test_without_faults_everything_passes_untouched(stand):
    message, request = quote(), ask()
    assert stand.gate.leaving(message)[0].message is message
    assert asyncio.run(stand.gate.before(request)) is None
    assert asyncio.run(stand.gate.after(request, OK)) is OK
    assert asyncio.run(stand.gate.opening(USER)) is None
    assert stand.log.records() == []


def test_a_fault_of_something_else_leaves_the_same_objects(stand):
    stand.gate.inject(answering(500, target=Target(route="DELETE *")))
    stand.gate.inject(DropMessages("drop", Target(stream="*@aggTrade")))
    message = quote()
    assert stand.leaves(message)[0] is message
    assert asyncio.run(stand.gate.before(ask())) is None
    assert asyncio.run(stand.gate.after(ask(), OK)) is OK
    assert stand.journal("fired") == []


def test_before_the_first_answer_counts_and_after_each_may_change_it(stand):
    stand.gate.inject(answering(500))
    stand.gate.inject(answering(503))
    assert asyncio.run(stand.gate.before(ask())).status == 500
    stand.gate.heal_all()
    stand.gate.inject(EditedReplies("a", ALL, lambda body: {**body, "a": 1}))
    stand.gate.inject(EditedReplies("b", ALL, lambda body: {**body, "b": body["a"] + 1}))
    assert asyncio.run(stand.gate.after(ask(), OK)).body == {"orderId": 7, "a": 1, "b": 2}
    assert OK.body == {"orderId": 7}


def test_a_fault_after_does_not_act_before(stand):
    injection = stand.gate.inject(answering(503, after=True))
    assert asyncio.run(stand.gate.before(ask())) is None
    assert injection.fired == 0
    assert asyncio.run(stand.gate.after(ask(), OK)).status == 503
    assert injection.fired == 1


def test_reset_resets(stand):
    stand.gate.inject(AtRequests("reset", ALL, lambda _: Reset()))
    assert asyncio.run(stand.gate.before(ask())) is RESET


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("door", ["before", "after"])
def test_a_hung_request_is_reset_when_the_fault_is_healed(stand, door):
    async def rehearse():
        injection = stand.gate.inject(AtRequests("hang", ALL, lambda _: Hang(), after=door == "after"))
        calls = [stand.gate.before(ask()) if door == "before" else stand.gate.after(ask(), OK) for _ in range(3)]
        tasks = [asyncio.ensure_future(call) for call in calls]
        await turns()
        assert not any(task.done() for task in tasks)
        stand.gate.heal(injection)
        return await asyncio.gather(*tasks)

    assert asyncio.run(rehearse()) == [RESET] * 3


def test_a_delayed_request_goes_on_when_the_fault_is_healed(stand):
    async def rehearse():
        injection = stand.gate.inject(AtRequests("wait", ALL, lambda _: Wait(1_000)))
        task = asyncio.ensure_future(stand.gate.before(ask()))
        await turns()
        assert not task.done()
        stand.gate.heal(injection)
        return await task

    assert asyncio.run(rehearse()) is None


def test_a_delay_ends_by_itself_and_the_next_fault_is_asked(stand):
    stand.gate.inject(AtRequests("wait", ALL, lambda _: Wait(0.0)))
    stand.gate.inject(answering(500))
    assert asyncio.run(stand.gate.before(ask())).status == 500
    assert [facts["touched"]["effect"] for facts in stand.journal("fired")] == ["wait", "answer"]


def test_a_fault_that_was_healed_during_a_pause_is_not_asked(stand):
    async def rehearse():
        wait = stand.gate.inject(AtRequests("wait", ALL, lambda _: Wait(1_000)))
        other = stand.gate.inject(answering(500))
        task = asyncio.ensure_future(stand.gate.before(ask()))
        await turns()
        stand.gate.heal(other)
        stand.gate.heal(wait)
        return await task

    assert asyncio.run(rehearse()) is None


@pytest.mark.parametrize("effect", [Answer(Reply(503, "")), Reset(), Close(1008), Silence()])
def test_a_socket_is_done_to_what_the_fault_says(stand, effect):
    stand.gate.inject(AtOpening("at opening", Target(kind="user"), effect))
    assert asyncio.run(stand.gate.opening(USER)) == effect
    assert asyncio.run(stand.gate.opening(MARKET)) is None


def test_a_socket_that_hangs_is_reset_when_healed(stand):
    async def rehearse():
        stand.gate.inject(AtOpening("wait", ALL, Wait(0.0)))
        injection = stand.gate.inject(AtOpening("hang", ALL, Hang()))
        task = asyncio.ensure_future(stand.gate.opening(USER))
        await asyncio.sleep(0.01)
        assert not task.done()
        stand.gate.heal(injection.fault)
        return await task

    assert asyncio.run(rehearse()) is RESET


def test_everything_is_journaled(stand):
    injection = stand.gate.inject(answering(500), schedule_of({"after": {"request": "POST *", "count": 2}}))
    for number in (1, 2):
        asyncio.run(stand.gate.before(ask(number=number, newClientOrderId="c1")))
    stand.gate.heal(injection)
    assert [facts["phase"] for facts in stand.journal()] == ["armed", "began", "fired", "healed"]
    fired = stand.journal("fired")[0]
    assert fired["fault"] == "answer 500"
    assert fired["door"] == "before"
    assert fired["touched"] == {
        "request": 2, "route": "POST /fapi/v1/order", "account": "main", "symbol": "BTCUSDT", "newClientOrderId": "c1",
        "effect": "answer", "status": 500, "code": -1001,
    }  # fmt: skip
    assert stand.journal("healed")[0]["fired"] == 1


def test_healing_twice_and_healing_nothing_do_nothing(stand):
    injection = stand.gate.inject(answering(500))
    stand.gate.heal(injection)
    stand.gate.heal(injection)
    stand.gate.heal_all()
    assert len(stand.journal("healed")) == 1
    assert stand.gate.injections == ()


def test_one_fault_is_injected_once(stand):
    fault = answering(500)
    stand.gate.inject(fault)
    with pytest.raises(DrillError, match="in the gate already"):
        stand.gate.inject(fault)
    stand.gate.heal(fault)
    stand.gate.inject(fault)


class Stubborn(Inert):
    def end(self, levers):
        raise DrillError("cannot be undone", where=self.name)


def test_all_are_healed_even_if_one_cannot_undo_what_it_did(stand):
    stand.gate.inject(answering(500))
    stand.gate.inject(Stubborn("stubborn"))
    hold = stand.gate.inject(DelayMessages("hold", ALL))
    stand.leaves(report())
    with pytest.raises(DrillError, match="stubborn: cannot be undone"):
        stand.gate.heal_all()
    assert stand.gate.injections == ()
    assert stand.venue.sent == [report()]
    assert str(hold.state) == "healed"


def test_a_command_that_the_exchange_refuses_is_an_error_and_leaves_nothing(stand):
    stand.venue.exchange.refuses.add("liquidate")
    with pytest.raises(DrillError, match=r"the exchange refused: -2024 Position is not sufficient"):
        stand.gate.inject(fault_of("liquidate", {"account": "main", "symbol": "BTCUSDT"}))
    assert stand.gate.injections == ()


def test_a_gate_without_a_venue_says_so():
    gate = FaultGate(WireLog(lambda: 0))
    gate.inject(answering(500))
    with pytest.raises(DrillError, match="no venue for a fault that needs close_sockets"):
        gate.inject(fault_of("close_sockets", {}))


def test_equal_seeds_give_equal_mishaps():
    def fates(seed):
        stand = Stand(seed)
        stand.gate.inject(DropMessages("drop", ALL), schedule_of({"probability": 0.5}))
        return [len(stand.leaves(report(n))) for n in range(64)]

    assert fates(1) == fates(1) != fates(2)
    assert 10 < sum(fates(1)) < 54


def test_the_gate_asks_nothing_of_a_list_for_its_fields(stand):
    stand.gate.inject(DropMessages("drop", Target(symbol="BTCUSDT")))
    message = quote().__class__(MARKET, "!ticker@arr", [{"s": "BTCUSDT"}])
    assert stand.leaves(message) == [message]
    stand.gate.heal_all()
    stand.gate.inject(DropMessages("drop", ALL))
    assert stand.gate.leaving(message) == []
