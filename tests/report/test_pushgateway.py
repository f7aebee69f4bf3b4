"""Pushing to a Pushgateway: one PUT of what the textfile holds, to the place that was named and nowhere else, in time."""

from __future__ import annotations

import socket
import time
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from tests.report.gateway import Gateway, recording

from opslab.contract.drill import SessionReport
from opslab.errors import StoreError
from opslab.report.pushgateway import Pushgateway, checked_gateway, push_session
from opslab.report.session_metrics import render

ROW = {"drill": "d", "area": "a", "severity": "normal", "verdict": "pass", "ts_utc": "2026-01-01T00:00:00.123456Z"}
REPORT = SessionReport(
    session_id="s",
    started_at_utc="2026-01-01T00:00:00Z",
    completed_at_utc="2026-01-01T00:00:01Z",
    status="completed",
    seed=1,
    lab_version="1",
    engine_version="1",
    mutants=False,
    verdicts={"pass": 1},
    drills=({**ROW, "phases": {"steady": 0.25}, "budgets": {"recover_within": [5.0, 1.0]}},),
    runs=(),
    last_passed={"d": ROW["ts_utc"]},
)
LIMIT = 0.3


@pytest.fixture
def serve():
    """Start a Pushgateway that answers in a given way."""
    started = []

    def start(answer: str = "ok", **more: str) -> Gateway:
        started.append(recording(answer, **more))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


def checked(url: str, suite: str = "drills", environment: str = "local") -> Pushgateway:
    return checked_gateway(url, suite, environment, where="--opslab-pushgateway")


def pushed(url: str, **labels: str) -> str:
    """Push, and return the one line of what went wrong."""
    with pytest.raises(StoreError) as caught:
        push_session(REPORT, checked(url, **labels), limit_seconds=LIMIT)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_one_put_of_what_the_textfile_holds(serve):
    gateway = serve()
    push_session(REPORT, checked(gateway.url))
    (request,) = gateway.requests
    assert (request.method, request.path) == ("PUT", "/metrics/job/opslab/environment/local/suite/drills")
    assert request.body == render(REPORT)
    assert request.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {s.name: s.value for f in text_string_to_metric_families(request.body.decode()) for s in f.samples}
    assert found["tradingchassis_ops_lab_drill_last_pass_timestamp_seconds"] == 1767225600.123456
    assert not {"suite", "environment", "job", "instance"} & {
        name for f in text_string_to_metric_families(request.body.decode()) for s in f.samples for name in s.labels
    }


@pytest.mark.parametrize("tail", ["", "/", "/below/it", "/below/it/"])
def test_a_path_before_the_api_belongs_to_the_address(serve, tail):
    gateway = serve()
    push_session(REPORT, checked(gateway.url + tail))
    assert gateway.requests[0].path == tail.rstrip("/") + "/metrics/job/opslab/environment/local/suite/drills"


def test_labels_of_any_kind_reach_the_gateway_whole(serve):
    gateway = serve()
    push_session(REPORT, checked(gateway.url, suite="ä?#%&", environment="eu/west 1"))
    path = gateway.requests[0].path
    assert unquote(path).endswith("/suite/ä?#%&")
    assert "/environment@base64/ZXUvd2VzdCAx/" in path


def test_a_success_is_any_status_of_success(serve):
    gateway = serve("202 Accepted")
    push_session(REPORT, checked(gateway.url))
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("500 Oh", "it answered 500"),
        ("400 Bad", "it answered 400"),
        ("302 Elsewhere", "it answered 302"),
        ("307 Elsewhere", "it answered 307"),
        ("308 Elsewhere", "it answered 308"),
        ("silence", "no answer within 0.3 s"),
        ("trickle of the status", "no answer within 0.3 s"),
        ("trickle of headers", "no answer within 0.3 s"),
        ("endless continues", "no answer within 0.3 s"),
        ("hang up", "Remote end closed connection without response"),
        ("garbage", "its answer is not HTTP"),
    ],
)
def test_what_is_no_success_is_one_line_in_time(serve, answer, reason):
    elsewhere = serve()
    gateway = serve(answer, location=elsewhere.url)
    began = time.monotonic()
    line = pushed(gateway.url + "/hidden-path")
    assert time.monotonic() - began < LIMIT + 5
    assert line == (
        f"{gateway.url}: the session's metrics were not pushed: {reason}; the session's metrics.prom holds them"
    )
    assert elsewhere.requests == []


