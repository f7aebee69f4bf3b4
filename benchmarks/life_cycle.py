"""What a drill on the venue costs beside a bare node, and what drills leave behind in a process that runs many.

The drill is what the fixture ``paper`` gives: a venue with a wire file, a node with its doors, a bundle with journal,
event stream, views and manifest, one order that fills, and a check of the views. The bare node is what NautilusTrader's
documentation would write: the same Binance clients, timeouts and instrument, built, started and stopped on a venue that
runs already, without a strategy. Waiting belongs to the cost.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
from pathlib import Path
from statistics import linear_regression
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nautilus_trader.adapters.binance import BINANCE, BinanceLiveDataClientFactory, BinanceLiveExecClientFactory
from nautilus_trader.config import LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.identifiers import InstrumentId

from benchmarks.ratio import Ratio, interleaved, ratio
from benchmarks.still_venue import still
from opslab.clock import SystemClock
from opslab.contract.drill import Phase, Result
from opslab.contract.spec import Profile
from opslab.contract.spec_file import read_spec
from opslab.drill.checks import find_check
from opslab.engine.node.loop import NodeLoop
from opslab.engine.node.profile import NODE
from opslab.engine.node.settings import node_config
from opslab.engine.registry import standard_registry
from opslab.root import MARKER_FILE, find_lab
from opslab.runs.rehearsal import Rehearsal, prepare_samples
from opslab.runs.sessions import SessionIds
from opslab.samples import paper_spec
from opslab.venue.thread import VenueThread

if TYPE_CHECKING:
    from collections.abc import Callable

INSTRUMENT = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
RUNS, QUICK_RUNS = 100, 30


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratios: of wall times of whole life-cycles, and of memory."""
    with VenueThread(still()) as venue, tempfile.TemporaryDirectory() as directory:
        bare, empty = node_on(venue), TradingNodeConfig(logging=LoggingConfig(log_level="OFF"), **NODE[Profile.FAST])
        rehearsal = rehearsal_in(Path(directory))
        contestants = {
            "bare": lambda: run_bare(bare),
            "empty": lambda: run_bare(empty),
            "drilled": lambda: run_drill(rehearsal),
        }
        seconds = interleaved(contestants, 5 if quick else 9, time.perf_counter)
        runs = QUICK_RUNS if quick else RUNS
        memory = [
            _memory(f"{runs} drills", runs, lambda: run_drill(rehearsal), 1.05),
            _memory(f"{runs} bare nodes", runs, lambda: run_bare(bare), None),
        ]
    return [
        ratio("a drill with one fill / a bare node, start and stop", seconds["drilled"], seconds["bare"], 3.0),
        ratio("a bare node / one without clients", seconds["bare"], seconds["empty"], None),
        *memory,
    ]


def rehearsal_in(directory: Path) -> Rehearsal:
    """Return what drills of a new lab run with; its dataset is installed."""
    (directory / MARKER_FILE).touch()
    lab = find_lab(directory, {}, [directory])
    prepare_samples(lab, read_spec(paper_spec()).spec)
    return Rehearsal(lab, SessionIds("20260101t000000z-0000"), standard_registry(), SystemClock())


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


def run_drill(rehearsal: Rehearsal) -> None:
    """Start a paper run as a drill does, fill an order, hold that the views agree, and seal the bundle."""
    paper = rehearsal.begin(read_spec(paper_spec()))
    order = paper.buy_market("0.010")
    paper.until_status(order, "FILLED")
    history = rehearsal.history({})
    finding = find_check("views.agree").ask(history, None, Phase.VERIFY)
    assert finding.result is Result.PASS, finding.details
    rehearsal.end()
    rehearsal.bundles.clear()


def _memory(name: str, runs: int, run: Callable[[], None], target: float | None) -> Ratio:
    """Return how the process grew, from the fifth part of the runs to the last."""
    sizes = []
    for _ in range(runs):
        run()
        gc.collect()
        sizes.append(_resident())
    late = sizes[runs // 5 :]
    slope = linear_regression(range(len(late)), late).slope / 1024
    detail = f"{late[0] / 2**20:.1f} MiB to {late[-1] / 2**20:.1f} MiB, {slope:+.1f} KiB a run"
    return Ratio(f"memory after {name} / after a fifth of them", late[-1] / late[0], target, detail)


def _resident() -> int:
    """Return the bytes of the process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
