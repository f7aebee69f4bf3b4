"""Healed, a fault leaves the venue as it was; or its description says what stays."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.venue.running import Running, running

from opslab.errors import DrillError
from opslab.venue.faults.catalogue import CATALOGUE, described

_SAMPLES: dict[str, Any] = {
    "account": "main", "symbol": "BTCUSDT", "seconds": "0.01s", "quantity": "0.01", "rate": "0.001", "asset": "USDT",
    "amount": "1", "side": "BUY", "leverage": 2, "offset_ms": 5_000, "by_ms": 1, "listed": "BTCUSDT",
}  # fmt: skip
_FURTHER: dict[str, dict[str, Any]] = {
    "edit_replies": {"set": {"x": 1}},
    "edit_messages": {"set": {"x": 1}},
    "edit_exchange_info": {"remove": True},
}
_STAYS = {
    "close_sockets": "once",
    "reset_sockets": "once",
    "day_cut": "at one moment",
    "half_open": "healed, they are reset",
    "expire_listen_key": "stay",
    "manual_order": "stays",
    "manual_cancel": "stays",
    "liquidate": "stays",
    "margin_call": "stays",
    "deleverage": "stays",
    "fund": "stays",
    "credit": "stays",
}
"""What healing cannot undo, and the words by which the description says so."""
_SUMMARY = {one["fault"]: one["summary"] for one in described()}
_HOLDS = {"deleverage", "liquidate", "fund", "margin_call"}


def settings_of(name: str) -> dict[str, Any]:
    needed = next(one["settings"] for one in described() if one["fault"] == name)
    return {key: _SAMPLES[key] for key, value in needed.items() if value["required"]} | _FURTHER.get(name, {})


def state(at: Running) -> dict[str, Any]:
    """Return what a fault at the venue itself could have changed, and would have to bring back."""
    venue = at.venue
    books = venue.exchange.snapshot()
    return {
        "offset": venue.clock.offset_ms,
        "status": venue.exchange.status("BTCUSDT"),
        "leverage": venue.exchange.leverage("main", "BTCUSDT"),
        "hedge": venue.exchange.is_hedge_mode("main"),
        "open": [order.order_id for order in venue.exchange.open_orders("main")],
        "fills": len(venue.exchange.fills("main")),
        "accounts": books["accounts"],
        "key": venue.keys.key_of("main"),
        "sockets": sorted(venue.hub.connections),
    }


async def asked(at: Running) -> list[Any]:
    """Return what queries of several kinds are answered, without times."""
    replies = [
        await at.ask("GET", "/openOrders", symbol="BTCUSDT"),
        await at.show("/exchangeInfo"),
        await at.show("/depth?symbol=BTCUSDT"),
        await at.ask("PUT", "/listenKey"),
        (await at.show("/time")).keys(),
    ]
    replies[1].pop("serverTime")
    for key in ("E", "T"):
        replies[2].pop(key)
    return replies


@pytest.mark.parametrize("name", CATALOGUE)
def test_healing_restores_the_venue_or_the_description_says_what_stays(name: str):
    async def scene() -> None:
        async with running() as at:
            key = (await at.ask("POST", "/listenKey"))["listenKey"]
            ws = await at.listen(f"{at.venue.endpoint.ws_stream}/ws?listenKey={key}")
            if name in _HOLDS:
                await at.ask("POST", "/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
            elif name != "set_position_mode":
                await at.buy()
            before, answers = state(at), await asked(at)
            injection = at.venue.inject({"fault": name, **settings_of(name)})
            at.venue.gate.heal(injection)
            if name in _STAYS:
                assert _STAYS[name] in _SUMMARY[name]
            else:
                assert state(at) == before
                assert await asked(at) == answers
                await ws.ping()
            assert at.venue.gate.injections == ()

    asyncio.run(scene())


def test_a_mode_that_cannot_come_back_is_told_and_the_fault_is_out_of_force():
    async def scene() -> None:
        async with running() as at:
            injection = at.venue.inject({"fault": "set_position_mode", "account": "main"})
            await at.buy(positionSide="LONG")
            with pytest.raises(DrillError, match="-4067"):
                at.venue.gate.heal(injection)
            assert at.venue.gate.injections == ()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("fault", "settings", "delays"),
    [("delay_stream", {"seconds": 1, "growing": 1}, [1.0, 2.0])],
)
def test_a_fault_that_begins_again_begins_anew(fault: str, settings: dict[str, Any], delays: list[float]):
    from tests.venue.faults.conftest import Stand, quote

    from opslab.venue.faults.base import Outgoing
    from opslab.venue.faults.catalogue import fault_of

    stand, made = Stand(), fault_of(fault, settings)
    for _ in range(2):
        stand.gate.inject(made)
        seen = [made.message(Outgoing(quote(number)))[0].delay for number in range(2)]  # type: ignore[index]
        stand.gate.heal(made)
        assert seen == delays


def test_stale_replies_forget_what_they_repeated_when_they_begin_again():
    async def scene() -> None:
        async with running() as at:
            from opslab.venue.faults.catalogue import fault_of

            made = fault_of("stale_replies", {})
            for count in range(2):
                at.venue.gate.inject(made)
                assert len(await at.ask("GET", "/openOrders")) == count
                at.venue.gate.heal(made)
                await at.buy()

    asyncio.run(scene())
