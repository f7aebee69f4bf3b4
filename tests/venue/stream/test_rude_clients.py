from __future__ import annotations

import asyncio
import resource
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from tests.venue.stream.stand import ended, stand, texts

from opslab.venue.stream.rules import SPOT_RULES


def test_too_many_messages_in_a_second_disconnect():
    async def scene() -> None:
        async with stand(messages_per_second=3) as at:
            ws = await at.connect("/ws")
            for number in range(4):
                await ws.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
            assert [answer["id"] for answer in await texts(ws, 3)] == [0, 1, 2]
            assert await ended(ws) == 1008

    asyncio.run(scene())


def test_a_ping_bears_a_payload_and_a_missing_pong_disconnects():
    async def scene() -> None:
        async with stand(ping_seconds=0.05, pong_seconds=0.2) as at:
            ws = await at.connect("/ws")
            first = await ws.receive()
            assert first.type is WSMsgType.PING
            assert abs(int(first.data) - at.now()) < 60_000
            assert await ended(ws) == 1008

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("rules", "payload", "stays"), [("spot", b"wrong", False), ("spot", None, True), ("futures", b"", True)]
)
def test_which_pong_counts(rules: str, payload: bytes | None, stays: bool):
    async def scene() -> None:
        changes: dict[str, Any] = {"ping_seconds": 0.02, "pong_seconds": 0.2, "messages_per_second": 1000}
        async with stand(SPOT_RULES, must_echo=rules == "spot", **changes) as at:
            ws = await at.connect("/ws")
            loop = asyncio.get_running_loop()
            until, code = loop.time() + 0.6, None
            while loop.time() < until:
                message = await ws.receive()
                if message.type is not WSMsgType.PING:
                    code = message.data
                    break
                await ws.pong(bytes(message.data) if payload is None else payload)
            assert (code is None) is stays
            assert stays or code == 1008

    asyncio.run(scene())


def test_a_client_that_does_not_read_is_cut_and_no_other_is_delayed():
    async def scene() -> None:
        async with stand(max_unsent_bytes=1 << 20) as at:
            reader = await at.connect("/ws/btcusdt@trade")
            lazy = socket.create_connection(at.ws.removeprefix("ws://").split(":"))
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.sendall(
                b"GET /ws/btcusdt@trade HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            await at.record("open", lambda record: record.facts["socket"] == 2)
            async with asyncio.timeout(10):
                await asyncio.to_thread(lazy.recv, 4096)  # the handshake's answer: it is connected
                for number in range(300):
                    at.say("BTCUSDT", t=number, fill="x" * 65_536)
                    assert (await texts(reader, 1))[0]["t"] == number
                    if 2 not in at.hub.connections:
                        break
            closed = await at.record("close")
            assert closed.facts == {"socket": 2, "code": 1006, "reason": "does not read"}
            lazy.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x81\x85aaaa\x9e\x9e\x9e\x9e\x9e", 1007),  # a text that is no UTF-8
        (b"\xf1\x80aaaa", 1002),  # reserved bits
        (b"\x83\x80aaaa", 1002),  # an unknown opcode
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffaaaa", 1009),  # a frame longer than anything
    ],
)
def test_broken_frames_end_the_connection_and_nothing_else(content: bytes, code: int):
    async def scene() -> None:
        async with stand() as at:
            other = await at.connect("/ws/btcusdt@trade")
            ws = await at.connect("/ws")
            ws._response.connection.transport.write(content)  # type: ignore[union-attr]
            assert await ended(ws) == code
            closed = await at.record("close")
            assert closed.facts["code"] == code
            at.say("BTCUSDT", t=1)
            assert await texts(other, 1) == [{"t": 1}]

    asyncio.run(scene())


def test_a_message_over_the_limit_ends_the_connection():
    async def scene() -> None:
        async with stand(max_message_bytes=1024) as at:
            ws = await at.connect("/ws")
            await ws.send_str("x" * 2000)
            assert await ended(ws) == 1009

    asyncio.run(scene())


@pytest.mark.parametrize("message", ["", "{", "[]", "null", '{"id":1}', "\x00"])
def test_nonsense_is_answered_and_the_connection_stays(message: str):
    async def scene() -> None:
        async with stand() as at:
            ws = await at.connect("/ws")
            await ws.send_str(message)
            assert "error" in await ws.receive_json()
            await ws.send_bytes(message.encode())
            assert "error" in await ws.receive_json()

    asyncio.run(scene())


_FILES, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
_MANY = min(2_000, max(10, (_FILES - 300) // 2))
"""Sockets that both ends may have in this process, of the two thousand that are wanted."""


@pytest.mark.parametrize("count", [pytest.param(_MANY, id=f"{_MANY}-sockets")])
def test_thousands_of_sockets_all_hear_the_same_in_order(count: int):
    async def scene() -> None:
        async with stand() as at:
            every = []
            for begin in range(0, count, 200):  # no more at once than wait for a server in one go
                batch = range(begin, min(begin + 200, count))
                every += await asyncio.gather(*(at.connect("/stream?streams=btcusdt@trade") for _ in batch))
            for number in range(5):
                at.say("BTCUSDT", t=number)
            heard = await asyncio.gather(*(texts(ws, 5) for ws in every))
            assert all([one["data"]["t"] for one in messages] == list(range(5)) for messages in heard)
            assert len(heard) == len(at.hub.connections) == count
            await asyncio.gather(*(ws.close() for ws in every))
            await at.record("close", lambda record: len(at.hub.connections) == 0)

    asyncio.run(scene())


def test_beyond_the_most_sockets_the_next_is_refused_until_one_ends():
    async def scene() -> None:
        async with stand(max_sockets=1) as at:
            first = await at.connect("/ws")
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await at.connect("/ws")
            assert refused.value.status == 503
            await first.close()
            await at.record("close")
            await (await at.connect("/ws")).close()

    asyncio.run(scene())


def test_an_address_without_a_stream_is_refused_before_the_handshake():
    async def scene() -> None:
        async with stand() as at:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await at.connect("/nothing")
            assert refused.value.status == 404

    asyncio.run(scene())
