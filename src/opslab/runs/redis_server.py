"""A Redis server of a drill's own, on a free port of loopback: a node's cache that outlives the node, and no file."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from typing import TYPE_CHECKING, Self

from opslab.errors import DrillError, one_line

if TYPE_CHECKING:
    from types import TracebackType

PROGRAM = "redis-server"
_TRIES = 5
_READY = b"Ready to accept connections"
_STOP_SECONDS = 5.0
_ANSWER_SECONDS = 5.0


def redis_program() -> str | None:
    """Return the path of the server's program; None where there is none."""
    return shutil.which(PROGRAM)


class RedisServer:
    """A server with an empty database that dies with this process.

    It keeps nothing on disk: what is in it lives as long as it does, longer than any node of the drill.

    Attributes:
        port: where it is, on 127.0.0.1; 0 before it is started.
    """

    def __init__(self) -> None:
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> int:
        """Start it and return its port.

        Raises:
            DrillError: there is no such program, or it does not serve; with its own last words.
        """
        program = redis_program()
        if program is None:
            raise DrillError(f"no {PROGRAM} on the PATH", fix="install it (Debian: redis-server)")
        self._directory = tempfile.TemporaryDirectory(prefix="opslab-redis-", ignore_cleanup_errors=True)
        words = ""
        for _ in range(_TRIES):  # somebody else may take the port in between
            port = _free_port()
            self._process = subprocess.Popen(  # noqa: S603 - a program on the PATH, no word of it from outside
                [*_dying_with_parent(), program, *_settings(port, self._directory.name)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            words = self._await_ready()
            if not words:
                self.port = port
                return port
            self._end()
        self.stop()
        raise DrillError(f"{PROGRAM} does not serve: {words}", where=program, fix="start it by hand and see")

    def stop(self) -> None:
        """End it; what it held is gone."""
        self._end()
        if self._directory is not None:
            self._directory.cleanup()

    def keys(self, pattern: str = "*") -> list[str]:
        """Return the names of the keys that match a pattern, sorted.

        Args:
            pattern: as of Redis' KEYS: ``*:positions:*``; no blanks.

        Raises:
            DrillError: it does not answer.
        """
        try:
            with socket.create_connection(("127.0.0.1", self.port), _ANSWER_SECONDS) as connection:
                connection.sendall(f"KEYS {pattern}\r\n".encode())
                with connection.makefile("rb") as answer:
                    count = _length(answer.readline(), b"*")
                    return sorted(_bulk(answer.readline(), answer.readline()) for _ in range(count))
        except (OSError, ValueError) as error:
            raise DrillError(f"{PROGRAM} does not answer: {one_line(error)}", where=f"127.0.0.1:{self.port}") from error

    def _await_ready(self) -> str:
        """Return nothing once it serves, else its last words."""
        last = "it ended at once"
        if self._process is not None and self._process.stdout is not None:
            for line in self._process.stdout:
                if _READY in line:
                    return ""
                last = line.decode(errors="replace").strip() or last
        return one_line(last)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _settings(port: int, directory: str) -> list[str]:
    """Return the server's settings: on loopback only, nothing saved. Source: redis.conf of Redis 7."""
    return [
        *("--port", str(port), "--bind", "127.0.0.1", "--dir", directory),
        *("--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", ""),
    ]


def _dying_with_parent() -> list[str]:
    """Return what starts a program that dies with this process, however that ends (setpriv(1) of util-linux)."""
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", "KILL", "--"] if found else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _length(line: bytes, mark: bytes) -> int:
    """Return the number in a line of the Redis protocol (RESP2), such as ``*3`` or ``$12``."""
    if not line.startswith(mark):
        raise ValueError(line.decode(errors="replace").strip() or "it hung up")
    return int(line[1:])


def _bulk(head: bytes, body: bytes) -> str:
    return body[: _length(head, b"$")].decode()
