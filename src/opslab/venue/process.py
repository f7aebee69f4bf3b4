"""A venue as a child process: it stays alive when the node is stopped, hangs or is killed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import fields
from typing import IO, TYPE_CHECKING, Self

from opslab.errors import VenueError, one_line
from opslab.venue.control_client import ControlClient
from opslab.venue.setup import Endpoint

if TYPE_CHECKING:
    from types import TracebackType

    from opslab.venue.serve import Plan

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_MAX_LINE = 1 << 16


class VenueProcess:
    """Runs a venue in a process of its own.

    Args:
        plan: what it serves; the keys go to the child through a pipe only.
        outlives_parent: it stays when this process ends; otherwise it dies with it, however it ends.

    Attributes:
        api_key: of the first account.
        api_secret: of the first account.
    """

    def __init__(self, plan: Plan, *, outlives_parent: bool = False) -> None:
        self._plan = plan.model_copy(update={"is_bound_to_parent": not outlives_parent})
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: Endpoint | None = None
        self._errors: IO[bytes] | None = None
        self._words: str | None = None
        self.api_key = self.api_secret = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id, for signals of a drill."""
        return self._running.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def endpoint(self) -> Endpoint:
        """Where the venue is found.

        Raises:
            VenueError: it was not started.
        """
        if self._endpoint is None:
            raise VenueError("the venue was not started", fix="start it first")
        return self._endpoint

    @property
    def control(self) -> ControlClient:
        """Asks the venue's control door."""
        return ControlClient(self.endpoint)

    def start(self) -> Endpoint:
        """Start the process and return where the venue is found.

        Raises:
            VenueError: it ended, or said nothing in time; with its own last words.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop; a pipe would fill up
        self._process = subprocess.Popen(
            [sys.executable, "-m", "opslab.venue.serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        try:
            self._send(self._plan.model_dump_json().encode() + b"\n")
            told = json.loads(self._first_line())
            self._endpoint = Endpoint(**{one.name: told[one.name] for one in fields(Endpoint)})
            self.api_key, self.api_secret = told["api_key"], told["api_secret"]
        except (OSError, ValueError, KeyError, VenueError) as error:
            words = self._last_words()
            self.stop()
            if isinstance(error, VenueError) and not words:
                raise
            raise VenueError(words or f"said nothing that can be used: {error}", where="venue process") from error
        return self._endpoint

    def stop(self) -> int | None:
        """End the process, first with SIGTERM, then with SIGKILL; returns its exit code, None when it never ran."""
        process = self._process
        if process is None:
            return None
        if self._words is not None:
            return process.returncode
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._words = self._last_words()
        for pipe in (process.stdin, process.stdout, self._errors):
            if pipe is not None:
                pipe.close()
        return process.returncode

    @property
    def death(self) -> str | None:
        """How the process ended, if it ended otherwise than well, with its last words; None else."""
        code = None if self._process is None else self._process.poll()
        if not code:
            return None if code is None or self._words is not None else "ended by itself"
        how = f"ended by signal {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        words = self._last_words() if self._words is None else self._words
        return f"{how}: {words}" if words else how

    def facts(self) -> dict[str, str | int]:
        """Return what a bundle may hold of it: where it is found and its process id, never its keys."""
        return {**self.endpoint.facts(), "pid": self.pid}

    def wait(self, seconds: float) -> int:
        """Return the exit code once the process has ended by itself.

        Raises:
            VenueError: it did not end in time.
        """
        try:
            return self._running.wait(seconds)
        except subprocess.TimeoutExpired:
            raise VenueError(f"still runs after {seconds:g} s", where="venue process") from None

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise VenueError("the venue was not started", fix="start it first")
        return self._process

    def _send(self, line: bytes) -> None:
        stdin = self._running.stdin
        if stdin is not None:
            stdin.write(line)
            stdin.flush()

    def _first_line(self) -> bytes:
        stdout = self._running.stdout
        if stdout is None:
            return b""
        content, until = b"", time.monotonic() + _START_SECONDS
        while b"\n" not in content:
            ready, _, _ = select.select([stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise VenueError(f"said nothing within {_START_SECONDS:g} s", where="venue process")
            chunk = os.read(stdout.fileno(), _MAX_LINE)
            if not chunk:
                self._running.wait(_STOP_SECONDS)
                raise VenueError("ended before it served", where="venue process")
            content += chunk
        return content

    def _last_words(self) -> str:
        """Return the last line of the child's standard error."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read(_MAX_LINE).decode(errors="replace").strip().splitlines()
        return one_line(lines[-1].removeprefix("error: ")) if lines else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
