"""A machine that runs out of something: the venue says so once, and never goes on without its witness."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import resource
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from tests.venue.client import ask

from opslab.errors import OpsLabError
from opslab.venue.episodes import QUIET_SECONDS, Episodes
from opslab.venue.orders import Market
from opslab.venue.process import VenueProcess
from opslab.venue.serve import Plan
from opslab.venue.wire import WireRecord
from opslab.venue.wire_file import WireFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TC = [sys.executable, "-c", "from opslab.cli.main import main; main()", "venue", "serve", "--market", "futures"]
_SMALL_FILE = 20_000


@contextlib.contextmanager
def served(limit: int, value: int, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Serve, then under a limit of the system (``resource``); whatever a test leaves is ended."""
    process = subprocess.Popen([*_TC, "--hold", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        resource.prlimit(process.pid, limit, (value, value))
        yield process, told
    finally:
        process.kill()
        process.communicate()


def test_a_wire_log_that_cannot_grow_ends_the_venue_and_stays_whole(tmp_path: Path):
    path = tmp_path / "wire.jsonl"
    with served(resource.RLIMIT_FSIZE, _SMALL_FILE, "--wire-log", str(path)) as (process, told):
        with contextlib.suppress(OSError):
            for _ in range(500):
                ask(told["http"], "GET", "/fapi/v1/time")
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert len(err.splitlines()) == 2, err
    at_once, last_words = err.splitlines()
    assert at_once.startswith("the venue ends: ")
    assert last_words == f"error: {path}: cannot be written: File too large; check space and rights"
    content = path.read_bytes()
    assert content.endswith(b"\n")
    assert _SMALL_FILE - 4096 < len(content) <= _SMALL_FILE
    assert [json.loads(line)["seq"] for line in content.splitlines()] == list(range(1, content.count(b"\n") + 1))


def test_the_last_words_are_those_of_the_process(tmp_path: Path):
    path = tmp_path / "wire.jsonl"
    with VenueProcess(Plan(market=Market.FUTURES, wire_path=path, is_held=True)) as venue:
        resource.prlimit(venue.pid, resource.RLIMIT_FSIZE, (_SMALL_FILE, _SMALL_FILE))
        with contextlib.suppress(OSError):
            for _ in range(500):
                ask(venue.endpoint.http, "GET", "/fapi/v1/time")
        assert venue.wait(10) == 1
        assert str(venue.death).startswith(f"ended with exit code 1: {path}: cannot be written: File too large")


@pytest.mark.parametrize(
    ("content", "whole"),
    [(b"", b""), (b"{}\n", b"{}\n"), (b"{}\n{", b"{}\n"), (b"{", b""), (b"{}\n" + b"x" * 200_000, b"{}\n")],
)
def test_an_unfinished_line_is_cut_off(content: bytes, whole: bytes, tmp_path: Path):
    file = WireFile(tmp_path / "wire.jsonl")
    (tmp_path / "wire.jsonl").write_bytes(content)
    file.abandon()
    assert (tmp_path / "wire.jsonl").read_bytes() == whole


def test_a_file_that_is_gone_is_abandoned_without_a_word(tmp_path: Path):
    file = WireFile(tmp_path / "wire.jsonl")
    file.write(WireRecord(1, 1, "in", {}))
    (tmp_path / "wire.jsonl").unlink()
    file.abandon()
    assert list(tmp_path.iterdir()) == [], "it is not made again"


def test_without_file_descriptors_an_episode_is_one_record():
    with served(resource.RLIMIT_NOFILE, 40) as (process, told):
        place = urlsplit(told["http"])
        known = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
        headers = {"X-Opslab-Token": told["token"]}

        def errors() -> list[str]:
            known.request("GET", "/ctl/wire?since=0", headers=headers)
            records = json.loads(known.getresponse().read())["records"]
            return [one["facts"]["message"] for one in records if one["kind"] == "error"]

        assert errors() == []
        with contextlib.ExitStack() as held:
            for _ in range(60):
                held.enter_context(socket.create_connection((place.hostname, place.port)))
            errors()  # an answer comes a turn of the venue's loop after the connections
            assert errors() == ["[Errno 24] Too many open files"]
        assert ask(told["http"], "GET", "/fapi/v1/ping") == (200, {})
        assert errors() == ["[Errno 24] Too many open files"]
        known.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_every_other_error_is_news_and_a_lack_is_news_again_after_a_while():
    now = [0.0]
    episodes = Episodes(lambda: now[0])
    lack: Callable[[], OSError] = lambda: OSError(errno.EMFILE, "Too many open files")  # noqa: E731 - one line
    assert [episodes.begins_with(lack()) for _ in range(1000)] == [True] + [False] * 999
    assert [episodes.begins_with(error) for error in (OSError(errno.ENOMEM, ""), ValueError(), OpsLabError("x"))] == [
        True
    ] * 3
    for _ in range(5):
        now[0] += QUIET_SECONDS / 2
        assert not episodes.begins_with(lack())
    now[0] += QUIET_SECONDS * 2
    assert episodes.begins_with(lack())
