"""Guards that stand on the line to the venue: the deadline and the circuit breaker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nautilus_trader.adapters.binance.http.error import BinanceClientError
from nautilus_trader.core.nautilus_pyo3 import HttpTimeoutError
from tests.engine.guards.world import Client, Response, Told

from opslab.contract.execution import Guard, Profile
from opslab.engine.guards import http_deadline, rate_limit
from opslab.engine.guards.http_deadline import HttpDeadline
from opslab.engine.guards.line import Line, Lines
from opslab.engine.guards.rate_limit import RateLimit, weight_limit
from opslab.errors import EngineError

URL = "http://127.0.0.1:1/fapi/v1/order?symbol=BTCUSDT"


class Http:
    """The Rust client."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.asked = list(answers), []
        self.other = "its own"

    async def request(self, method, url, **words):
        self.asked.append((method, url, words))
        answer = self.answers.pop(0) if self.answers else Response()
        if answer is None:
            await asyncio.Event().wait()
        return answer


def client_with(http):
    client = Client()
    client._http_client = SimpleNamespace(_client=http)

    async def server_time():
        await client._http_client._client.request("GET", url="http://127.0.0.1:1/fapi/v1/time")

    client._http_market = SimpleNamespace(request_server_time=server_time)
    return client


@pytest.fixture
def limited(monkeypatch):
    monkeypatch.setattr(rate_limit, "keep_headers", lambda *_: None)

    def stand(*answers):
        told, http = Told(), Http(*answers)
        client, guard = client_with(http), RateLimit(Profile.FAST)
        guard.on_exec_client(client, told.site)
        return client, guard, told, http

    return stand


def test_a_client_that_two_share_is_wrapped_once():
    http = Http()
    first, second = client_with(http), client_with(http)
    second._http_client = first._http_client
    lines = Lines(Guard.HTTP_DEADLINE, lambda *_: None)
    assert [lines.wrap(first), lines.wrap(second)] == [True, False]
    assert first._http_client._client.inner is http
    assert first._http_client._client.other == "its own"


def test_a_client_without_a_line_is_refused():
    with pytest.raises(EngineError, match="_http_client"):
        Lines(Guard.HTTP_DEADLINE, lambda *_: None).wrap(Client())


def test_a_request_that_is_not_answered_is_given_up(monkeypatch):
    monkeypatch.setitem(http_deadline.SECONDS, Profile.FAST, 0.01)
    told, client = Told(), client_with(Http(None))
    HttpDeadline(Profile.FAST).on_exec_client(client, told.site)
    with pytest.raises(HttpTimeoutError, match="/fapi/v1/order was not answered"):
        asyncio.run(client._http_client._client.request("POST", url=URL))
    assert told.actions == ["installed", "corrected"]


def test_an_answer_in_time_passes_unchanged():
    answer, told = Response(), Told()
    client = client_with(Http(answer))
    HttpDeadline(Profile.FAST).on_exec_client(client, told.site)
    assert asyncio.run(client._http_client._client.request("GET", url=URL)) is answer


def test_nothing_leaves_while_the_venue_says_to_stay_away(limited):
    client, guard, told, http = limited(Response(429, {"retry-after": "60"}))
    line = client._http_client._client

    async def run():
        await line.request("POST", url=URL)
        with pytest.raises(BinanceClientError, match="RATE_LIMIT DELETE /fapi/v1/order was not sent"):
            await line.request("DELETE", url=URL)
        for task in client.tasks:
            task.cancel()

    asyncio.run(run())
    assert len(http.asked) == 1
    assert told.site.ask().blocked
    assert "429" in told.site.ask().reasons[0]
    assert guard.breaker.is_shut


def test_one_question_opens_it_again(limited):
    client, guard, told, http = limited(Response(429, {"retry-after": "60"}))

    async def run():
        await client._http_client._client.request("POST", url=URL)
        guard.breaker.until = 0.0  # the pause is over
        for task in client.tasks:
            task.cancel()
        await guard._open_again()
        await client._http_client._client.request("POST", url=URL)

    asyncio.run(run())
    assert [url.rpartition("/")[2] for _, url, _ in http.asked] == [
        "order?symbol=BTCUSDT",
        "time",
        "order?symbol=BTCUSDT",
    ]
    assert told.actions == ["installed", "held", "released"]
    assert not told.site.ask().blocked


def test_it_learns_the_limit_from_the_venue(limited):
    body = b'{"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":2400}]}'
    client, guard, _, _ = limited(Response(body=body))
    asyncio.run(client._http_client._client.request("GET", url="http://127.0.0.1:1/fapi/v1/exchangeInfo"))
    assert guard.breaker.limit == 2400


@given(st.binary(max_size=200))
def test_no_limit_is_read_from_nonsense(body):
    assert weight_limit(body) is None


def test_lines_lie_one_around_the_other():
    http, order = Http(), []

    async def outer(send, method, url, words):
        order.append("outer")
        return await send(method, url=url, **words)

    async def inner(send, method, url, words):
        order.append("inner")
        return await send(method, url=url, **words)

    asyncio.run(Line(Line(http, inner), outer).request("GET", URL, body=None))
    assert order == ["outer", "inner"]
    assert http.asked == [("GET", URL, {"body": None})]


def test_a_denial_tells_how_long_it_lasts_yet(limited, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(rate_limit.time, "monotonic", lambda: now[0])
    _client, guard, told, _http = limited()
    guard.breaker.hear(100.0, 0.0, 418, {"retry-after": "4"})
    guard._client = None  # nobody waits for the end
    guard._shut()
    now[0] = 103.0
    assert "1.0 s to go" in told.site.ask().reasons[0]
