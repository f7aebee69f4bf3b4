from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import WSMsgType
from tests.venue.stream.stand import ask, ended, stand, texts


def test_a_raw_and_a_combined_stream_carry_the_same_payload_bare_and_wrapped():
    async def scene() -> None:
        async with stand() as at:
            raw = await at.connect("/ws/btcusdt@trade")
            combined = await at.connect("/market/stream?streams=btcusdt@trade/ethusdt@trade")
            at.say("BTCUSDT", e="trade", t=7)
            at.say("ETHUSDT", e="trade", t=8)
            assert await texts(raw, 1) == [{"e": "trade", "t": 7}]
            assert await texts(combined, 2) == [
                {"stream": "btcusdt@trade", "data": {"e": "trade", "t": 7}},
                {"stream": "ethusdt@trade", "data": {"e": "trade", "t": 8}},
            ]

    asyncio.run(scene())


def test_subscribing_and_unsubscribing_take_effect_at_once():
    async def scene() -> None:
        async with stand() as at:
            ws = await at.connect("/ws")
            assert await ask(ws, "SUBSCRIBE", "btcusdt@trade") == {"result": None, "id": 1}
            at.say("BTCUSDT", t=1)
            assert await texts(ws, 1) == [{"t": 1}]
            assert await ask(ws, "UNSUBSCRIBE", "btcusdt@trade") == {"result": None, "id": 1}
            at.say("BTCUSDT", t=2)
            assert await ask(ws, "LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}

    asyncio.run(scene())


@pytest.mark.parametrize("path", ["/ws?listenKey={}", "/private/ws?listenKey={}&events=ORDER_TRADE_UPDATE", "/ws/{}"])
def test_a_listen_key_carries_its_accounts_reports_and_no_others(path: str):
    async def scene() -> None:
        async with stand() as at:
            ws = await at.connect(path.format(at.keys.create("a")))
            at.report("b", e="ORDER_TRADE_UPDATE", n=1)
            at.report("a", e="ORDER_TRADE_UPDATE", n=2)
            assert await texts(ws, 1) == [{"e": "ORDER_TRADE_UPDATE", "n": 2}]
            opened = await at.record("open")
            assert (opened.facts["socket_kind"], opened.facts["account"]) == ("user", "a")

    asyncio.run(scene())


def test_a_listen_key_subscribed_later_is_a_stream_like_any_other():
    async def scene() -> None:
        async with stand() as at:
            key = at.keys.create("a")
            ws = await at.connect("/stream?streams=btcusdt@trade")
            await ask(ws, "SUBSCRIBE", key)
            at.report("a", e="ACCOUNT_UPDATE")
            assert await texts(ws, 1) == [{"stream": key, "data": {"e": "ACCOUNT_UPDATE"}}]

    asyncio.run(scene())


def test_no_listen_key_stands_in_the_wire_log():
    async def scene() -> None:
        async with stand() as at:
            key = at.keys.create("a")
            ws = await at.connect(f"/ws/{key}")
            await ask(ws, "SUBSCRIBE", key, "btcusdt@trade")
            await ask(ws, "LIST_SUBSCRIPTIONS")
            at.report("a", e="listenKeyExpired", listenKey=key)
            await texts(ws, 1)
            await ws.close()
            await at.record("close")
            assert key not in repr(at.wire.records())

    asyncio.run(scene())


def test_an_expired_key_is_told_and_its_socket_stays_open_and_silent():
    async def scene() -> None:
        async with stand() as at:
            ws = await at.connect(f"/ws/{at.keys.create('a')}")
            at.now.ahead_ms = 60 * 60_000
            for key in at.keys.due():
                at.hub.expired(key)
            assert (await texts(ws, 1))[0]["e"] == "listenKeyExpired"
            at.keys.create("a")
            at.report("a", e="ACCOUNT_UPDATE")
            assert (await ask(ws, "LIST_SUBSCRIPTIONS"))["id"] == 1

    asyncio.run(scene())


def test_a_key_that_its_account_ends_closes_its_stream():
    async def scene() -> None:
        async with stand() as at:
            ws = await at.connect(f"/ws/{at.keys.create('a')}")
            at.keys.close("a")
            assert await ended(ws) == 1000

    asyncio.run(scene())


def test_user_messages_are_logged_in_full_and_market_messages_as_runs_of_update_ids():
    async def scene() -> None:
        async with stand() as at:
            ws = await at.connect(f"/ws/btcusdt@depth/{at.keys.create('a')}")
            for number in (10, 11, 14):
                at.say("BTCUSDT", e="depthUpdate", u=number)
            at.report("a", e="ORDER_TRADE_UPDATE", o={"i": 5})
            await texts(ws, 4)
            await ws.close()
            run = await at.record("market")
            assert run.facts == {"socket": 1, "stream": "btcusdt@depth", "count": 3, "first": 10, "last": 14}
            out = await at.record("out")
            assert (out.facts["stream"], out.facts["data"]["o"]) == ("ORDER_TRADE_UPDATE", {"i": 5})
            closed = await at.record("close")
            assert closed.facts == {"socket": 1, "code": 1000, "reason": "the client ended it"}

    asyncio.run(scene())


def test_a_clients_ping_is_answered_with_its_payload():
    async def scene() -> None:
        async with stand() as at:
            ws = await at.connect("/ws")
            await ws.ping(b"hello")
            message = await ws.receive()
            assert (message.type, bytes(message.data)) == (WSMsgType.PONG, b"hello")

    asyncio.run(scene())


def test_a_connection_is_cut_when_its_time_is_over():
    async def scene() -> None:
        async with stand(life_seconds=0.05) as at:
            assert await ended(await at.connect("/ws")) == 1001

    asyncio.run(scene())


def test_stopping_closes_every_socket_with_1001_and_leaves_no_task():
    async def scene() -> None:
        before = asyncio.all_tasks()
        async with stand() as at:
            every = await asyncio.gather(*(at.connect("/ws") for _ in range(20)))
            stopping = asyncio.create_task(at.server.stop())
            assert await asyncio.gather(*(ended(ws) for ws in every)) == [1001] * 20
            await stopping
            assert at.hub.connections == {}
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    asyncio.run(scene())


def test_an_address_with_too_many_streams_is_refused_as_a_subscription_is():
    async def scene() -> None:
        async with stand(max_streams=3) as at:
            names = [f"btcusdt@kline_{interval}" for interval in ("1m", "3m", "5m", "15m")]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await at.connect(f"/stream?streams={'/'.join(names)}")
            assert refused.value.status == 400
            async with at.client.get(
                f"{at.http}/stream?streams={'/'.join(names)}",
                headers={"Upgrade": "websocket", "Connection": "Upgrade"},
            ) as reply:
                told = await reply.json()
            assert told == {"code": 2, "msg": "Invalid request: too many subscriptions, at most 3"}
            assert (await at.record("close")).facts == {"socket": 1, "code": 400, "reason": "too many streams"}
            ws = await at.connect(f"/stream?streams={'/'.join(names[:3])}")
            assert await ask(ws, "SUBSCRIBE", names[3]) == {"error": told, "id": 1}
            assert len(at.hub.connections) == 1

    asyncio.run(scene())


@pytest.mark.parametrize("key", ["0" * 64, "invented"])
def test_an_invented_listen_key_opens_a_socket_that_hears_of_no_account(key):
    async def scene() -> None:
        async with stand() as at:
            at.keys.create("a")
            own = at.keys.key_of("a")
            ws = await at.connect(f"/ws?listenKey={key if key != own else 'b' * 64}")
            at.report("a", e="ORDER_TRADE_UPDATE")
            assert await ask(ws, "LIST_SUBSCRIPTIONS") == {"result": [key], "id": 1}
            assert (await at.record("open")).facts["socket_kind"] == "market"

    asyncio.run(scene())
