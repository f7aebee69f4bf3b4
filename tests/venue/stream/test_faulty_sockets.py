from __future__ import annotations

import asyncio

import aiohttp
import pytest
from tests.venue.stream.stand import Stand, ask, ended, stand, texts

from opslab.venue.faults.base import Answer, Close, Outgoing, Reset, Silence, SocketEffect
from opslab.venue.faults.inert import Inert
from opslab.venue.wire import Reply, Socket


class Opening(Inert):
    """Does something to every socket that wants to connect."""

    def __init__(self, effect: SocketEffect) -> None:
        super().__init__("opening")
        self.effect = effect

    def opening(self, socket: Socket) -> SocketEffect | None:
        return self.effect


class Twice(Inert):
    """Sends every message twice."""

    def message(self, outgoing: Outgoing) -> list[Outgoing] | None:
        return [outgoing, outgoing]


async def opened(at: Stand, effect: SocketEffect) -> aiohttp.ClientWebSocketResponse:
    at.gate.inject(Opening(effect))
    return await at.connect("/ws/btcusdt@trade")


def test_a_fault_answers_a_handshake():
    async def scene() -> None:
        async with stand() as at:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await opened(at, Answer(Reply(503, {"code": -1000})))
            assert refused.value.status == 503

    asyncio.run(scene())


def test_a_fault_resets_a_handshake():
    async def scene() -> None:
        async with stand() as at:
            with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
                await opened(at, Reset())

    asyncio.run(scene())


def test_a_fault_closes_a_socket_with_its_code_and_1006_breaks_it():
    async def scene() -> None:
        async with stand() as at:
            assert await ended(await opened(at, Close(1011, "broken"))) == 1011
            at.gate.heal_all()
            assert await ended(await opened(at, Close(1006))) is None

    asyncio.run(scene())


def test_a_silenced_socket_hears_nothing_and_ends_with_the_venue():
    async def scene() -> None:
        async with stand() as at:
            ws = await opened(at, Silence())
            at.gate.heal_all()
            other = await at.connect("/ws/btcusdt@trade")
            at.say("BTCUSDT", t=1)
            assert await texts(other, 1) == [{"t": 1}]
            await at.server.stop()
            assert await ended(ws) is None

    asyncio.run(scene())


def test_a_silenced_socket_answers_neither_ping_nor_close():
    async def scene() -> None:
        async with stand() as at:
            ws = await opened(at, Silence())
            other = await opened(at, Silence())
            await other.ping()
            await ws.close()  # waits for the answer, a second at most
            assert ws.close_code == 1006
            with pytest.raises(TimeoutError):
                await other.receive(timeout=0.05)

    asyncio.run(scene())


def test_what_the_gate_makes_of_a_message_is_what_leaves():
    async def scene() -> None:
        async with stand() as at:
            market = await at.connect("/stream?streams=btcusdt@trade")
            user = await at.connect(f"/ws/{at.keys.create('a')}")
            fault = Twice("twice")
            at.gate.inject(fault)
            at.say("BTCUSDT", t=1)
            at.report("a", e="ACCOUNT_UPDATE")
            at.gate.heal(fault)
            at.say("BTCUSDT", t=2)
            assert [one["data"]["t"] for one in await texts(market, 3)] == [1, 1, 2]
            assert [one["e"] for one in await texts(user, 2)] == ["ACCOUNT_UPDATE"] * 2

    asyncio.run(scene())


@pytest.mark.parametrize("silent", [True, False])
def test_a_key_that_a_fault_expires_is_told_unless_silently(silent: bool):
    async def scene() -> None:
        async with stand() as at:
            ws = await at.connect(f"/ws/{at.keys.create('a')}")
            assert at.gate.levers is not None
            assert at.gate.levers.expire_listen_key(None, silent=silent) == ["a"]
            answer = await ask(ws, "LIST_SUBSCRIPTIONS")
            assert (answer.get("e") == "listenKeyExpired") is not silent

    asyncio.run(scene())
