"""HTTP: what is answered, and that no client holds up another."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from opslab.errors import OpsLabError, StoreError
from opslab.report.metrics.exposition import Format
from opslab.report.metrics.server import MAX_CONNECTIONS, MetricsServer, chosen_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@contextlib.contextmanager
def serving(server: MetricsServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def port(place) -> Iterator[int]:
    place.run("r1")
    with serving(MetricsServer("127.0.0.1", 0, place.exporter.scrape)) as port:
        yield port


def ask(port: int, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def test_metrics_are_answered_with_their_type_and_length(port, parse):
    status, headers, text = ask(port)
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert int(headers["Content-Length"]) == len(text.encode())
    assert parse(text)["runs", "completed"] == 1


def test_openmetrics_is_answered_when_it_is_preferred(port):
    status, headers, text = ask(port, Accept=PROMETHEUS)
    assert (status, headers["Content-Type"]) == (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/plain", Format.TEXT),
        (PROMETHEUS, Format.OPENMETRICS),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", Format.OPENMETRICS),
        ("application/openmetrics-text;q=0", Format.TEXT),
        ("application/openmetrics-text;q=0.1,text/plain;q=0.2", Format.TEXT),
        ("application/openmetrics-text;version=2.0.0", Format.TEXT),
        ("application/openmetrics-text;q=nan", Format.TEXT),
        ("application/openmetrics-text;q=x,;;=,", Format.TEXT),
    ],
)
def test_the_format_follows_the_accept_header(accept, form):
    assert chosen_format(accept) is form


def test_health_is_answered_while_a_scrape_waits():
    release, entered = threading.Event(), threading.Event()

    def stuck(form: Format):
        entered.set()
        release.wait(20)
        raise StoreError("let go")

    with serving(MetricsServer("127.0.0.1", 0, stuck)) as port, ThreadPoolExecutor() as pool:
        waiting = pool.submit(ask, port)
        assert entered.wait(20)
        assert ask(port, "/healthz")[::2] == (200, "ok\n")
        release.set()
        assert waiting.result(20)[::2] == (500, "500 let go\n")


@pytest.mark.parametrize(
    "path", ["/", "/metrics/", "/metrics?x=1", "/Metrics", "//metrics", "/healthz/", "/../etc/passwd"]
)
def test_anything_else_is_not_found(port, path):
    assert ask(port, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "BOGUS"])
def test_other_methods_are_not_implemented(port, method):
    assert ask(port, method=method)[0] == 501


def test_many_scrapes_at_once_all_succeed(port):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(port), range(48)))
    assert {status for status, _, _ in answers} == {200}


def test_a_client_that_goes_away_is_no_error(port, capfd):
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    assert ask(port)[0] == 200
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("sent", [b"", b"GET /met", b"\x16\x03\x01garbage", b"GET /metrics HTTP/1.0\r\nA: b\r\n"])
def test_a_silent_or_cut_client_holds_up_nobody(port, sent):
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
    for client in clients:
        client.sendall(sent)
    assert ask(port)[0] == 200
    for client in clients:
        client.close()
    assert ask(port)[0] == 200


def test_a_client_that_drips_is_cut_at_its_deadline(place):
    with serving(MetricsServer("127.0.0.1", 0, place.exporter.scrape, limit_seconds=0.2)) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            begun = time.monotonic()
            client.sendall(b"GET /metrics HTTP/1.0\r\n")
            assert client.recv(1) == b""
        assert time.monotonic() - begun < 5
        assert ask(port)[0] == 200


def test_a_crowd_of_silent_clients_leaves_room(port):
    clients = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(MAX_CONNECTIONS + 10)]
    assert ask(port)[0] == 200
    assert [client.recv(1) for client in clients[:10]] == [b""] * 10  # long before their own time is over
    for client in clients:
        client.close()


def test_a_slow_reader_does_not_hold_up_others(place):
    document = place.exporter.scrape(Format.TEXT)
    big = type(document)(64 << 20, ((bytes(1 << 20),) * 64,))
    server = MetricsServer("127.0.0.1", 0, lambda form: big if form is Format.TEXT else document)
    with serving(server) as port, socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert slow.recv(10)
        assert ask(port, Accept="application/openmetrics-text")[0] == 200


def test_an_unexpected_failure_is_one_line(capfd):
    def failing(form: Format):
        raise RuntimeError("two\nlines")

    with serving(MetricsServer("127.0.0.1", 0, failing)) as port, pytest.raises((OSError, http.client.HTTPException)):
        ask(port)
    assert capfd.readouterr().err == "error: a request failed: two\\nlines\n"


def test_a_port_in_use_is_one_clear_line(port, place):
    with pytest.raises(OpsLabError) as caught:
        MetricsServer("127.0.0.1", port, place.exporter.scrape)
    fix = "choose another --port or --host; --port 0 takes a free one, and the command says which"
    assert str(caught.value) == f"127.0.0.1:{port}: cannot listen: Address already in use; {fix}"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "999.1.1.1", "a" * 300, "\x00", "bad host", "é" * 100])
def test_an_unknown_host_is_one_clear_line(host):
    with pytest.raises(OpsLabError, match="cannot listen") as caught:
        MetricsServer(host, 0, lambda form: pytest.fail("never asked"))
    assert str(caught.value).isprintable()


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_the_address_may_be_ipv6():
    try:
        server = MetricsServer("::1", 0, lambda form: pytest.fail("never asked"))
    except OpsLabError:
        pytest.skip("this machine has no IPv6 loopback")
    assert server.url.startswith("http://[::1]:")
    server.server_close()


def test_scrapes_at_once_see_whole_pages(place, parse):
    """Runs are added while many scrape: each answer parses, has its whole length, and no run vanishes."""
    seen: list[int] = []

    def scrape(_: int) -> None:
        document = place.exporter.scrape(Format.TEXT)
        content = document.content()
        assert len(content) == document.size
        seen.append(sum(key[0] == "run_info" for key in parse(content.decode())))

    writer: Callable[[int], object] = lambda number: place.run(f"r{number}")  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: (writer(number), scrape(number)), range(24)))
    scrape(0)
    assert seen[-1] == 24
