"""What reading the kill switch before every order costs a live node, from its submission to the venue's acceptance.

``python -m benchmarks.door`` serves the venue of this, in a process of its own as that of ``tc run paper`` is: it says
where it is found as ``tc venue serve`` does, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
from nautilus_trader.config import LiveRiskEngineConfig
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

from benchmarks.ratio import Ratio, ratio
from benchmarks.still_venue import still
from opslab.clock import SystemClock
from opslab.contract.spec import Profile
from opslab.engine.node.session import NodeSession
from opslab.engine.node.settings import node_config
from opslab.safety.gate import GateDecision
from opslab.safety.switches import KillSwitches
from opslab.safety.watch import SETTLED_NS
from opslab.venue.orders import Market
from opslab.venue.serve import Plan, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nautilus_trader.model.events import OrderAccepted, OrderCanceled

INSTRUMENT = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
OPEN = GateDecision(blocked=False, state="absent", decided_by=cast("Any", None), reasons=())
RATE = "1000000/00:00:01"
RUN_ID = "benchmark"
PATIENCE = 60.0


class Asking:
    """Asks the switch before every second order, and takes it for open before the others.

    Args:
        read: reads the switch.
    """

    def __init__(self, read: Callable[[], GateDecision]) -> None:
        self.answers = (lambda: OPEN, read)
        self.which = 0

    def __call__(self) -> GateDecision:
        """Return the answer of the order that is under way."""
        return self.answers[self.which]()


class OneAfterTheOther(Strategy):  # type: ignore[misc]  # the engine ships no types
    """Places an order that rests and cancels it, again and again.

    Args:
        asking: is told which order is under way.
        tell: is called when a round is over.
    """

    def __init__(self, asking: Asking, tell: list[Callable[[], None]]) -> None:
        super().__init__()
        self._asking, self._tell = asking, tell
        self.left = 0
        self.seconds: tuple[list[float], list[float]] = ([], [])
        self._begun = 0.0

    def begin(self, orders: int) -> None:
        """Begin a round."""
        self.left, self.seconds = orders, ([], [])
        self._next()

    def on_order_accepted(self, event: OrderAccepted) -> None:
        """Stop the clock, and cancel."""
        self.seconds[self._asking.which].append(time.perf_counter() - self._begun)
        self.cancel_order(self.cache.order(event.client_order_id))

    def on_order_canceled(self, event: OrderCanceled) -> None:  # noqa: ARG002 - the engine's signature
        """Place the next one."""
        self.left -= 1
        if self.left:
            self._next()
        else:
            for tell in self._tell:
                tell()

    def _next(self) -> None:
        self._asking.which = self.left // 2 % 2  # two of a kind: a round has as many that follow on their own kind
        instrument = self.cache.instrument(INSTRUMENT)
        quantity, price = instrument.make_qty(Decimal("0.010")), instrument.make_price(Decimal(59_000))
        order = self.order_factory.limit(INSTRUMENT, OrderSide.BUY, quantity, price)
        self._begun = time.perf_counter()
        self.submit_order(order)


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratio of the median times from submission to acceptance."""
    rounds, orders = (5, 40) if quick else (9, 40)  # with many more the adapter's own quota spaces the requests
    with tempfile.TemporaryDirectory() as directory:
        switches = KillSwitches(Path(directory) / "switches", SystemClock())
        switches.activate(RUN_ID, "so that there is something to read", "benchmark")
        switches.clear(RUN_ID, "so that orders pass", "benchmark")
        medians = _measured(switches.watch(RUN_ID).decision, rounds, orders, settled=time.monotonic_ns() + SETTLED_NS)
    without, with_reading = ([each[which] for each in medians] for which in (0, 1))
    return [ratio("submit to accepted, switch read / not read", with_reading, without, 1.05, "ms")]


def _measured(read: Callable[[], GateDecision], rounds: int, orders: int, settled: int) -> list[list[float]]:
    """Return the medians of each round, in seconds: without reading, and with."""
    wakers: list[Callable[[], None]] = []
    asking = Asking(read)
    strategy = OneAfterTheOther(asking, wakers)
    medians: list[list[float]] = []
    with _venue() as address:
        config = node_config(address, is_futures=True, instrument_ids=[str(INSTRUMENT)], profile=Profile.FAST)
        fast = LiveRiskEngineConfig(max_order_submit_rate=RATE, max_order_modify_rate=RATE)  # by default: 100 a second
        session = NodeSession(msgspec.structs.replace(config, risk_engine=fast), [strategy], asking)
        wakers.append(session.notify)
        try:
            session.start()
            # A switch that was changed a moment ago is read from its files each time.
            session.pump_until(lambda: time.monotonic_ns() > settled, PATIENCE)
            for turn in range(rounds + 1):
                strategy.begin(orders)
                assert session.pump_until(lambda: strategy.left == 0, PATIENCE), "the venue does not accept"
                if turn:  # the first round warms up
                    medians.append([median(one) for one in strategy.seconds])
            session.stop()
        finally:
            session.dispose()
    return medians


@contextmanager
def _venue() -> Iterator[SimpleNamespace]:
    """Yield where a venue whose book stands still is found, and its keys."""
    words = [sys.executable, "-m", "benchmarks.door"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield SimpleNamespace(**json.loads(process.stdout.readline()))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(PATIENCE)


def main() -> None:
    """Serve the venue until standard input ends."""
    plan = Plan(market=Market.FUTURES, is_bound_to_parent=True)
    asyncio.run(serve(plan, still(), lambda line: print(line, flush=True)))


if __name__ == "__main__":
    main()
