from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import socket
import sys

import aiohttp
import pytest
from tests.venue.stream.stand import stand

from opslab.errors import VenueError
from opslab.venue.faults.base import Reset
from opslab.venue.server import bound, loopback
from opslab.venue.wire import Reply


async def raw(url: str, content: bytes) -> bytes:
    """Send bytes and return the first that comes back."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(content)
        async with asyncio.timeout(10):
            return await reader.read(4096)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_a_websocket_opens_with_get_only(method: str):
    async def scene() -> None:
        async with stand() as at:
            head = (
                f"{method} /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            answer = await raw(at.http, head.encode())
            assert answer.startswith(b"HTTP/1.1 405 ")
            assert b"Allow: GET\r\n" in answer
            assert at.wire.records() == []

    asyncio.run(scene())


def test_without_any_free_port_the_advice_is_not_to_take_a_free_one(monkeypatch: pytest.MonkeyPatch):
    def none_left(*_: object) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("opslab.venue.server.socket.socket.bind", none_left)
    with pytest.raises(VenueError) as told:
        bound("127.0.0.1", 0)
    assert str(told.value) == "127.0.0.1:0: cannot listen: Address already in use; end what holds this machine's ports"


def test_a_request_reaches_the_desk_as_it_was_sent():
    async def scene() -> None:
        async with stand() as at:
            query = "b=1&a=%20x+y&a=2&c=%E2%82%AC"
            address = f"{at.http}/fapi/v1/order?{query}"
            from yarl import URL

            async with at.client.post(
                URL(address, encoded=True), data=b"d=4&e=5", headers={"X-MBX-APIKEY": "K"}
            ) as reply:
                assert reply.status == 200
                assert reply.headers["X-Own"] == "1"
                assert reply.headers["Content-Type"] == "application/json;charset=UTF-8"
            seen = at.desk.seen[0]
            assert (seen.method, seen.path, seen.query, seen.body) == (
                "POST",
                "/fapi/v1/order",
                query.encode(),
                b"d=4&e=5",
            )
            assert seen.header("x-mbx-apikey") == "K"
            assert re.fullmatch(r"127\.0\.0\.1:\d+", seen.remote)

    asyncio.run(scene())


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_every_method_is_for_the_desk_to_judge(method: str):
    async def scene() -> None:
        async with stand() as at, at.client.request(method, at.http + "/x") as reply:
            assert reply.status == 200
            assert at.desk.seen[0].method == method

    asyncio.run(scene())


def test_what_the_desk_answers_leaves_with_status_headers_and_body():
    async def scene() -> None:
        async with stand() as at:
            at.desk.outcome = Reply(429, {"code": -1003, "msg": "slow"}, {"Retry-After": "7"})
            async with at.client.get(at.http + "/x") as reply:
                assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
                assert await reply.json() == {"code": -1003, "msg": "slow"}
            at.desk.outcome = Reply(502, "<html>bad gateway</html>")
            async with at.client.get(at.http + "/x") as reply:
                assert (reply.content_type, await reply.text()) == ("text/html", "<html>bad gateway</html>")

    asyncio.run(scene())


def test_a_huge_body_is_not_read_to_its_end_and_the_connection_ends():
    async def scene() -> None:
        async with stand() as at:
            size = 1 << 30
            head = f"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
            answer = await raw(at.http, head + b"x" * 200_000)
            assert answer.startswith(b"HTTP/1.1 200") or answer == b""
            assert 65_536 < len(at.desk.seen[0].body) < 1 << 20

    asyncio.run(scene())


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"BREW /x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /x HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /x HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 1\r\n\r\n",
    ],
)
def test_broken_requests_are_answered_without_a_traceback_and_the_server_goes_on(
    content: bytes, capfd: pytest.CaptureFixture[str]
):
    async def scene() -> None:
        async with stand() as at:
            answer = await raw(at.http, content)
            assert re.match(rb"HTTP/1.[01] 4\d\d ", answer), answer[:200]
            assert b"Traceback" not in answer
            assert at.desk.seen == []
            assert [record.kind for record in at.wire.records()] in ([], ["open", "close"])
            async with at.client.get(at.http + "/x") as reply:
                assert reply.status == 200

    asyncio.run(scene())
    assert capfd.readouterr().err == ""


def test_a_body_that_cannot_be_decoded_is_refused_and_is_no_defect_of_ours():
    async def scene() -> None:
        async with stand() as at:
            head = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\nabcdefghij"
            assert (await raw(at.http, head)).startswith(b"HTTP/1.1 400 ")
            assert at.wire.records() == []

    asyncio.run(scene())


def test_a_body_that_does_not_come_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch):
    async def scene() -> None:
        async with stand() as at:
            head = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
            assert (await raw(at.http, head)).startswith(b"HTTP/1.1 408 ")

    monkeypatch.setattr("opslab.venue.server._BODY_SECONDS", 0.1)
    asyncio.run(scene())


def test_a_defect_of_the_desk_is_answered_and_noted():
    async def scene() -> None:
        async with stand() as at:
            at.desk.seen = None  # type: ignore[assignment]
            async with at.client.get(at.http + "/x") as reply:
                assert (reply.status, (await reply.json())["code"]) == (500, -1000)
            assert (await at.record("error")).facts["place"] == "GET /x"

    asyncio.run(scene())


def test_a_reset_breaks_the_connection_without_an_answer():
    async def scene() -> None:
        async with stand() as at:
            at.desk.outcome = Reset()
            with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
                await at.client.get(at.http + "/x")

    asyncio.run(scene())


def test_a_reset_is_a_reset_and_no_plain_end():
    async def scene() -> None:
        async with stand() as at:
            at.desk.outcome = Reset()
            host, port = at.http.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()

    asyncio.run(scene())


def test_stopping_ends_a_request_that_hangs():
    async def scene() -> None:
        async with stand() as at:

            class Never:
                async def handle(self, _: object) -> None:
                    arrived.set()
                    await asyncio.Event().wait()

            arrived = asyncio.Event()
            at.server._desk = Never()  # type: ignore[assignment]
            asking = asyncio.create_task(at.client.get(at.http + "/x").__aenter__())
            await arrived.wait()
            async with asyncio.timeout(5):
                await at.server.stop()
            with pytest.raises(aiohttp.ClientError):
                await asking

    asyncio.run(scene())


def test_what_is_accepted_in_the_moment_of_the_stop_is_closed_too(monkeypatch: pytest.MonkeyPatch):
    async def scene() -> None:
        async with stand() as at:
            place = at.http.removeprefix("http://").split(":")
            with contextlib.ExitStack() as held:
                clients = [held.enter_context(socket.create_connection((place[0], int(place[1])))) for _ in range(20)]
                for _ in range(2):  # now they are accepted, and no turn of the loop has taken them in yet
                    await asyncio.sleep(0)
                await at.server.stop()
                for client in clients:
                    client.settimeout(5)
                    with contextlib.suppress(ConnectionResetError):
                        assert client.recv(1) == b""

    unheard: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: unheard.append(found.exc_value))
    asyncio.run(scene())
    gc.collect()
    assert unheard == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "8.8.8.8", "example.org", "", "localhost.evil", "127.0.0.1:80"])
def test_only_loopback_is_bound(host: str):
    with pytest.raises(VenueError, match="loopback"):
        bound(host, 0)


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("127.9.9.9", "127.9.9.9"), ("::1", "::1")],
)
def test_what_loopback_is(host: str, address: str):
    assert loopback(host) == address


def test_a_port_in_use_and_one_that_is_none_are_told_in_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(VenueError) as told:
            bound("127.0.0.1", port)
    assert (
        str(told.value)
        == f"127.0.0.1:{port}: cannot listen: Address already in use; choose another port, or 0 for a free one"
    )
    with pytest.raises(VenueError, match="cannot listen"):
        bound("127.0.0.1", 99_999)
