"""What a drill on the venue costs beside a bare node, and what venues leave behind in a process that runs many.

The bare node is what NautilusTrader's documentation would write: the same Binance clients, timeouts and instrument,
built, started and stopped on a venue that runs already, without a strategy. Waiting belongs to the cost.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from decimal import Decimal
from pathlib import Path
from statistics import linear_regression
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from nautilus_trader.adapters.binance import BINANCE, BinanceLiveDataClientFactory, BinanceLiveExecClientFactory
from nautilus_trader.config import LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

from benchmarks.order_client import asked, connected, signed
from benchmarks.ratio import Ratio, interleaved, ratio
from benchmarks.still_venue import still
from opslab.contract.spec import Profile
from opslab.engine.node.loop import NodeLoop
from opslab.engine.node.profile import NODE
from opslab.engine.node.session import NodeSession
from opslab.engine.node.settings import node_config
from opslab.safety.gate import GateDecision
from opslab.venue.thread import VenueThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from nautilus_trader.model.events import OrderFilled

INSTRUMENT = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
OPEN = GateDecision(blocked=False, state="absent", decided_by=cast("Any", None), reasons=())
RUNS, SETTLED = 100, 20
PATIENCE = 20.0


class OneOrder(Strategy):  # type: ignore[misc]  # the engine ships no types
    """Buys once at the market.

    Args:
        tell: is called when the order was filled.
    """

    def __init__(self, tell: list[Callable[[], None]]) -> None:
        super().__init__()
        self._tell = tell
        self.is_filled = False

    def on_start(self) -> None:
        """Send the order."""
        instrument = self.cache.instrument(INSTRUMENT)
        self.submit_order(self.order_factory.market(INSTRUMENT, OrderSide.BUY, instrument.make_qty(Decimal("0.010"))))

    def on_order_filled(self, event: OrderFilled) -> None:  # noqa: ARG002 - the engine's signature
        """Take notice."""
        self.is_filled = True
        for tell in self._tell:
            tell()


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratios: of wall times of whole life-cycles, and of memory."""
    with VenueThread(still()) as venue:
        bare, empty = node_on(venue), TradingNodeConfig(logging=LoggingConfig(log_level="OFF"), **NODE[Profile.FAST])
        contestants = {
            "bare": lambda: run_bare(bare),
            "empty": lambda: run_bare(empty),
            "drilled": run_drilled,
        }
        seconds = interleaved(contestants, 5 if quick else 9, time.perf_counter)
    return [
        ratio("venue, node, one fill, stop / a bare node, start and stop", seconds["drilled"], seconds["bare"], 3.0),
        ratio("a bare node / one without clients", seconds["bare"], seconds["empty"], None),
        _memory(),
    ]


def node_on(venue: VenueThread) -> TradingNodeConfig:
    """Return the settings of a node on a venue that runs."""
    found, account = venue.endpoint, venue.accounts[0]
    address = SimpleNamespace(
        http=found.http,
        ws=found.ws,
        ws_api=found.ws_api,
        ws_stream=found.ws_stream,
        api_key=account.api_key,
        api_secret=account.api_secret,
    )
    return node_config(address, is_futures=True, instrument_ids=[str(INSTRUMENT)], profile=Profile.FAST)


def run_bare(config: TradingNodeConfig) -> None:
    """Start and stop a node as NautilusTrader's documentation does."""
    loop = NodeLoop()
    node = TradingNode(config=config, loop=loop)
    node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    node.build()
    loop.run_until_complete(node.kernel.start_async())
    assert node.kernel.is_running()
    loop.run_until_complete(node.stop_async())
    others = [task for task in asyncio.all_tasks(loop) if not task.done()]
    for task in others:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*others, return_exceptions=True))
    node.dispose()
    loop.close()


def run_drilled() -> None:
    """Start a venue and a node on it, wait for a fill, and stop both."""
    wakers: list[Callable[[], None]] = []
    strategy = OneOrder(wakers)
    with VenueThread(still()) as venue:
        session = NodeSession(node_on(venue), [strategy], lambda: OPEN)
        wakers.append(session.notify)
        try:
            session.start()
            assert session.pump_until(lambda: strategy.is_filled, PATIENCE), "no fill came"
            session.stop()
        finally:
            session.dispose()
        assert len(venue.call(lambda one: one.exchange.fills(one.accounts[0].name))) == 1


def _memory() -> Ratio:
    """Return how the process grew from the twentieth venue to the hundredth; each answers requests and takes orders."""
    sizes = []
    for _ in range(RUNS):
        with VenueThread(still()) as venue:
            account = venue.accounts[0]
            connection = connected(int(venue.endpoint.http.rsplit(":", 1)[1]))
            asked(connection, "GET", "/fapi/v1/exchangeInfo", account.api_key)
            for number in range(20):
                asked(connection, *signed(number, account.api_secret), account.api_key)
            connection.close()
        gc.collect()
        sizes.append(_resident())
    late = sizes[SETTLED:]
    slope = linear_regression(range(len(late)), late).slope / 1024
    detail = f"{late[0] / 2**20:.1f} MiB to {late[-1] / 2**20:.1f} MiB, {slope:+.1f} KiB a run"
    return Ratio(f"memory after {RUNS} venues in one process / after {SETTLED}", late[-1] / late[0], 1.05, detail)


def _resident() -> int:
    """Return the bytes of the process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
