"""Faults of the venue in the hands of a drill."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from tests.venue.faults.conftest import Clock, Venue, ask, report

from opslab.errors import DrillError
from opslab.venue.faults.driving import VenueFaults
from opslab.venue.faults.gate import FaultGate
from opslab.venue.wire import WireLog

if TYPE_CHECKING:
    from opslab.drill.faults import Fault


@pytest.fixture
def loop():
    """A loop in a thread of its own, as a venue has."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture
def call(loop):
    def call(act):
        async def run():
            return act()

        return asyncio.run_coroutine_threadsafe(run(), loop).result(10)

    return call


@pytest.fixture
def gate(call):
    venue = Venue(Clock())
    return call(lambda: FaultGate(WireLog(venue.now_ms), venue))


def test_a_drill_begins_and_heals_a_fault_from_its_own_thread(gate, call):
    fault: Fault = VenueFaults(gate, call).drop_user_stream(times=1)
    assert (fault.name, fault.fired) == ("drop_user_stream", False)
    fault.begin()
    assert call(lambda: gate.leaving(report(1))) == []
    assert len(call(lambda: gate.leaving(report(2)))) == 1
    assert fault.fired
    fault.heal()
    fault.heal()
    assert gate.injections == ()
    assert fault.fired


def test_a_schedule_is_said_in_words(gate, call):
    fault = VenueFaults(gate, call).unknown_outcome(
        after={"request": "POST *", "count": 2}, lasting="10m", when="before"
    )
    fault.begin()
    assert not fault.fired
    replies = [call(lambda: asyncio.ensure_future(gate.before(ask()))) for _ in range(2)]
    call(lambda: None)
    assert [task.result() and task.result().status for task in replies] == [None, 503]
    fault.heal()


def test_hanging_ends_from_another_thread(gate, call, loop):
    fault = VenueFaults(gate, call).hang_requests()
    fault.begin()
    waiting = asyncio.run_coroutine_threadsafe(gate.before(ask()), loop)
    call(lambda: None)
    assert fault.fired
    assert not waiting.done()
    fault.heal()
    assert waiting.result(10) is not None


def test_a_fault_may_begin_again(gate, call):
    fault = VenueFaults(gate, call).drop_user_stream()
    for _ in range(2):
        fault.begin()
        assert not fault.fired
        assert call(lambda: gate.leaving(report())) == []
        fault.heal()


def test_what_is_wrong_is_told_before_it_begins(gate, call):
    faults = VenueFaults(gate, call)
    with pytest.raises(DrillError, match="minutes: is an unknown key"):
        faults.ban(minutes=1)
    with pytest.raises(AttributeError, match="the venue has no fault 'drop_everything'; there are: reject_requests"):
        _ = faults.drop_everything
    assert "drop_user_stream" in dir(faults)
    edit = faults.edit_messages(set_={"a": 1}, for_="1s")
    assert edit.name == "edit_messages set={'a': 1}"


def test_what_the_venue_cannot_do_is_told_to_the_drill(gate, call):
    gate.levers.exchange.refuses.add("fund")
    with pytest.raises(DrillError, match="the exchange refused"):
        VenueFaults(gate, call).fund(symbol="BTCUSDT", rate="0.1").begin()
