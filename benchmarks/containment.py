"""How soon a venue is empty after its kill switch was pulled, beside ``market_exit`` on the same node.

Each round has RESTING orders and a position. The pull is timed from the write of the switch's state file,
``market_exit`` from its call. Both end when the venue's own books are flat.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from nautilus_trader.config import LiveRiskEngineConfig
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

from benchmarks.ratio import Ratio, ratio
from benchmarks.still_venue import still
from opslab.clock import SystemClock
from opslab.contract.spec import Profile
from opslab.engine.guards.containment import Containment
from opslab.engine.node.session import NodeSession
from opslab.engine.node.settings import node_config
from opslab.runs.venue_host import ThreadHost
from opslab.safety.switches import KillSwitches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opslab.venue.thread import VenueThread

INSTRUMENT = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
RESTING = 50
RATE = "1000000/00:00:01"
RUN_ID = "benchmark"
PATIENCE = 30.0


class Loaded(Strategy):  # type: ignore[misc]  # the engine ships no types
    """Takes a position and lets orders rest, when it is told to."""

    def load(self) -> None:
        """Do so."""
        instrument = self.cache.instrument(INSTRUMENT)
        self.submit_order(self.order_factory.market(INSTRUMENT, OrderSide.BUY, instrument.make_qty(Decimal("0.010"))))
        for number in range(RESTING):
            price = instrument.make_price(Decimal(30_000 + number))
            quantity = instrument.make_qty(Decimal("0.010"))
            self.submit_order(self.order_factory.limit(INSTRUMENT, OrderSide.BUY, quantity, price))

    def is_loaded(self) -> bool:
        """Whether everything rests, and the position is there."""
        waiting, held = self.cache.orders_open_count(), self.cache.positions_open_count()
        return bool(waiting == RESTING and held == 1 and not self.cache.orders_inflight_count())


class Books:
    """Tells when the venue's books are flat.

    Args:
        venue: the venue.
        account: the ledger's name of the account.
    """

    def __init__(self, venue: VenueThread, account: str) -> None:
        self._account, self.flat_at = account, 0
        venue.call(self._listen)

    def _listen(self, venue: Any) -> None:
        exchange = venue.exchange

        def changed(_event: object) -> None:
            held = exchange.account(self._account).positions
            if not exchange.open_orders(self._account) and not any(one.amount for one in held):
                self.flat_at = self.flat_at or time.time_ns()

        exchange.on_ledger(changed)


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratio of the times from the order to be flat until the venue's books are."""
    rounds = 5 if quick else 15
    with tempfile.TemporaryDirectory() as directory:
        switches = KillSwitches(Path(directory) / "switches", SystemClock())
        with _puller(switches) as pull:
            pulls, exits = _measured(switches, pull, rounds)
    return [ratio(f"venue flat with {RESTING} orders and a position, pull / market_exit", pulls, exits, 3.0, "ms")]


def _measured(
    switches: KillSwitches, pull: Callable[[], Callable[[], int]], rounds: int
) -> tuple[list[float], list[float]]:
    """Return the seconds of each round: of the pull, and of ``market_exit``."""
    host, strategy = ThreadHost(still()), Loaded()
    address = host.start()
    books = Books(host.venue, address.account)
    config = node_config(address, is_futures=True, instrument_ids=[str(INSTRUMENT)], profile=Profile.FAST)
    fast = LiveRiskEngineConfig(max_order_submit_rate=RATE, max_order_modify_rate=RATE)
    config = msgspec.structs.replace(config, risk_engine=fast)
    session = NodeSession(
        config, [strategy], switches.watch(RUN_ID).decision, guards=[Containment(Profile.FAST)]
    )  # fmt: skip
    seconds: tuple[list[float], list[float]] = ([], [])
    try:
        session.start()
        for turn in range(rounds + 1):
            for which in (0, 1) if turn % 2 else (1, 0):
                taken = _round(session, strategy, books, _exit(strategy) if which else pull)
                if not which:
                    switches.clear(RUN_ID, "the next round", "benchmark")
                if turn:  # the first round warms up
                    seconds[which].append(taken)
                _wait(session, lambda: not switches.gate(RUN_ID).blocked and _is_active(session))
        session.stop()
    finally:
        session.dispose()
        host.stop()
    return seconds


def _round(session: NodeSession, strategy: Loaded, books: Books, act: Callable[[], Callable[[], int]]) -> float:
    """Load the strategy, act, and return the seconds from what ``act`` tells until the books are flat."""
    _wait(session, lambda: not strategy.is_exiting())
    strategy.load()
    _wait(session, strategy.is_loaded)
    books.flat_at = 0
    begun = act()
    _wait(session, lambda: books.flat_at and not strategy.cache.orders_open_count())
    _wait(session, lambda: not strategy.cache.positions_open_count())
    return (books.flat_at - begun()) / 1e9


def _exit(strategy: Loaded) -> Callable[[], Callable[[], int]]:
    """Return what calls ``market_exit``, and tells when."""

    def leave() -> Callable[[], int]:
        begun = time.time_ns()
        strategy.market_exit()
        return lambda: begun

    return leave


@contextmanager
def _puller(switches: KillSwitches) -> Iterator[Callable[[], Callable[[], int]]]:
    """Yield what pulls the switch from another process, as ``tc kill`` does.

    It tells when the state file was written, in Unix ns, once it was.
    """
    words = [sys.executable, "-m", "benchmarks.containment", str(switches.root)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        asked, told = process.stdin, process.stdout
        assert asked is not None
        assert told is not None
        told.readline()  # it is ready

        def pull() -> Callable[[], int]:
            asked.write(b"\n")
            asked.flush()
            return lambda: int(told.readline())

        try:
            yield pull
        finally:
            asked.close()
            process.wait(PATIENCE)


def _is_active(session: NodeSession) -> bool:
    return bool(session.node.kernel.risk_engine.trading_state.name == "ACTIVE")


def _wait(session: NodeSession, condition: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        with contextlib.suppress(TimeoutError):
            session.pump(0.005)
        if time.monotonic() > ends:
            raise TimeoutError("the round did not come to its end")


def main(words: list[str]) -> None:
    """Activate the switch at every line of standard input, and print when its state file was written."""
    switches = KillSwitches(Path(words[0]), SystemClock())
    print("ready", flush=True)
    for _ in sys.stdin:
        switches.activate(RUN_ID, "benchmark", "nobody")
        print((switches.root / f"{RUN_ID}.state.json").stat().st_mtime_ns, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
