"""How fast market data leave the venue, beside how fast a node takes them in: it must never be the venue that is late.

The same quotes, each a ``bookTicker`` message, leave a venue in a process of its own: once for a client that does
nothing but count them, once for a NautilusTrader node with a strategy that counts what reaches it. The clock of the
counting client starts before the venue is told to play, the node's with the second quote that reaches its strategy.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

from benchmarks.ratio import Ratio, ratio
from opslab.contract.spec import Profile
from opslab.engine.node.session import NodeSession
from opslab.engine.node.settings import node_config
from opslab.safety.gate import GateDecision
from opslab.venue.control_client import ControlClient
from opslab.venue.setup import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nautilus_trader.model.data import QuoteTick

INSTRUMENT = "BTCUSDT-PERP.BINANCE"
MARK = b'"e":"bookTicker"'
PATIENCE = 60.0
OPEN = GateDecision(blocked=False, state="absent", decided_by=cast("Any", None), reasons=())
HANDSHAKE = (
    b"GET /ws/btcusdt@bookTicker HTTP/1.1\r\nHost: venue\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class CountingStrategy(Strategy):  # type: ignore[misc]  # the engine ships no types
    """Counts quotes, and knows when the second and the last of them came.

    Args:
        wanted: the last one's number.
        tell: is called when it came.
    """

    def __init__(self, wanted: int, tell: list[Callable[[], None]]) -> None:
        super().__init__()
        self._wanted, self._tell = wanted, tell
        self.seen, self.begun, self.ended = 0, 0.0, 0.0

    def on_start(self) -> None:
        """Subscribe."""
        self.subscribe_quote_ticks(InstrumentId.from_str(INSTRUMENT))

    def on_quote_tick(self, tick: QuoteTick) -> None:  # noqa: ARG002 - the engine's signature
        """Count."""
        self.seen += 1
        if self.seen == 2:
            self.begun = time.perf_counter()
        elif self.seen == self._wanted:
            self.ended = time.perf_counter()
        if self.seen in (1, self._wanted):
            for tell in self._tell:
                tell()


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratio of the seconds that the same messages take."""
    messages, rounds = (20_000, 3) if quick else (30_000, 4)
    sent, taken = [], []
    for _ in range(rounds):
        with _venue(messages) as found:
            sent.append(_counted(found, messages))
        with _venue(messages) as found:
            taken.append(_taken_in(found, messages))
    return [ratio(f"{messages:,} quotes: leaving the venue / taken in by a node", sent, taken, 0.5)]


@contextmanager
def _venue(messages: int) -> Iterator[SimpleNamespace]:
    """Yield where a venue that is held before its quotes is found."""
    words = [sys.executable, "-m", "benchmarks.still_venue", str(messages)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield SimpleNamespace(**json.loads(process.stdout.readline()))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(PATIENCE)


def _tape(found: SimpleNamespace, **command: Any) -> None:
    names = ("market", "http", "ws", "ws_api", "ws_stream", "ctl", "token")
    ControlClient(Endpoint(**{name: getattr(found, name) for name in names})).post("tape", **command)


def _counted(found: SimpleNamespace, messages: int) -> float:
    """Return the seconds from the request to play to the last message, at a client that only counts."""
    with socket.create_connection(("127.0.0.1", int(found.http.rsplit(":", 1)[1])), PATIENCE) as client:
        client.sendall(HANDSHAKE)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += client.recv(1 << 12)
        _tape(found, do="step", count=1)
        seen, rest = _read(client, b"")
        assert seen == 1, seen
        begun = time.perf_counter()
        _tape(found, do="resume")
        while seen < messages:
            count, rest = _read(client, rest)
            seen += count
        return time.perf_counter() - begun


def _read(client: socket.socket, rest: bytes) -> tuple[int, bytes]:
    """Return how many messages came, and the bytes in which the next one may have begun."""
    content = client.recv(1 << 18)
    if not content:
        raise SystemExit("the venue ended the connection")
    content = rest + content
    end = content.rfind(MARK) + len(MARK) if MARK in content else 0
    return content.count(MARK), content[max(end, len(content) - len(MARK) + 1) :]


def _taken_in(found: SimpleNamespace, messages: int) -> float:
    """Return the seconds from the second quote to the last, at a node's strategy."""
    wakers: list[Callable[[], None]] = []
    strategy = CountingStrategy(messages, wakers)
    config = node_config(found, is_futures=True, instrument_ids=[INSTRUMENT], profile=Profile.FAST)
    session = NodeSession(config, [strategy], lambda: OPEN)
    wakers.append(session.notify)
    try:
        session.start()
        session.pump_until(lambda: False, 0.5)  # the subscription is on its way
        _tape(found, do="step", count=1)
        assert session.pump_until(lambda: strategy.seen == 1, PATIENCE), "no quote came"
        _tape(found, do="resume")
        assert session.pump_until(lambda: strategy.seen == messages, PATIENCE), f"{strategy.seen} of {messages} came"
        session.stop()
    finally:
        session.dispose()
    return strategy.ended - strategy.begun
