"""Half a surrogate pair can be written in JSON but not in UTF-8: no answer could repeat it."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venue.http.client import finished
from tests.venue.http.spot_world import SpotWorld
from tests.venue.running import running
from tests.venue.stream.stand import ask, ended, stand, texts

from opslab.venue.faults.inert import Inert
from opslab.venue.orders import Market
from opslab.venue.stream.documents import LONE_SURROGATE, read_document
from opslab.venue.stream.subscriptions import Subscriptions
from opslab.venue.stream.ws_api import ApiConnection
from opslab.venue.wire import Reply
from opslab.venue.writing import Unwritable, fault_in, written

HALF = [
    r'{"id":"\ud800","method":"LIST_SUBSCRIPTIONS"}',
    r'{"id":1,"method":"\udfff"}',
    r'{"id":1,"method":"SUBSCRIBE","params":["\ud800@trade"]}',
    r'{"id":1,"method":"SET_PROPERTY","params":["\ud800",true]}',
    r'{"id":1,"\ud800":2}',
]


@pytest.mark.parametrize("text", HALF)
def test_half_a_surrogate_pair_is_no_json_for_a_stream(text: str):
    async def scene() -> None:
        async with stand() as at:
            ws = await at.connect("/ws/btcusdt@trade")
            await ws.send_str(text)
            assert (await texts(ws, 1))[0] == {"error": {"code": 3, "msg": f"Invalid JSON: {LONE_SURROGATE}"}}
            assert (await ask(ws, "LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@trade"]
            assert [one for one in at.wire.records() if one.kind in ("error", "close")] == []

    asyncio.run(scene())


@pytest.mark.parametrize(
    "text", [r'{"id":"\ud800","method":"ping"}', r'{"id":1,"method":"ping","params":{"a":"\ud800"}}']
)
def test_half_a_surrogate_pair_is_no_json_for_the_websocket_api(text: str):
    async def scene() -> None:
        async with running(Market.SPOT) as at:
            ws = await at.listen(at.venue.endpoint.ws_api)
            await ws.send_str(text)
            answer = await ws.receive_json(timeout=5)
            assert (answer["status"], answer["error"]["code"]) == (400, -1135)
            await ws.send_str('{"id":2,"method":"ping"}')
            assert (await ws.receive_json(timeout=5))["status"] == 200

    asyncio.run(scene())


@given(
    st.recursive(st.text() | st.none() | st.integers(), lambda item: st.lists(item) | st.dictionaries(st.text(), item))
)
def test_every_other_document_is_read_as_it_is(document: object):
    assert read_document(json.dumps(document)) == document


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters(categories=("Cs", "L"))), max_size=3))
def test_whatever_is_asked_the_answer_can_be_written(request_: dict[str, str]):
    for key in ("id", "method"):
        written(Subscriptions().answer(json.dumps({**request_, key: next(iter(request_.values()), "")})))


@given(st.recursive(st.text(st.characters(categories=("Cs", "L"))) | st.integers() | st.floats(), st.lists))
def test_what_has_no_fault_is_written_and_read_again_as_it_was(data: object):
    if fault_in(data) is None:
        assert json.loads(written(data)) == data
    else:
        assert "NaN" in json.dumps(data) or "Infinity" in json.dumps(data) or _is_refused(data)


def _is_refused(data: object) -> bool:
    try:
        written(data)
    except Unwritable:
        return True
    return json.dumps(data).count("[") > 50


def test_a_defect_while_a_stream_is_answered_ends_the_socket_and_no_http_is_written_to_it(
    monkeypatch: pytest.MonkeyPatch,
):
    async def scene() -> None:
        async with stand() as at:
            ws = await at.connect("/ws")
            monkeypatch.setattr(Subscriptions, "answer", lambda *_: 1 / 0)
            await ws.send_str("{}")
            assert await ended(ws) == 1011
            assert (await at.record("error")).facts["error"] == "ZeroDivisionError"
            closed = await at.record("close")
            assert closed.facts["code"] == 1011
            assert [one.kind for one in at.wire.records()].count("close") == 1

    asyncio.run(scene())


def test_a_defect_before_the_first_message_resets_the_socket(monkeypatch: pytest.MonkeyPatch):
    async def scene() -> None:
        async with stand() as at:
            monkeypatch.setattr(at.hub, "join", lambda _: 1 / 0)
            assert await ended(await at.connect("/ws")) is None
            await at.record("error")

    asyncio.run(scene())


class Lying(Inert):
    """Puts something into replies that no JSON can hold."""

    def after(self, request, reply):
        from opslab.venue.faults.base import Answer

        return Answer(Reply(200, {"x": "\ud800"}))


@pytest.mark.parametrize("breaks", ["the desk", "a fault"])
def test_a_request_of_the_websocket_api_is_answered_whatever_breaks(breaks: str, monkeypatch: pytest.MonkeyPatch):
    async def scene() -> None:
        async with running(Market.SPOT) as at:
            ws = await at.listen(at.venue.endpoint.ws_api)
            if breaks == "a fault":
                at.venue.gate.inject(Lying("lying"))
            else:
                monkeypatch.setattr(at.venue.desk, "call", lambda *_, **__: 1 / 0)
            await ws.send_str('{"id":"mine","method":"ping"}')
            answer = await ws.receive_json(timeout=5)
            assert (answer["id"], answer["status"], answer["error"]["code"]) == ("mine", 500, -1000)
            await at.record("error")

    asyncio.run(scene())


def test_what_a_fault_made_unwritable_is_told_in_the_wire_log_as_it_was_answered():
    async def scene() -> None:
        async with running() as at:
            at.venue.gate.inject(Lying("lying"))
            assert (await at.show("/ping"))["code"] == -1000
            reply = await at.record("reply")
            assert (reply.facts["status"], reply.facts["body"]["code"]) == (500, -1000)

    asyncio.run(scene())


def test_an_answer_of_the_api_that_cannot_be_made_bears_the_id(monkeypatch: pytest.MonkeyPatch):
    world, told = SpotWorld(), []
    api = ApiConnection(world.desk, world.now, "127.0.0.1:5", note=lambda error, event: told.append((error, event)))
    monkeypatch.setattr(api, "_envelope", lambda *_, **__: 1 / 0)
    (answer,) = finished(api.answer('{"id":9,"method":"ping"}'))
    assert (answer["id"], answer["status"]) == (9, 500)
    assert (type(told[0][0]), told[0][1]) == (ZeroDivisionError, "WS ping")
