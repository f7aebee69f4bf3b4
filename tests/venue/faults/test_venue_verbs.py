"""What the faults at sockets and at the venue itself do, and that every fault comes and goes cleanly."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.venue.faults.conftest import START_MS, USER, Stand, quote, report

from opslab.errors import DrillError
from opslab.venue.faults.base import Answer, Close, Hang, Silence, Wait
from opslab.venue.faults.catalogue import CATALOGUE, described, fault_of, read_fault
from opslab.venue.orders import NewOrder, OrderType, Side, TimeInForce
from opslab.venue.refusal import Refusal


def inject(stand, name, **settings):
    return stand.gate.inject(*read_fault({"fault": name, **settings}))


@pytest.mark.parametrize(
    ("name", "settings", "closed"),
    [
        ("close_sockets", {"kind": "market", "code": 1011}, [(1, 1011)]),
        ("close_sockets", {"account": "main"}, [(2, 1000)]),
        ("reset_sockets", {"kind": "user"}, [(2, 1006), (3, 1006)]),
        ("day_cut", {}, [(1, 1001), (2, 1001), (3, 1001)]),
    ],
)
def test_sockets_are_closed(stand, name, settings, closed):
    injection = inject(stand, name, **settings)
    assert stand.venue.closed == closed
    assert injection.fired == len(closed)


def test_what_closes_nothing_has_not_fired(stand):
    assert inject(stand, "close_sockets", account="nobody").fired == 0


def test_sockets_fall_silent_and_are_reset_when_healed(stand):
    injection = inject(stand, "half_open", kind="user", account="main")
    assert stand.venue.frozen == [USER]
    late = replace(USER, number=9)
    assert asyncio.run(stand.gate.opening(late)) == Silence()
    stand.venue.open.append(late)
    stand.gate.heal(injection)
    assert stand.venue.closed == [(2, 1006), (9, 1006)]
    stand.gate.inject(fault_of("half_open", {"new": False}))
    assert asyncio.run(stand.gate.opening(USER)) is None


def test_new_sockets_are_refused_late_hung_or_closed(stand):
    inject(stand, "refuse_sockets", kind="user", status=502)
    refused = asyncio.run(stand.gate.opening(USER))
    assert isinstance(refused, Answer)
    assert refused.reply.status == 502
    stand.gate.heal_all()
    inject(stand, "close_new_sockets", code=1008)
    assert asyncio.run(stand.gate.opening(USER)) == Close(1008)
    assert fault_of("hang_sockets", {}).opening(USER) == Hang()
    assert fault_of("delay_sockets", {"seconds": 1}).opening(USER) == Wait(1.0)


def test_sockets_are_pinged_and_told(stand):
    inject(stand, "ping_sockets", payload="abc", kind="market")
    assert stand.venue.pinged == [(1, b"abc")]
    assert inject(stand, "server_shutdown").fired == 3
    assert [(m.socket.number, m.data) for m in stand.venue.sent] == [
        (number, {"e": "serverShutdown", "E": START_MS}) for number in (1, 2, 3)
    ]


def test_the_clock_is_off_and_comes_back_whatever_the_order(stand):
    first = inject(stand, "clock_offset", offset_ms=10_000)
    second = inject(stand, "clock_offset", offset_ms=-3_000)
    assert stand.venue.offset_ms == 7_000
    stand.gate.heal(first)
    assert stand.venue.offset_ms == -3_000
    stand.gate.heal(second)
    assert stand.venue.offset_ms == 0


def test_listen_keys_expire(stand):
    assert inject(stand, "expire_listen_key", account="main", silent=True).fired == 1
    assert inject(stand, "expire_listen_key", account="nobody").fired == 0
    assert stand.venue.expired == [("main", True), ("nobody", False)]


def test_commands_reach_the_exchange(stand):
    who = {"account": "main", "symbol": "BTCUSDT"}
    inject(stand, "manual_order", **who, side="SELL", quantity="0.5")
    inject(stand, "manual_order", **who, side="BUY", quantity="0.5", price="100", client_order_id="web_1")
    inject(stand, "manual_cancel", **who)
    inject(stand, "liquidate", **who)
    inject(stand, "deleverage", **who, quantity="0.1")
    inject(stand, "fund", symbol="BTCUSDT", rate="0.0003")
    inject(stand, "credit", account="main", asset="USDT", amount="-5")
    inject(stand, "set_position_mode", account="main", mode="hedge")
    inject(stand, "set_leverage", **who, leverage=5)
    market, limit, *others = stand.venue.exchange.given
    assert isinstance(market[2], NewOrder)
    assert (market[2].type, market[2].side, str(market[2].quantity)) == (OrderType.MARKET, Side.SELL, "0.5")
    assert (limit[2].type, limit[2].time_in_force, limit[2].client_order_id) == (
        OrderType.LIMIT, TimeInForce.GTC, "web_1",
    )  # fmt: skip
    assert [tuple(map(str, command)) for command in others] == [
        ("cancel_all", "main", "BTCUSDT"),
        ("liquidate", "main", "BTCUSDT"),
        ("adl", "main", "BTCUSDT", "0.1"),
        ("fund", "BTCUSDT", "0.0003"),
        ("credit", "main", "USDT", "-5"),
        ("set_hedge_mode", "main", "True"),
        ("set_leverage", "main", "BTCUSDT", "5"),
    ]


def test_a_halt_ends_when_it_is_healed(stand):
    injection = inject(stand, "set_status", symbol="BTCUSDT", status="BREAK")
    stand.gate.heal(injection)
    assert stand.venue.exchange.given == [("set_status", "BTCUSDT", "BREAK"), ("set_status", "BTCUSDT", "TRADING")]


@pytest.mark.parametrize(
    ("name", "settings", "undone"),
    [
        ("set_position_mode", {"mode": "hedge"}, ("set_hedge_mode", "main", False)),
        ("set_leverage", {"symbol": "BTCUSDT", "leverage": 5}, ("set_leverage", "main", "BTCUSDT", 20)),
    ],
)
def test_a_setting_comes_back_when_it_is_healed_unless_somebody_set_it_again(stand, name, settings, undone):
    injection = inject(stand, name, account="main", **settings)
    stand.gate.heal(injection)
    assert stand.venue.exchange.given[-1] == undone
    injection = inject(stand, name, account="main", **settings)
    stand.venue.exchange.given.append((*undone[:-1], "the owner's"))
    stand.gate.heal(injection)
    assert stand.venue.exchange.given[-1] == (*undone[:-1], "the owner's")


def test_the_status_before_comes_back_or_the_one_that_was_asked_for(stand):
    stand.venue.exchange.set_status("BTCUSDT", "SETTLING")
    stand.gate.heal(inject(stand, "set_status", symbol="BTCUSDT"))
    assert stand.venue.exchange.given[-1] == ("set_status", "BTCUSDT", "SETTLING")
    stand.gate.heal(inject(stand, "set_status", symbol="BTCUSDT", healed="HALT"))
    assert stand.venue.exchange.given[-1] == ("set_status", "BTCUSDT", "HALT")


def test_a_halt_that_was_refused_or_never_came_is_not_taken_back(stand):
    stand.gate.inject(*read_fault({"fault": "set_status", "symbol": "X", "after": "fill"}))
    stand.gate.heal_all()
    assert stand.venue.exchange.given == []
    given = []

    def refusing(symbol, status):
        if status == "BREAK":
            raise Refusal(-1121, "Invalid symbol.")
        given.append(status)

    stand.venue.exchange.set_status = refusing
    with pytest.raises(DrillError, match="Invalid symbol"):
        inject(stand, "set_status", symbol="X")
    assert given == []


def test_every_fault_is_described_and_has_a_name_of_its_own():
    names = [one["fault"] for one in described()]
    assert len(names) == len(set(names)) == len(CATALOGUE)
    for one in described():
        assert one["summary"].endswith(".")
        assert one["settings"] is not None


def _settings_of(name):
    samples = {"account": "main", "symbol": "BTCUSDT", "seconds": "1s", "quantity": "1", "rate": "0", "asset": "USDT",
               "amount": "1", "side": "BUY", "leverage": 2, "offset_ms": 1, "by_ms": 1, "listed": "BTCUSDT"}  # fmt: skip
    needs = {
        key
        for one in described()
        if one["fault"] == name
        for key, value in one["settings"].items()
        if value["required"]
    }
    extra = {
        "edit_replies": {"remove": ["a"]},
        "edit_messages": {"remove": ["a"]},
        "edit_exchange_info": {"remove": True},
    }
    return {**{key: samples[key] for key in needs}, **extra.get(name, {})}


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_fault_comes_and_goes_cleanly(name):
    stand = Stand()
    fault = fault_of(name, _settings_of(name))
    assert fault.name.startswith(name)
    stand.gate.inject(fault)
    stand.leaves(report())
    stand.leaves(quote())
    stand.gate.heal(fault)
    message = quote(2)
    assert stand.leaves(message)[0] is message
    assert stand.gate.injections == ()
    assert stand.clock.waiting == []
    assert stand.venue.offset_ms == 0
