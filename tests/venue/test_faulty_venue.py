"""Every fault of the catalogue on a whole venue: it begins, clients go on asking and listening, it heals, all is well."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from tests.venue.running import Running, running

from opslab.venue.faults.catalogue import described
from opslab.venue.orders import Market

_SETTINGS: dict[str, Any] = {
    "account": "main",
    "listed": "BTCUSDT",
    "symbol": "BTCUSDT",
    "asset": "USDT",
    "amount": "-5",
    "rate": "0.0001",
    "status": "BREAK",
    "quantity": "0.002",
    "side": "BUY",
    "mode": "hedge",
    "leverage": 3,
    "seconds": 0.01,
    "code": 1001,
    "offset_ms": 100,
    "by_ms": -100,
}
_EDITS = {
    "edit_replies": {"route": "GET *", "set": {"novel": 1}},
    "edit_messages": {"set": {"novel": 1}},
    "edit_exchange_info": {"status": "BREAK"},
}
_FUTURES_ONLY = {"liquidate", "margin_call", "deleverage", "fund", "set_position_mode", "set_leverage"}
_NAMES = [(one["fault"], [key for key, value in one["settings"].items() if value["required"]]) for one in described()]


async def _quietly(action: Any) -> None:
    try:
        async with asyncio.timeout(0.05):
            await action
    except (aiohttp.ClientError, TimeoutError, ValueError):
        pass  # what a fault may do to a client


async def _busy(at: Running) -> None:
    await _quietly(at.show("/depth?symbol=BTCUSDT"))
    await _quietly(at.show("/exchangeInfo"))
    await _quietly(at.buy())
    await _quietly(at.ask("GET", "/openOrders", symbol="BTCUSDT"))
    await _quietly(at.listen(f"{at.venue.endpoint.ws}/ws/btcusdt@depth"))


_CASES = [
    pytest.param(name, required, market, id=f"{name}-{market}")
    for name, required in _NAMES
    for market in Market
    if market is Market.FUTURES or name not in _FUTURES_ONLY
]


@pytest.mark.parametrize(("name", "required", "market"), _CASES)
def test_a_fault_begins_and_heals_and_the_venue_is_as_before(name: str, required: list[str], market: Market):
    async def scene() -> None:
        async with running(market) as at:
            await at.listen(f"{at.venue.endpoint.ws}/stream?streams=btcusdt@bookTicker/btcusdt@depth@100ms")
            if name != "set_position_mode":  # which is refused to an account with positions
                await at.buy("60001", quantity="0.02")
            body = {"fault": name, **{key: _SETTINGS[key] for key in required}, **_EDITS.get(name, {})}
            status, injected = await at.control("POST", "faults", body)
            assert status == 200, injected
            await _busy(at)
            status, answer = await at.control("POST", "heal", {})
            assert status == 200, answer
            assert at.venue.gate.injections == ()
            ws = await at.listen(f"{at.venue.endpoint.ws}/ws/btcusdt@depth@100ms")
            assert (await at.ask("GET", "/openOrders")) is not None
            assert [record.facts for record in at.venue.wire.records() if record.kind == "error"] == []
            if name not in {"set_status", "set_position_mode", "cancel_only"}:
                placed = await at.buy("59800")
                assert placed.get("status") == "NEW", placed
                assert (await ws.receive_json(timeout=5))["e"] == "depthUpdate"

    asyncio.run(scene())
