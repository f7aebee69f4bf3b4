"""A venue whose clock is set cuts at once the sockets that are too old by it, and no other ones."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import WSMsgType
from tests.venue.running import running

from opslab.venue.orders import Market

DAY_MS = 24 * 3600 * 1000


async def ends_with(ws) -> int:
    while True:
        message = await ws.receive()
        if message.type is not WSMsgType.TEXT:
            return int(ws.close_code)


@pytest.mark.parametrize("market", list(Market))
def test_sockets_of_each_kind_are_cut_at_once_when_a_day_has_passed(market):
    async def scene() -> None:
        async with running(market) as at:
            place = at.venue.endpoint
            doors = [f"{place.ws}/ws/btcusdt@bookTicker", *([place.ws_api] if market is Market.SPOT else [])]
            old = [await at.listen(url) for url in doors]
            assert (await at.control("POST", "clock", {"offset_ms": DAY_MS - 60_000}))[0] == 200
            young = await at.listen(doors[0])
            assert len(at.venue.hub.connections) == len(old) + 1
            assert (await at.control("POST", "clock", {"offset_ms": DAY_MS + 1000}))[0] == 200
            assert [await ends_with(ws) for ws in old] == [1001] * len(old)
            closed = await at.record("close")
            assert closed.facts["reason"] == "24 hours are over"
            await young.ping()
            assert not young.closed
            assert len(at.venue.hub.connections) == 1

    asyncio.run(scene())


def test_a_clock_that_is_set_back_cuts_nothing():
    async def scene() -> None:
        async with running() as at:
            ws = await at.listen(f"{at.venue.endpoint.ws}/ws")
            assert (await at.control("POST", "clock", {"offset_ms": -10 * DAY_MS}))[0] == 200
            await ws.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
            assert await ws.receive_json() == {"result": [], "id": 1}

    asyncio.run(scene())


def test_a_user_stream_hears_that_its_key_has_expired_before_it_is_cut():
    async def scene() -> None:
        async with running() as at:
            key = (await at.ask("POST", "/listenKey"))["listenKey"]
            ws = await at.listen(f"{at.venue.endpoint.ws_stream}/ws?listenKey={key}")
            await at.control("POST", "clock", {"offset_ms": DAY_MS + 1000})
            assert (await ws.receive_json())["e"] == "listenKeyExpired"
            assert await ends_with(ws) == 1001

    asyncio.run(scene())
