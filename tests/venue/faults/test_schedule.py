"""When faults come in force and go: by event, request, message, time, number and chance."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venue.faults.conftest import Stand, ask, filled, funding, quote, report

from opslab.errors import DrillError
from opslab.venue.events import AlgoChanged, Execution, SettingChanged
from opslab.venue.faults.catalogue import fault_of, read_fault
from opslab.venue.faults.durations import seconds_of
from opslab.venue.faults.gate import RESET
from opslab.venue.faults.schedule import EVENTS, event_names, schedule_of
from opslab.venue.faults.streaming import DropMessages
from opslab.venue.orders import AlgoOrder, AlgoStatus, NewOrder, OrderStatus, OrderType, Side


def inject(stand, **data):
    return stand.gate.inject(*read_fault({"fault": "drop_user_stream", **data}))


def test_from_the_second_fill_on(stand):
    inject(stand, after={"event": "fill", "count": 2})
    stand.gate.ledger_event(filled(1))
    assert len(stand.leaves(report(1))) == 1
    stand.gate.ledger_event(filled(2))
    assert stand.leaves(report(2)) == []


def test_only_events_of_the_account_and_symbol_count(stand):
    inject(stand, after={"event": "fill", "account": "main", "symbol": "BTC*"})
    stand.gate.ledger_event(filled(1, account="other"))
    stand.gate.ledger_event(filled(2, symbol="ETHUSDT"))
    stand.gate.ledger_event(filled(3, execution=Execution.NEW))
    assert len(stand.leaves(report())) == 1
    stand.gate.ledger_event(filled(4))
    assert stand.leaves(report()) == []


def test_the_nth_request_is_touched_itself(stand):
    stand.gate.inject(*read_fault({"fault": "overload", "after": {"request": "POST */order", "count": 2}, "times": 1}))
    asked = [asyncio.run(stand.gate.before(ask())) for _ in range(4)]
    assert [reply and reply.status for reply in asked] == [None, 503, None, None]


def test_the_nth_message_is_touched_itself(stand):
    inject(stand, after={"message": "ORDER_TRADE_UPDATE", "count": 3}, times=1)
    assert [len(stand.leaves(report(n))) for n in range(5)] == [1, 1, 0, 1, 1]


def test_after_a_time_and_for_a_time(stand):
    injection = inject(stand, after="2s", **{"for": "3s"})
    states = []
    for _ in range(6):
        states.append(len(stand.leaves(report())))
        stand.clock.pass_by(1)
    assert states == [1, 1, 0, 0, 0, 1]
    assert str(injection.state) == "healed"
    assert stand.journal("healed")[0]["why"] == "its time was over"


def test_healing_what_waits_forgets_it(stand):
    injection = inject(stand, after="2s")
    stand.gate.heal(injection)
    assert stand.clock.waiting == []
    stand.clock.pass_by(5)
    assert len(stand.leaves(report())) == 1
    assert stand.journal("began") == []


def test_its_time_counts_from_when_it_came_in_force(stand):
    inject(stand, after="fill", **{"for": "1s"})
    stand.clock.pass_by(10)
    stand.gate.ledger_event(filled())
    assert stand.leaves(report()) == []
    stand.clock.pass_by(1)
    assert len(stand.leaves(report())) == 1


def test_a_hold_for_a_time_lets_go_by_itself(stand):
    stand.gate.inject(*read_fault({"fault": "hold_messages", "for": "1s"}))
    assert stand.leaves(report()) == []
    stand.clock.pass_by(1)
    assert stand.venue.sent == [report()]


def test_on_and_off_until_it_is_healed(stand):
    injection = stand.gate.inject(*read_fault({"fault": "clock_offset", "offset_ms": 5, "for": "2s", "again": "3s"}))
    offsets = []
    for _ in range(12):
        offsets.append(stand.venue.offset_ms)
        stand.clock.pass_by(1)
    assert offsets == [5, 5, 0, 0, 0] * 2 + [5, 5]
    assert injection.fired == 3
    stand.gate.heal(injection)
    assert (stand.venue.offset_ms, stand.clock.waiting) == (0, [])


def test_what_was_kept_goes_when_the_rest_begins(stand):
    stand.gate.inject(*read_fault({"fault": "hold_messages", "for": "1s", "again": "1s"}))
    found = []
    for n in range(3):
        found.append(len(stand.leaves(report(n))))
        stand.clock.pass_by(1)
    assert found == [0, 1, 0]
    assert stand.venue.sent == [report(0), report(2)]


def test_a_hung_request_is_reset_when_the_rest_begins(stand):
    async def rehearse():
        stand.gate.inject(*read_fault({"fault": "hang_requests", "for": "1s", "again": "1s"}))
        outcomes = []
        for _ in range(3):
            task = asyncio.ensure_future(stand.gate.before(ask()))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            is_hanging = not task.done()
            stand.clock.pass_by(1)
            outcomes.append((is_hanging, await task))
        return outcomes

    assert asyncio.run(rehearse()) == [(True, RESET), (False, None), (True, RESET)]


def test_a_spent_fault_does_not_come_again(stand):
    inject(stand, times=1, again="1s", **{"for": "1s"})
    stand.leaves(report())
    stand.clock.pass_by(1)
    assert stand.gate.injections == ()


def test_a_command_that_waits_for_an_event_runs_after_the_exchange_is_done(stand):
    injection = stand.gate.inject(
        *read_fault({"fault": "liquidate", "account": "main", "symbol": "BTCUSDT", "after": "fill"})
    )
    stand.gate.ledger_event(filled())
    assert stand.venue.exchange.given == []
    stand.gate.ledger_event(filled(2))
    stand.clock.pass_by(0)
    assert stand.venue.exchange.given == [("liquidate", "main", "BTCUSDT")]
    assert injection.fired == 1


def test_a_command_that_waited_and_is_refused_never_fires_and_is_told(stand):
    stand.venue.exchange.refuses.add("liquidate")
    injection = stand.gate.inject(
        *read_fault({"fault": "liquidate", "account": "main", "symbol": "BTCUSDT", "after": "fill"})
    )
    stand.gate.ledger_event(filled())
    stand.clock.pass_by(0)
    assert injection.fired == 0
    assert "the exchange refused" in stand.journal("failed")[0]["error"]
    assert stand.gate.injections == ()


def test_a_socket_is_closed_at_once_when_the_fill_happens(stand):
    stand.gate.inject(*read_fault({"fault": "close_sockets", "kind": "user", "code": 1006, "after": "fill"}))
    stand.gate.ledger_event(filled())
    assert stand.venue.closed == [(2, 1006), (3, 1006)]


def test_events_have_names():
    algo = AlgoOrder(1, "main", NewOrder("BTCUSDT", Side.BUY, OrderType.STOP), "c", AlgoStatus.TRIGGERED, 0, 0)
    events = [
        *(filled(execution=execution) for execution in Execution),
        filled(status=OrderStatus.FILLED),
        AlgoChanged(1, 0, algo),
        funding(),
        SettingChanged(1, 0, "main", "leverage", "BTCUSDT", "5"),
    ]
    names = {name for event in events for name in event_names(event)}
    assert names <= set(EVENTS)
    assert {"fill", "order_filled", "partial_fill", "liquidation", "funding", "setting", "algo_triggered"} <= names


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("fill", {"event": "fill"}),
        ("POST /fapi/v1/order", {"request": "POST /fapi/v1/order"}),
        ("* /fapi/*", {"request": "* /fapi/*"}),
        ("*@depth*", {"message": "*@depth*"}),
        ("ORDER_TRADE_UPDATE", {"message": "ORDER_TRADE_UPDATE"}),
        ("500ms", {"seconds": 0.5}),
        (1.5, {"seconds": 1.5}),
    ],
)
def test_short_forms(after, expected):
    assert schedule_of({"after": after}).after.model_dump(exclude_defaults=True) == expected


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"after": "order_acepted"}, "after: event 'order_acepted' is unknown"),
        ({"after": {"event": "fill", "request": "POST *"}}, "needs exactly one of"),
        ({"after": {"seconds": 1, "count": 2}}, "do not go with seconds"),
        ({"after": {"event": "fill", "cuont": 2}}, "after.cuont: is an unknown key"),
        ({"after": {}}, "needs exactly one of"),
        ({"for": "2 weeks"}, "for: '2 weeks' is not a duration"),
        ({"for": "0s"}, "for: "),
        ({"for": -1}, "not a duration between"),
        ({"again": "1s"}, "again needs for"),
        ({"times": 0}, "times: "),
        ({"probability": 1.1}, "probability: "),
        ({"probability": float("nan")}, "probability: "),
        ({"whenever": 1}, "whenever: is an unknown key"),
    ],
)
def test_a_schedule_that_cannot_be_used_is_one_clear_line(data, told):
    with pytest.raises(DrillError, match="schedule: ") as caught:
        schedule_of(data)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m"]))
def test_durations_mean_their_unit(count, unit):
    factor = {"ms": 0.001, "s": 1, "m": 60}[unit]
    if count * factor <= 7 * 24 * 3600:
        assert seconds_of(f"{count}{unit}") == pytest.approx(count * factor)


@given(st.text(max_size=12) | st.floats() | st.none() | st.booleans())
def test_anything_else_is_no_duration_or_a_sound_one(value):
    try:
        seconds = seconds_of(value)
    except ValueError:
        return
    assert 0 <= seconds <= 7 * 24 * 3600


def test_chance_is_drawn_only_for_what_is_touched():
    def fates(noise):
        stand = Stand(7)
        stand.gate.inject(
            DropMessages("drop", fault_of("drop_user_stream", {}).target), schedule_of({"probability": 0.5})
        )
        found = []
        for n in range(40):
            if noise:
                stand.leaves(quote(n))
            found.append(len(stand.leaves(report(n))))
        return found

    assert fates(noise=True) == fates(noise=False)


def test_chance_is_drawn_only_for_requests_that_are_touched():
    def fates(noise):
        stand = Stand(7)
        stand.gate.inject(*read_fault({"fault": "overload", "route": "POST *", "probability": 0.5}))
        found = []
        for _ in range(40):
            if noise:
                asyncio.run(stand.gate.before(ask(method="GET")))
            found.append(asyncio.run(stand.gate.before(ask())) is None)
        return found

    assert fates(noise=True) == fates(noise=False)
