"""What the engine is answered when the venue throttles or bans is heard, and the engine gets its answer."""

from __future__ import annotations

import asyncio
import json
import time
from types import SimpleNamespace

import pytest

from opslab.engine.guards.heeding import heed
from opslab.safety.calm import Calm


def answered(response):
    """Return what was remembered of one answer, and the answer that the engine got."""

    async def request(_method, url):
        assert url == "http://127.0.0.1:1/fapi/v1/order"
        return response

    client, calm = SimpleNamespace(_http_client=SimpleNamespace(_client=SimpleNamespace(request=request))), Calm()
    heed(client, calm)
    got = asyncio.run(client._http_client._client.request("DELETE", url="http://127.0.0.1:1/fapi/v1/order"))
    return calm, got


def response(status, body=b"{}", headers=None):
    return SimpleNamespace(status=status, body=body, headers=headers)


def refusal(code, message):
    return json.dumps({"code": code, "msg": message}).encode()


def test_the_end_of_a_ban_is_read_from_its_message():
    until = int((time.time() + 60) * 1000)
    calm, got = answered(response(418, refusal(-1003, f"IP(127.0.0.1) banned until {until}.")))
    assert 59 < calm.left(time.monotonic()) <= 60
    assert got.status == 418


def test_a_header_that_was_kept_says_how_long():
    calm, _ = answered(response(429, refusal(-1003, "too many"), {"Retry-After": "30"}))
    assert 29 < calm.left(time.monotonic()) <= 30


def test_too_many_orders_do_not_stop_questions():
    calm, _ = answered(response(429, refusal(-1015, "too many new orders")))
    assert calm.left(time.monotonic()) == 0
    assert calm.orders_until > time.monotonic()


@pytest.mark.parametrize("body", [b"", b"\xff", b"<html>", b"[" * 100_000, b"null", b'{"code": "x"}'])
def test_a_refusal_without_sense_is_one_all_the_same(body):
    calm, got = answered(response(429, body))
    assert calm.left(time.monotonic()) > 0
    assert got.body == body


@pytest.mark.parametrize("status", [200, 400, 403, 503])
def test_other_answers_are_not_remembered(status):
    calm, _ = answered(response(status))
    assert calm.left(time.monotonic()) == 0


@pytest.mark.parametrize("client", [SimpleNamespace(), SimpleNamespace(_http_client=SimpleNamespace())])
def test_a_client_of_other_make_is_left_alone(client):
    before = dict(vars(client))
    heed(client, Calm())
    assert vars(client) == before
