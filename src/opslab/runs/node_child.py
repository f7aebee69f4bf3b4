"""The process that a node lives in: its pipes, its messages, its signals. Signals go to its own process id only."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any

from opslab.contract.encoding import compact_json
from opslab.errors import EngineError, one_line

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.engine.node.live import NodeOrder
    from opslab.runs.venue_host import NodeAddress

_LAST_WORDS = 1 << 14
_WAIT_SECONDS = 10.0


class NodeChild:
    """One process with one node.

    Args:
        order: what it runs, as JSON types; it goes through a pipe only, since it holds keys.

    Attributes:
        sent: the last signal that it was sent.
        is_closed: whether its pipes were freed.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self.sent: signal.Signals | None = None
        self.is_closed = False
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close; a pipe would fill up
        self._process = subprocess.Popen(
            [sys.executable, "-m", "opslab.engine.node.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="opslab-node", daemon=True)
        self._reader.start()
        self.send(order)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it lives; the negative number of the signal that killed it."""
        return self._process.poll()

    @property
    def how(self) -> str:
        """How it ended: by which signal, or with which exit code."""
        code = self.exit_code
        return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"

    def send(self, message: dict[str, Any]) -> None:
        """Write a line to it; one that is gone hears nothing."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError, ValueError):
                self._process.stdin.write(compact_json(message).encode() + b"\n")
                self._process.stdin.flush()

    def messages(self, seconds: float) -> list[dict[str, Any]]:
        """Return every whole message that came; waits at most ``seconds`` for the first, not at all for one gone."""
        found: list[dict[str, Any]] = []
        with contextlib.suppress(queue.Empty):
            found += _message(self._lines.get(timeout=seconds) if seconds else self._lines.get_nowait())
            while True:
                found += _message(self._lines.get_nowait())
        return found

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process is gone."""
        self.sent = number
        self._process.send_signal(number)

    def freeze(self) -> None:
        """Send SIGSTOP, and wait until the kernel says that the process stands still.

        Raises:
            EngineError: it is gone.
        """
        self.send_signal(signal.SIGSTOP)
        found = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if found is None or found.si_code != os.CLD_STOPPED:
            raise EngineError("the node is gone", where=f"process {self.pid}", fix="start it first")

    def kill(self) -> None:
        """End it with SIGKILL, if it lives, and wait for its last messages."""
        if self.exit_code is None:
            self.send_signal(signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = _WAIT_SECONDS) -> None:
        """Wait until it ended by itself and its last message is there.

        Raises:
            EngineError: it did not end in time.
        """
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise EngineError(f"still runs after {seconds:g} s", where=f"process {self.pid}") from None
        self._reader.join(_WAIT_SECONDS)

    def close(self) -> None:
        """Free the pipes of a process that is gone."""
        self.is_closed = True
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def last_words(self) -> str:
        """Return the last line that it wrote to standard error."""
        if self._errors.closed:
            return ""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _LAST_WORDS))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return one_line(lines[-1]) if lines else ""

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(b"")  # wakes whoever waits: nothing more will come


def child_order(address: NodeAddress, order: NodeOrder, switches: Path, run_id: str) -> dict[str, Any]:
    """Return what a child is told, as ``engine.node.child.ChildOrder`` reads it.

    Args:
        address: the venue, the keys included.
        order: what the node is asked to run.
        switches: root of the kill switches that are asked.
        run_id: the run's effective id.

    Raises:
        EngineError: the strategy's factory cannot be imported by another process.
    """
    if order.own is not None and (":" not in order.own.name or "<" in order.own.name):
        fix = "name it as package.module:function"
        raise EngineError("cannot be built by another process", where=f"node {order.own.name}", fix=fix)
    factory, context = order.factory, order.context
    module, name = getattr(factory, "__module__", ""), getattr(factory, "__qualname__", "<none>")
    if "<" in name or module in ("", "__main__"):
        fix = "register the strategy as 'module:function'"
        raise EngineError(f"strategy factory {name} cannot be imported by another process", fix=fix)
    return {
        **{name: getattr(address, name) for name in ("http", "ws", "ws_api", "ws_stream", "api_key", "api_secret")},
        "strategy": f"{module}:{name}",
        "instruments": context.instruments,
        "bar_types": context.bar_types,
        "seed": context.seed,
        "params": dict(context.params),
        "is_futures": order.is_futures,
        "profile": order.profile,
        "limits": order.limits.model_dump(mode="json") if order.limits else None,
        "switches": str(switches),
        "run_id": run_id,
        "own": order.own.name if order.own else None,
        "redis_port": order.redis_port,
        "engine": dict(order.engine),
        "guards": order.guards,
        "on_kill": order.on_kill,
        "on_stop": order.on_stop,
        "keep": {asset: f"{amount:f}" for asset, amount in order.keep.items()},
        "dead_man_seconds": order.dead_man_seconds,
        "intents": str(order.intents) if order.intents else None,
        "import_paths": sys.path,
    }


def _message(line: bytes) -> list[dict[str, Any]]:
    """Return the message of a line; a killed process may leave half of one."""
    try:
        return [json.loads(line)]
    except ValueError:
        return []
