"""One backtest: a fresh engine, a strategy, its candles, and what came of it.

What NautilusTrader does silently is turned into an ``EngineError``: bars that repeat or look ahead, a run that stops
early, a strategy that never started. Nothing leaks into the next run of the process: the engine is always disposed, the
venue's registered right to borrow cash is taken back, and the random generators are put back where they were.
"""

from __future__ import annotations

import contextlib
import random
import time
import warnings
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import nautilus_trader
import numpy as np

from opslab.contract.encoding import compact_json
from opslab.contract.spec import Fill
from opslab.engine.assembly import Assembly, assemble
from opslab.engine.feed import Feed, check_feeds, market_data_sha256
from opslab.engine.registry import StrategyContext
from opslab.engine.tap import stream_sha256
from opslab.engine.views import engine_view
from opslab.errors import EngineError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from opslab.contract.spec import Limits
    from opslab.engine.registry import StrategyFactory

__all__ = ["BacktestError", "BacktestResult", "Feed", "run_backtest"]

ENGINE_VERSION: str = nautilus_trader.__version__


@dataclass(frozen=True)
class BacktestResult:
    """What came of a backtest, or of the part of one that ran.

    Attributes:
        input_candles_count: candles of all feeds.
        bars_processed: bars that the engine worked off.
        bars_seen: bars that reached the strategy: its own integer attribute ``bars_seen`` if it has one, else the calls
            of its ``on_bar``.
        orders_submitted: orders sent to the venue.
        orders_denied: orders denied before, by a limit or by the engine's own risk checks.
        fills_count: fills; an order may fill in several.
        deterministic_action_triggered: the strategy's attribute of that name, if it has one.
        strategy_registered: whether the engine took the strategy and started it.
        duration_ns: wall time of the engine's run.
        engine_version: version of NautilusTrader.
        fill: how orders were filled.
        synthetic_ticks: how often the venue's book was moved to an open price; no strategy sees these.
        event_lines: the canonical event stream, one JSON line (with its newline) an event.
        events_sha256: SHA-256 over ``event_lines``.
        market_data_sha256: digest of everything that was played.
        views: the engine's final view: ``orders``, ``positions``, ``balances``.
    """

    input_candles_count: int
    bars_processed: int
    bars_seen: int
    orders_submitted: int
    orders_denied: int
    fills_count: int
    deterministic_action_triggered: bool
    strategy_registered: bool
    duration_ns: int
    engine_version: str
    fill: Fill
    synthetic_ticks: int
    event_lines: tuple[bytes, ...] = field(repr=False)
    events_sha256: str
    market_data_sha256: str
    views: Mapping[str, Any] = field(repr=False)

    @property
    def view_line(self) -> bytes:
        """The engine's final view as one canonical JSON line."""
        return (compact_json({"view": "engine", **self.views}) + "\n").encode()


class BacktestError(EngineError):
    """A backtest that began and did not end well.

    Attributes:
        partial: what had come of it by then, so that the run can be recorded.
    """

    def __init__(self, what: str, *, partial: BacktestResult, where: object = None, fix: str | None = None) -> None:
        super().__init__(what, where=where, fix=fix)
        self.partial = partial


def run_backtest(
    *,
    feeds: Sequence[Feed],
    factory: StrategyFactory,
    params: Mapping[str, bool | int | float | str] | None = None,
    fill: Fill = Fill.NEXT_OPEN,
    limits: Limits | None = None,
    starting_balance: Decimal = Decimal(1_000_000),
    seed: int = 0,
) -> BacktestResult:
    """Run one strategy over candles in a fresh engine.

    Equal arguments give byte-equal event lines in every process, as long as the strategy draws at random only from its
    seed or from the generators of ``random`` and ``numpy.random``, which are seeded for the run.

    Args:
        feeds: what is played; the first is the spec's own instrument.
        factory: makes the strategy.
        params: the spec's ``strategy.params``.
        fill: ``next_open`` (see ``opslab.engine.next_open``) or ``same_close`` (the engine's own way).
        limits: what the strategy may do at most.
        starting_balance: what the account starts with, in each quote (perpetuals: settlement) currency.
        seed: seeds the strategy and the venue.

    Raises:
        EngineError: the feeds cannot be played, or the strategy cannot be made.
        BacktestError: the strategy raised, never started, or the engine stopped before the last bar.
    """
    check_feeds(feeds)
    with _untouched(seed), contextlib.ExitStack() as stack:
        assembly = assemble(feeds, fill=fill, limits=limits, starting_balance=starting_balance, seed=seed)
        stack.callback(assembly.dispose)
        context = StrategyContext(assembly.instrument_ids, assembly.bar_types, seed, dict(params or {}))
        assembly.add_strategy(factory, context)
        duration_ns, error = _run(assembly)
        result = _result(assembly, feeds, fill, duration_ns)
        _check_end(assembly, result, error)
        return result


