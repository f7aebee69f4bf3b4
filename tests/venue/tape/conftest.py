"""What the tests of tapes share: instruments, candles on their grid, and what is heard of a tape."""

from __future__ import annotations

import asyncio
import heapq
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from opslab.contract.dataset import Instrument, InstrumentKind, VolumeUnit
from opslab.data.candles import Candles
from opslab.venue.market import TapeTrade
from opslab.venue.tape.player import Player
from opslab.venue.tape.recorded import tape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MINUTE_NS = 60_000_000_000
START_NS = 1_700_006_400_000_000_000


def make_instrument(symbol: str = "BTCUSDT", tick: str = "0.10", step: str = "0.001", **changes: Any) -> Instrument:
    fields = {
        "venue": "binance",
        "symbol": symbol,
        "kind": InstrumentKind.SPOT,
        "base": "BTC",
        "quote": "USDT",
        "price_precision": len(tick.partition(".")[2]),
        "tick_size": Decimal(tick),
        "size_precision": len(step.partition(".")[2]),
        "step_size": Decimal(step),
    }
    return Instrument(**{**fields, **changes})


def make_candles(
    rows: Sequence[tuple[int, int, int, int, int]],
    instrument: Instrument,
    *,
    interval_ns: int = MINUTE_NS,
    start_ns: int = START_NS,
    unit: VolumeUnit = VolumeUnit.BASE,
) -> Candles:
    """Candles of whole ticks and steps, as the float64 nearest to their decimals."""

    def column(index: int, step: Decimal) -> np.ndarray:
        return np.array([float(row[index] * step) for row in rows], dtype=np.float64)

    tick, step = instrument.tick_size, instrument.step_size
    return Candles(
        ts_close_ns=np.array([start_ns + interval_ns * (n + 1) for n in range(len(rows))], dtype=np.uint64),
        open=column(0, tick),
        high=column(1, tick),
        low=column(2, tick),
        close=column(3, tick),
        volume=column(4, step),
        interval_ns=interval_ns,
        volume_unit=unit,
    )


class FakeLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next timer when nothing else is to do: no test waits."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0]._when)
        super()._run_once()


@pytest.fixture
def run() -> Callable[[Any], Any]:
    """Run a coroutine on a loop with its own time; ``run.loop`` is that loop."""
    with asyncio.Runner(loop_factory=FakeLoop) as runner:

        def call(coroutine: Any) -> Any:
            return runner.run(coroutine)

        call.loop = runner.get_loop()
        yield call


VENUE_NOW_MS = 1_800_000_000_000


def trades(*times_ms):
    return tape_of([TapeTrade("BTCUSDT", t, Decimal(n + 1), Decimal(1), False) for n, t in enumerate(times_ms)])


class Stage:
    """A player and what its sink heard, with the loop's time."""

    def __init__(self, loop, tape, pace=1.0, sink=None):
        self.loop, self.heard, self.offset_ms = loop, [], 0
        self.begin = loop.time()
        self.player = Player(tape, sink or self.take, self.now_ms, pace=pace)

    def now_ms(self):
        return VENUE_NOW_MS + round((self.loop.time() - self.begin) * 1000) + self.offset_ms

    def take(self, event):
        self.heard.append((round((self.loop.time() - self.begin) * 1000), event))
