"""``tc venue serve`` as a person or another program starts it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.venue.client import ask

from opslab.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TC = [sys.executable, "-c", "from opslab.cli.main import main; main()", "venue", "serve"]


@pytest.fixture
def served(tmp_path: Any) -> Iterator[Any]:
    """Start ``tc venue serve``; whatever a test leaves is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*_TC, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("market", "ping", "api", "how"),
    [
        ("futures", "/fapi/v1/ping", "/ws-fapi/v1", signal.SIGTERM),
        ("spot", "/api/v3/ping", "/ws-api/v3", signal.SIGINT),
    ],
)
def test_it_prints_one_line_serves_and_ends_when_told(
    served: Any, market: str, ping: str, api: str, how: signal.Signals
):
    process = served("--market", market)
    told = json.loads(process.stdout.readline())
    assert {"http", "ws", "ws_api", "ws_stream", "ctl", "token", "api_key", "api_secret"} <= set(told)
    assert ask(told["http"], "GET", ping) == (200, {})
    assert told["ws_api"].endswith(api)
    process.send_signal(how)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_its_clock_stands_still_where_it_was_told_to(served: Any):
    process = served("--market", "spot", "--hold", "--clock-start", "2023-11-14T22:13:20Z")
    told = json.loads(process.stdout.readline())
    for _ in range(2):
        assert ask(told["http"], "GET", "/api/v3/time") == (200, {"serverTime": 1_700_000_000_000})


def test_it_ends_by_itself_after_its_seconds(served: Any):
    process = served("--market", "futures", "--seconds", "0.1")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, len(out.splitlines()), err) == (0, 1, "")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--port", "{taken}"), "Address already in use"),
        (("--pace", "0"), "pace of 0"),
        (("--dataset", "nothing-like-that"), "nothing-like-that is not here"),
        (("--host", "0.0.0.0"), "not a loopback address"),
        (("--seconds", "-1"), "seconds"),
        (("--wire-log", "missing/wire.jsonl"), "cannot be created"),
        (("--wire-log", ""), "wire_path: names no file"),
        (("--clock-start", "yesterday"), "clock_start"),
        (("--clock-start", "2023-11-14T22:13:20"), "has no time zone"),
    ],
)
def test_trouble_is_one_line_and_exit_code_1(
    words: tuple[str, ...],
    told: str,
    taken: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["tc", "venue", "serve", "--market", "spot", *(one.format(taken=taken) for one in words)]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    out, err = capfd.readouterr()
    assert (stopped.value.code, out, len(err.splitlines())) == (1, "", 1), err
    assert told in err
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_is_exit_code_2(served: Any):
    process = served("--market", "options")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "Traceback" not in err
