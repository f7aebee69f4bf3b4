"""The life of a backtest: planned, claimed, run by the real engine, recorded, rendered and sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.clock import Clock, SystemClock
from opslab.contract.encoding import sha256_hex
from opslab.contract.events import (
    BacktestCompleted,
    BacktestStarted,
    EngineCounters,
    EventStreamFacts,
    RunCompleted,
    RunFailed,
    RunInitialized,
    Status,
)
from opslab.contract.spec import Fill
from opslab.errors import OpsLabError, one_line
from opslab.runs.failing import stopper_of
from opslab.runs.finish import finish, render
from opslab.runs.gate import asked_switches
from opslab.runs.life import Life
from opslab.runs.plan import Plan, plan_backtest
from opslab.safety.switches import KillSwitches
from opslab.store import layout
from opslab.store.reader import Bundle
from opslab.store.writer import BundleWriter

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.contract.spec_file import SpecFile
    from opslab.engine.backtest import BacktestResult
    from opslab.engine.registry import StrategyRegistry
    from opslab.root import Lab

_COUNTED = (
    "input_candles_count",
    "bars_processed",
    "strategy_registered",
    "bars_seen",
    "orders_submitted",
    "fills_count",
    "deterministic_action_triggered",
    "orders_denied",
    "synthetic_ticks",
)
_NOTES = {
    Fill.NEXT_OPEN: "orders that a bar causes are filled at the open of the next bar",
    Fill.SAME_CLOSE: "orders that a bar causes are filled at the close of that same bar",
}


def initialize(lab: Lab, spec_file: SpecFile, clock: Clock | None = None) -> Bundle:
    """Make the run directory of a spec without running it.

    Raises:
        RunExistsError: the run id is taken.
        StoreError: nothing can be written.
    """
    clock = clock or SystemClock()
    life = Life(lab, spec_file, spec_file.spec.run_id, clock)
    first = RunInitialized(**life.base(Status.INITIALIZED), **life.origin())
    with BundleWriter.create(lab.runs, life.run_id, spec_file.content, first, clock) as writer:
        render(writer, (layout.METADATA,))
        return Bundle(writer.path)


def run_backtest(
    lab: Lab,
    spec_file: SpecFile,
    registry: StrategyRegistry,
    *,
    clock: Clock | None = None,
    run_id: str | None = None,
    session_id: str | None = None,
    switches: KillSwitches | None = None,
) -> Bundle:
    """Run a backtest and return its sealed bundle, completed or failed: ``bundle.metadata`` says which.

    Args:
        lab: where datasets are read and the bundle is written.
        spec_file: the spec.
        registry: the strategies that a spec may name.
        clock: stamps the record.
        run_id: the effective id, when it is not the spec's own.
        session_id: the session that the run belongs to.
        switches: the kill switches that are asked, when they are not the lab's: a backtest records them and runs.

    Raises:
        SpecError: the spec asks for something unknown; nothing was written.
        DataError: a dataset is unknown or quarantined; nothing was written.
        RunExistsError: the run id is taken; nothing was written.
        StoreError: the bundle could not be written to its end; ``tc run recover`` closes it.
    """
    clock = clock or SystemClock()
    plan = plan_backtest(lab, spec_file, registry)
    life = Life(lab, spec_file, run_id or spec_file.spec.run_id, clock)
    asked = asked_switches(switches or KillSwitches.of(lab, clock), life.run_id, clock)
    started = life.started(plan, session_id, asked)
    with BundleWriter.create(lab.runs, life.run_id, spec_file.content, started, clock) as writer:
        return _lived(plan, life, writer)


def _lived(plan: Plan, life: Life, writer: BundleWriter) -> Bundle:
    """Run the engine, and give the run its end however it came; what came from outside is raised on."""
    try:
        render(writer, (layout.METADATA,))
        _execute(plan, life, writer)
    except (KeyboardInterrupt, SystemExit) as stop:
        error = f"stopped by {stopper_of(stop)}"
        writer.append(RunFailed(**life.base(Status.FAILED), error=error, reason="interrupted"))
        finish(writer)
        raise
    except Exception as error:  # noqa: BLE001 - whatever ended it, the run gets its end
        writer.append(_failed(life, writer, error))
    else:
        writer.append(RunCompleted(**life.base(Status.COMPLETED)))
    return finish(writer)


def _execute(plan: Plan, life: Life, writer: BundleWriter) -> None:
    # Imports the engine, which commands and plans that never run one must not pay for.
    from opslab.engine.backtest import Feed  # noqa: PLC0415
    from opslab.engine.backtest import run_backtest as run_engine  # noqa: PLC0415

    plan.require_inputs()
    feeds = [Feed(dataset.instrument, dataset.load()) for dataset in plan.datasets]
    spec = plan.spec
    writer.append(BacktestStarted(**life.base(Status.RUNNING), note=_NOTES[spec.execution.fill]))
    render(writer, (layout.METADATA,))
    result = run_engine(
        feeds=feeds,
        factory=plan.factory,
        params=spec.strategy.params,
        fill=spec.execution.fill,
        limits=spec.risk.limits,
        starting_balance=spec.execution.starting_balance,
        seed=spec.seed,
    )
    stream = _write_stream(writer, result)
    counters = _counters(spec, result)
    facts = {**counters.model_dump(), "event_stream": stream, "views_sha256": sha256_hex(result.view_line)}
    writer.append(BacktestCompleted(**life.base(Status.RUNNING), **facts))


def _write_stream(writer: BundleWriter, result: BacktestResult) -> EventStreamFacts:
    """Write the event stream and the engine's last view, and return what the journal says of them."""
    writer.write(layout.EVENTS, b"".join(result.event_lines))
    writer.write(layout.VIEWS, result.view_line)
    return EventStreamFacts(
        events=len(result.event_lines), sha256=result.events_sha256, market_data_sha256=result.market_data_sha256
    )


def _counters(spec: RunSpec, result: BacktestResult) -> EngineCounters:
    return EngineCounters(
        scenario_name=spec.strategy.name,
        scenario_version=spec.strategy.version,
        engine_duration_ms=result.duration_ns // 1_000_000,
        **{name: getattr(result, name) for name in _COUNTED},
    )


def _failed(life: Life, writer: BundleWriter, error: Exception) -> RunFailed:
    """Return the terminal event of a run that an error ended, with what the engine had counted by then."""
    partial: BacktestResult | None = getattr(error, "partial", None)
    return RunFailed(
        **life.base(Status.FAILED),
        error=one_line(error if isinstance(error, OpsLabError) else f"{type(error).__name__}: {error}"),
        counters=None if partial is None else _counters(life.spec_file.spec, partial),
        event_stream=None if partial is None else _write_stream(writer, partial),
        views_sha256=None if partial is None else sha256_hex(partial.view_line),
    )
