"""What a paper run's plan means for its node and its tape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.events import Status
from opslab.contract.execution import MarketKind
from opslab.contract.paper_events import PaperStarted
from opslab.engine.bars import bar_type_of
from opslab.engine.node.live import NodeOrder
from opslab.engine.node.names import instrument_id
from opslab.engine.node.profile import settings_of
from opslab.engine.registry import StrategyContext
from opslab.runs.books import held_of
from opslab.runs.flattening import flatten_directory

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from opslab.runs.paper_run import PaperRun
    from opslab.runs.plan import Plan

_NOTE = "a live node trades on the lab's own venue on loopback"


def node_order(plan: Plan) -> NodeOrder:
    """Return what a paper run's node is asked to run."""
    spec = plan.spec
    is_futures = spec.execution.market is MarketKind.FUTURES
    names = [instrument_id(dataset.instrument.symbol, is_futures=is_futures) for dataset in plan.datasets]
    seconds = [dataset.record.interval_seconds for dataset in plan.datasets]
    bars = [str(bar_type_of(name, each * 10**9)) for name, each in zip(names, seconds, strict=True)]
    return NodeOrder(
        factory=plan.factory,
        context=StrategyContext(tuple(names), tuple(bars), spec.seed, dict(spec.strategy.params or {})),
        is_futures=is_futures,
        profile=spec.execution.profile,
        limits=spec.risk.limits,
        guards=spec.execution.guards,
        on_kill=spec.execution.on_kill,
        on_stop=spec.execution.on_stop,
        dead_man_seconds=spec.execution.dead_man_seconds,
    )


def stock_of(run: PaperRun) -> dict[str, Decimal]:
    """Return what the account of a spot run holds now of the assets that it buys; of futures nothing.

    Raises:
        OpsLabError: the venue does not tell.
    """
    if run.plan.spec.execution.market is not MarketKind.SPOT or run.address is None:
        return {}
    bases = {dataset.instrument.base for dataset in run.plan.datasets}
    return held_of(run.host.books(), run.address.account, bases)


def intents_of(run: PaperRun) -> Path | None:
    """Return where whoever empties a spot run's account writes its closes down; of futures, which need none, None."""
    if run.plan.spec.execution.market is not MarketKind.SPOT:
        return None
    return flatten_directory(run.life.lab, run.life.run_id)


def tape_seconds(plan: Plan) -> float:
    """Return how long the run's tape takes to play."""
    execution = plan.spec.execution
    records = [dataset.record for dataset in plan.datasets]
    played = ((record.rows - min(execution.history, record.rows // 2)) * record.interval_seconds for record in records)
    return max(played) / execution.pace


def started(run: PaperRun, order: NodeOrder) -> PaperStarted:
    """Return what the journal says of a run whose venue is up and whose node is about to connect.

    Args:
        run: the run.
        order: what its node is asked to run.
    """
    spec, own = run.plan.spec, order.own
    return PaperStarted(
        **run.life.base(Status.RUNNING),
        note=_NOTE,
        venue=run.host.facts(),
        profile=spec.execution.profile,
        profile_settings={} if own else settings_of(spec.execution.profile),
        pace=spec.execution.pace,
        instruments=order.context.instruments,
        own_node=own.facts(spec.execution.profile) if own else None,
        keep={asset: f"{amount:f}" for asset, amount in order.keep.items()},
    )
