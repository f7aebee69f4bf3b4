"""Faults at the desk, and what the wire log keeps."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.venue.http.client import KEY, SECRET, T0
from tests.venue.http.desk_world import World, code_of

from opslab.venue.faults.base import Hang, Reset
from opslab.venue.http.admission import RawRequest
from opslab.venue.wire import Reply


def test_every_request_is_written_down_with_its_reply_and_without_keys():
    world = World()
    world.client.ok("POST", "/signed", symbol="BTCUSDT")
    world.client.raw("PUT", "/listenKey", "listenKey=secret-key")
    records = world.wire.records()
    assert [record.kind for record in records] == ["request", "reply", "request", "reply"]
    assert records[0].facts["params"] == {"timestamp": str(T0), "symbol": "BTCUSDT"}
    assert records[0].facts["account"] == "main"
    assert records[1].facts["number"] == records[0].facts["number"]
    written = json.dumps([record.facts for record in records])
    for secret in (KEY, SECRET, "secret-key", "signature"):
        assert secret not in written


def test_a_refused_request_is_written_down_too():
    world = World()
    world.client.raw("GET", "/nowhere")
    request, reply = world.wire.records()
    assert request.facts["path"] == "/nowhere"
    assert reply.facts["status"] == 404


def test_of_long_market_data_a_summary_is_written_down():
    world = World()
    assert world.client.public("/bulk").body == [1, 2, 3]
    assert world.wire.records()[-1].facts["body"] == {"entries": 3, "first": 1, "last": 3}


class Gate:
    """Answers as it is told."""

    def __init__(self, before: Any = None, after: Any = None, wait: Any = None) -> None:
        self._before, self._after, self._wait = before, after, wait
        self.saw: list[Any] = []

    async def before(self, request):
        self.saw.append(request)
        if self._wait is not None:
            self._wait()
        return self._before

    async def after(self, request, reply):
        self.saw.append(reply)
        return self._after or reply


def test_a_fault_before_the_core_answers_in_its_place():
    gate = Gate(before=Reply(503, "<html>busy</html>"))
    world = World(gate=gate)
    reply = world.client.ask("POST", "/signed")
    assert (reply.status, reply.body) == (503, "<html>busy</html>")
    assert len(gate.saw) == 1
    assert world.wire.records()[-1].facts["is_fault"] is True


@pytest.mark.parametrize("effect", [Hang(), Reset()])
def test_a_reply_may_never_arrive_though_the_core_has_acted(effect):
    gate = Gate(after=effect)
    world = World(gate=gate)
    assert world.client.raw("GET", "/open", "") == effect
    assert gate.saw[1].status == 200
    assert world.wire.records()[-1].facts["outcome"] == type(effect).__name__.lower()


def test_the_gate_sees_who_asks_but_no_signature():
    gate = Gate()
    World(gate=gate).client.ok("POST", "/signed", symbol="X")
    assert gate.saw[0].account == "main"
    assert set(gate.saw[0].params) == {"timestamp", "symbol"}
    assert gate.saw[0].route == "POST /signed"


def test_a_refused_request_never_reaches_the_gate():
    gate = Gate()
    World(gate=gate).client.raw("POST", "/signed", f"timestamp={T0}&signature=00")
    assert gate.saw == []


def test_a_request_that_a_fault_held_too_long_does_not_reach_the_core():
    world = World()

    def hold():
        world.now.ms += 5_001

    world.desk.gate = Gate(wait=hold)
    assert world.client.code("POST", "/signed") == -1021


def test_a_gate_that_fails_does_not_take_the_venue_down():
    def explode():
        raise RuntimeError("gate")

    world = World(gate=Gate(wait=explode))
    assert code_of(world.client.public("/open")) == (500, -1000)
    assert len(world.errors()) == 1


def test_requests_that_wait_do_not_hold_up_others():
    async def play() -> list[Any]:
        release = asyncio.Event()

        class Slow(Gate):
            async def before(self, request):
                if request.path == "/open":
                    await release.wait()

        world = World(gate=Slow())
        slow = asyncio.create_task(world.desk.handle(RawRequest("GET", "/open")))
        fast = await world.desk.handle(RawRequest("GET", "/bulk"))
        assert not slow.done()
        release.set()
        return [fast.status, (await slow).status]

    assert asyncio.run(play()) == [200, 200]
