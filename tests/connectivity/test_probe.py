"""One GET, one deadline, and whatever happens is an outcome: against servers that misbehave on purpose."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
import respx

from opslab.clock import SystemClock
from opslab.connectivity.probe import probed
from opslab.connectivity.url import checked_url

PATIENCE = 10.0


class Server:
    """Listens on loopback and does with each connection what it is told; keeps the first bytes of what was sent."""

    def __init__(self, do, host="127.0.0.1"):
        self._do, self.heard, self.ended = do, [], threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, 0), family=family)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(PATIENCE)

    def _serve(self):
        while not self.ended.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(PATIENCE)
                self.heard.append(connection.recv(4_096))
                self._do(connection, self)


def says(content):
    return lambda connection, _server: connection.sendall(content)


def probe(port, *, timeout_ms=5_000, path="/", host="127.0.0.1"):
    return probed(checked_url(f"http://{host}:{port}{path}"), "run-1", timeout_ms, SystemClock())


@pytest.mark.parametrize(
    ("status", "state", "error_class"),
    [
        (200, "probe_ok", None),
        (204, "probe_ok", None),
        (302, "probe_http_error", "http_error"),
        (404, "probe_http_error", "http_error"),
        (101, "probe_http_error", "http_error"),
        (503, "probe_http_error", "http_error"),
    ],
)
def test_the_status_decides(status, state, error_class):
    with Server(says(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())) as server:
        told = probe(server.port)
    assert (told.state, told.error_class, told.http_status) == (state, error_class, status)
    assert told.latency_ms is not None
    assert round(told.latency_ms, 3) == told.latency_ms


@pytest.mark.parametrize("content", [b"", b"HTTP/1.1 200"])
def test_a_server_that_closes_without_an_answer_is_told(content):
    with Server(says(content)) as server:
        told = probe(server.port)
    assert (told.state, told.error_class, told.http_status) == ("probe_unknown", "unknown", None)
    assert told.errors == ("the server closed the connection without an answer",)


WARM = """
import asyncio, sys
from opslab.clock import SystemClock
from opslab.connectivity.probe import probed
from opslab.connectivity.url import checked_url
class Noting(asyncio.Timeout):
    async def __aenter__(self):
        loaded.update(sys.modules)
        return await super().__aenter__()
loaded, soon = {}, asyncio.timeout
asyncio.timeout = lambda delay: Noting(asyncio.get_running_loop().time() + delay)
told = probed(checked_url(sys.argv[1]), "run-1", 5_000, SystemClock())
print(told.state, sorted(sys.modules.keys() - loaded.keys()))
"""


def test_nothing_is_loaded_once_the_deadline_runs():
    with Server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as server:
        words = [sys.executable, "-c", WARM, f"http://localhost:{server.port}/"]
        told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.split(maxsplit=1) == ["probe_ok", "[]\n"]


def test_a_redirect_is_not_followed():
    with Server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as other:
        to = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{other.port}/\r\nContent-Length: 0\r\n\r\n"
        with Server(says(to.encode())) as server:
            assert probe(server.port).http_status == 302
    assert other.heard == []


def test_proxies_of_the_environment_are_not_asked(monkeypatch):
    with Server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        with Server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as server:
            assert probe(server.port).state == "probe_ok"
    assert proxy.heard == []


def drips(connection, server):
    """Send a byte of an endless head now and then: each within any limit of a single read."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not server.ended.wait(0.02):
        connection.sendall(b"X: y\r\n")


def silent(_connection, server):
    server.ended.wait(PATIENCE)


@pytest.mark.parametrize("do", [drips, silent])
def test_one_deadline_stands_around_everything(do):
    with Server(do) as server:
        begun = time.monotonic()
        told = probe(server.port, timeout_ms=200)
        took = time.monotonic() - begun
    assert (told.state, told.error_class, told.http_status, told.latency_ms) == ("probe_timeout", "timeout", None, None)
    assert took < 2.0  # ten times the deadline: a slow machine, and still no sum of limits


def test_a_body_without_end_is_not_read():
    def endless(connection, server):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        with contextlib.suppress(OSError):
            while not server.ended.is_set():
                connection.sendall(b"secret" * 10_000)

    with Server(endless) as server:
        told = probe(server.port)
    assert told.state == "probe_ok"
    assert "secret" not in str(told.to_dict())


@pytest.mark.parametrize(
    "content",
    [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 999999 \r\n\r\n", b"\x00" * 100, b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 40_000],
)
def test_what_is_no_answer_is_told_as_that(content):
    with Server(says(content)) as server:
        told = probe(server.port)
    assert told.state in {"probe_unknown", "probe_unreachable"}
    assert told.http_status is None
    assert len(told.errors) == 1


def test_nobody_there_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = probe(port)
    assert (told.state, told.error_class) == ("probe_unreachable", "connection_error")


def test_localhost_is_tried_on_both_families():
    try:
        server = Server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        assert probe(server.port, host="localhost").state == "probe_ok"
    assert f"Host: localhost:{server.port}".encode() in server.heard[0]


@pytest.mark.parametrize(
    ("raised", "state", "error_class"),
    [
        (httpx.ConnectError("secret"), "probe_unreachable", "connection_error"),
        (httpx.ReadError("secret"), "probe_unreachable", "connection_error"),
        (httpx.RemoteProtocolError("secret"), "probe_unknown", "unknown"),
        (httpx.DecodingError("secret"), "probe_unknown", "unknown"),
    ],
)
def test_each_failure_has_its_state_and_repeats_nothing(raised, state, error_class):
    with respx.mock:
        respx.get("http://127.0.0.1:9/").mock(side_effect=raised)
        told = probe(9)
    assert (told.state, told.error_class) == (state, error_class)
    assert "secret" not in str(told.to_dict())