@contextlib.contextmanager
def _untouched(seed: int) -> Iterator[None]:
    """Seed the process's random generators for a run, and leave them and the warnings as they were."""
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - strategies may use either
    with warnings.catch_warnings():
        # NautilusTrader 1.231 calls Timestamp.utcnow, which pandas 3 deprecates: a user's -W error must not stop a run.
        warnings.filterwarnings("ignore", message="Timestamp.utcnow", category=DeprecationWarning)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(state)
            np.random.set_state(numpy_state)  # noqa: NPY002


def _run(assembly: Assembly) -> tuple[int, BaseException | None]:
    """Run the engine, and return how long it took and what was raised, if anything."""
    started = time.perf_counter_ns()
    error: BaseException | None = None
    try:
        assembly.engine.run()
    except (Exception, SystemExit) as raised:  # noqa: BLE001 - a strategy may raise anything; it is recorded and told
        error = raised
    return time.perf_counter_ns() - started, error


def _result(assembly: Assembly, feeds: Sequence[Feed], fill: Fill, duration_ns: int) -> BacktestResult:
    lines = assembly.tap.lines()
    strategy = assembly.strategy
    return BacktestResult(
        input_candles_count=sum(len(feed.candles) for feed in feeds),
        bars_processed=assembly.engine.iteration,
        bars_seen=assembly.bars_seen(),
        **assembly.tap.counts(),
        deterministic_action_triggered=getattr(strategy, "deterministic_action_triggered", False) is True,
        strategy_registered=assembly.has_started(),
        duration_ns=duration_ns,
        engine_version=ENGINE_VERSION,
        fill=fill,
        synthetic_ticks=assembly.open_prints(),
        event_lines=lines,
        events_sha256=stream_sha256(lines),
        market_data_sha256=market_data_sha256(feeds),
        views=engine_view(assembly.engine.kernel.cache),
    )


def _check_end(assembly: Assembly, result: BacktestResult, error: BaseException | None) -> None:
    """Raise what the engine would leave unsaid."""
    name, when = assembly.strategy_name, f"at {assembly.now()}"
    if error is not None:
        theirs, place = _blame(assembly.strategy, error)
        raise BacktestError(
            f"{f'strategy {name}' if theirs else 'the engine'} raised {type(error).__name__} {when}: {one_line(error)}",
            partial=result,
            where=place,
            fix="correct the strategy" if theirs else "check the data and the strategy's orders",
        ) from error
    if result.bars_processed != result.input_candles_count:
        raise BacktestError(
            f"the engine stopped silently after {result.bars_processed} of {result.input_candles_count} bars, {when}: "
            f"{assembly.stop_reason()}",
            partial=result,
            where=f"strategy {name}",
            fix="lower the order sizes or raise execution.starting_balance",
        )
    if ruin := assembly.tap.ruin:
        raise BacktestError(
            f"the account was ruined: {ruin}; a venue would have liquidated it, the engine went on",
            partial=result,
            where=f"strategy {name}",
            fix="lower the order sizes, set risk.limits, or raise execution.starting_balance",
        )
    if not result.strategy_registered:
        raise BacktestError(
            f"strategy {name} never started", partial=result, fix="do not override its life cycle (start, stop, reset)"
        )


def _blame(strategy: object, error: BaseException) -> tuple[bool, str | None]:
    """Return whether an error came through the strategy's own code, and file and line of its innermost frame there."""
    modules = {kind.__module__ for kind in type(strategy).__mro__ if not kind.__module__.startswith("nautilus_trader")}
    frames = [(step.tb_frame, step.tb_lineno) for step in _steps(error)]
    own = [(frame, line) for frame, line in frames if frame.f_globals.get("__name__") in modules - {"builtins"}]
    if not frames:
        return False, None
    frame, line = (own or frames)[-1]
    return bool(own), f"{frame.f_code.co_filename.rpartition('/')[2]}:{line}"


def _steps(error: BaseException) -> Iterator[TracebackType]:
    trace = error.__traceback__
    while trace is not None:
        yield trace
        trace = trace.tb_next
