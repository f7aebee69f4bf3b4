"""The Redis server of a drill: on loopback, with nothing on disk, and gone afterwards; or one line that says why not."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.errors import DrillError
from opslab.runs import redis_server
from opslab.runs.redis_server import PROGRAM, RedisServer, redis_program

needs_redis = pytest.mark.skipif(redis_program() is None, reason=f"no {PROGRAM} on the PATH (Debian: redis-server)")


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a script in the place of the server's program."""

    def put(script: str) -> None:
        path = tmp_path / PROGRAM
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return put


def test_without_the_program_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DrillError, match="no redis-server on the PATH; install it"):
        RedisServer().start()


@pytest.mark.parametrize(("script", "told"), [("echo out of memory; exit 1", "out of memory"), ("exit 0", "at once")])
def test_one_that_does_not_serve_is_told_in_its_own_words(program, script, told):
    program(script)
    server = RedisServer()
    with pytest.raises(DrillError, match=told):
        server.start()
    assert server.port == 0


def test_it_is_started_on_loopback_and_saves_nothing(program, tmp_path):
    program(f'printf "%s\\n" "$@" > {tmp_path}/words; echo "* Ready to accept connections"; exec sleep 60')
    with RedisServer() as server:
        words = (tmp_path / "words").read_text().split("\n")
        told = dict(zip(words[::2], words[1::2], strict=False))
        assert (told["--bind"], told["--port"], told["--appendonly"]) == ("127.0.0.1", str(server.port), "no")
        directory = Path(told["--dir"])
        assert directory.is_dir()
    assert not directory.exists()


def _answering(content: bytes) -> RedisServer:
    """Return a server whose place is taken by one that gives this answer once."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with listening, listening.accept()[0] as peer:
            peer.recv(1024)
            peer.sendall(content)

    threading.Thread(target=answer, daemon=True).start()
    server = RedisServer()
    server.port = listening.getsockname()[1]
    return server


def test_keys_are_read_from_the_protocol():
    assert _answering(b"*2\r\n$3\r\nb:1\r\n$1\r\na\r\n").keys() == ["a", "b:1"]
    assert _answering(b"*0\r\n").keys() == []


@pytest.mark.parametrize("content", [b"", b"-ERR no\r\n", b"*2\r\n$1\r\na\r\n", b"*x\r\n", b"\xff\r\n"], ids=repr)
def test_another_answer_is_one_line(content):
    with pytest.raises(DrillError, match="does not answer"):
        _answering(content).keys()


@given(st.binary(max_size=20))
def test_a_length_is_a_number_or_refused(line):
    try:
        assert isinstance(redis_server._length(line, b"*"), int)
    except ValueError:
        assert not (line[:1] == b"*" and line[1:].strip().isdigit())


@needs_redis
def test_a_real_server_is_empty_and_ends():
    with RedisServer() as server:
        assert server.keys() == []
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
            connection.sendall(b"SET trader:x 1\r\n")
            connection.recv(64)
        assert server.keys("trader:*") == ["trader:x"]
    with pytest.raises(DrillError, match="does not answer"):
        server.keys()