def test_a_body_that_never_ends_is_not_waited_for(serve):
    push_session(REPORT, checked(serve("endless body").url), limit_seconds=LIMIT)


def test_nobody_there_is_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert "not pushed: Connection refused" in pushed(f"http://127.0.0.1:{taken.getsockname()[1]}")


def test_a_listener_that_accepts_nothing_is_cut(serve):
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        assert "no answer within" in pushed(f"http://127.0.0.1:{listener.getsockname()[1]}")


def test_a_slow_name_server_is_not_waited_for(serve, monkeypatch):
    gateway = serve()
    asked = socket.getaddrinfo

    def slow(*words, **more):
        gateway.over.wait(10)
        return asked(*words, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    began = time.monotonic()
    assert "no answer within" in pushed(gateway.url)
    assert time.monotonic() - began < LIMIT + 5


def test_what_is_late_is_not_sent(serve, monkeypatch):
    gateway = serve()
    connect, threads = socket.create_connection, []

    def slow(*words, **more):
        import threading

        threads.append(threading.current_thread())
        gateway.go.wait(10)
        return connect(*words, **more)

    monkeypatch.setattr(socket, "create_connection", slow)
    pushed(gateway.url)
    gateway.go.set()
    threads[0].join(10)
    assert gateway.requests == []


def test_https_to_what_speaks_plain_text_is_one_line(serve):
    assert "not pushed: [SSL" in pushed(serve("greeting").url.replace("http:", "https:"))


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"])
def test_proxies_of_the_environment_see_nothing(serve, monkeypatch, name):
    proxy, gateway = serve(), serve()
    monkeypatch.setenv(name, proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    push_session(REPORT, checked(gateway.url))
    assert (len(gateway.requests), proxy.requests) == (1, [])


BAD = [
    "127.0.0.1:9091",
    "localhost:9091",
    "ftp://host",
    "file:///etc/passwd",
    "unix:///run/x",
    "http:host",
    "http://",
    "http:///metrics",
    "http://:9091",
    "http://host:port",
    "http://host:0",
    "http://host:65536",
    "http://host:-1",
    "http://[::1",
    "http://[nonsense]:9091",
    "http://me:s3cret@host",
    "http://s3cret@host",
    "http://@host",
    "http://host?token=s3cret",
    "http://host?",
    "http://host#s3cret",
    "http://host/s3cret#",
    "http://ho st",
    " http://host",
    "http://host\n",
    "http://host\t/s3cret",
    "http://host\r\nX-Header: s3cret",
    "http://host\\@s3cret",
    "http://hö.st",
    "http://host%00",
    "http://a,b",
    "http://host\x00",
    "http://" + "h" * 254,
]


@pytest.mark.parametrize("url", BAD, ids=ascii)
def test_a_malformed_address_is_refused_and_not_repeated(url):
    with pytest.raises(StoreError) as caught:
        checked(url)
    line = str(caught.value)
    assert line.startswith("--opslab-pushgateway: the address ")
    assert line.endswith("; write it like http://127.0.0.1:9091")
    assert "s3cret" not in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9091", "https://push.example.org", "HTTP://host", "http://[::1]:9091/", "http://h_o-s.t:80/a@b"],
)
def test_an_address_is_taken_as_it_stands(url):
    assert checked(url).url == url


@given(st.text(max_size=60) | st.from_regex(r"https?://[ -~]{0,40}", fullmatch=True))
def test_any_text_is_an_address_or_one_line(url):
    try:
        place = checked(url).place
    except StoreError as error:
        place = f"http://{error}"
    assert place.lower().startswith(("http://", "https://"))
    assert "\n" not in place
    assert "@" not in place


@pytest.mark.parametrize("label", ["", " ", "a\nb", "x" * 101, "\x00", "\udfff"], ids=ascii)
def test_a_malformed_label_is_refused_by_the_name_of_its_setting(label):
    for name in ("suite", "environment"):
        with pytest.raises(StoreError, match=rf"^opslab_{name}: "):
            checked("http://host", **{name: label})
