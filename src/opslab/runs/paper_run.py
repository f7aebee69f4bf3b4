"""A paper run while it lives: a venue, a node, and everything that both say written down as it happens.

It is driven from the main thread, which a node needs: nothing happens in the node but while the run is pumped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

from opslab.contract.events import RunCompleted, RunFailed, Status
from opslab.contract.execution import MarketKind
from opslab.contract.paper_events import PaperCompleted, PaperHeartbeat, PaperStarted
from opslab.engine.bars import bar_type_of
from opslab.engine.node.live import LiveNode, NodeOrder
from opslab.engine.node.names import instrument_id
from opslab.engine.node.profile import settings_of
from opslab.engine.registry import StrategyContext
from opslab.errors import EngineError, OpsLabError, one_line
from opslab.runs.books import venue_view
from opslab.runs.finish import finish, render
from opslab.runs.paper_record import PaperRecord
from opslab.store import layout

if TYPE_CHECKING:
    from opslab.engine.node.own import OwnNode
    from opslab.runs.life import Life
    from opslab.runs.plan import Plan
    from opslab.runs.venue_host import NodeAddress, VenueHost
    from opslab.safety.gate import GateDecision
    from opslab.store.reader import Bundle
    from opslab.store.writer import BundleWriter

HEARTBEATS = 3
"""As in the contract: told when a third, two thirds and all of the run's bound are reached."""

STEP_SECONDS = 0.25
_NOTE = "a live node trades on the lab's own venue on loopback"
type NodeOf = Callable[..., Any]
"""Makes a run's node: called as ``live_node``."""

type EndedBy = Literal["bars", "seconds", "tape", "asked"]


class PaperRun:
    """One paper run, from the venue's start to the sealed bundle.

    Args:
        plan: what is run, resolved.
        life: the run's identity.
        writer: its bundle, with ``run_started`` and ``paper_safety_checked`` in it.
        host: its venue.
        ask: reads the kill switch before every submit and modify.
    """

    def __init__(
        self, plan: Plan, life: Life, writer: BundleWriter, host: VenueHost, ask: Callable[[], GateDecision]
    ) -> None:
        self.plan, self.life, self.writer, self.host = plan, life, writer, host
        self._ask = ask
        self._record = PaperRecord(writer, life)
        self.node_of: NodeOf = live_node
        self.own: OwnNode | None = None
        self._node: LiveNode | None = None
        self._account = ""
        self._began = 0.0
        self._beats = 0
        self._is_over = False

    @property
    def node(self) -> LiveNode:
        """The node.

        Raises:
            EngineError: the run was not started.
        """
        if self._node is None:
            raise EngineError("the paper run was not started", where=self.life.run_id, fix="start it first")
        return self._node

    def start(self, own: OwnNode | None = None) -> None:
        """Start the venue, then the node, and prove that its strategy trades.

        Args:
            own: the user's node, which trades in place of the lab's; the spec's strategy is added to it.

        Raises:
            OpsLabError: one of them did not start; ``fail`` records it.
        """
        spec = self.plan.spec
        address = self.host.start()
        self._account = address.account
        self.own = own
        order = replace(node_order(self.plan), own=own)
        self.writer.append(
            PaperStarted(
                **self.life.base(Status.RUNNING),
                note=_NOTE,
                venue=self.host.facts(),
                profile=spec.execution.profile,
                profile_settings={} if own else settings_of(spec.execution.profile),
                pace=spec.execution.pace,
                instruments=order.context.instruments,
                own_node=own.facts(spec.execution.profile) if own else None,
            )
        )
        render(self.writer, (layout.METADATA,))
        self._node = self.node_of(self, address, order, ask=self._ask, write=self._record.event)
        self._node.start()
        self._began = time.monotonic()
        self.take_views("start")

    def views(self) -> dict[str, dict[str, Any]]:
        """Return what venue, engine and strategy believe now."""
        return {"venue": self.venue_view(), **self.node.views()}

    def venue_view(self) -> dict[str, Any]:
        """Return what the venue's books say now.

        Raises:
            OpsLabError: it does not answer.
        """
        return venue_view(self.host.books(), self._account, self.node.name_of)

    def take_views(self, phase: str) -> None:
        """Write the three views down."""
        self._record.views(phase, self.views())

    def pump(self, seconds: float) -> bool:
        """Let the node work until something changed, at most ``seconds``; false when nothing did.

        Raises:
            EngineError: the node stopped by itself.
        """
        changed = self.node.pump(seconds)
        self.node.require_trading()
        return changed

    def run_to_bound(self) -> EndedBy:
        """Let it trade until the spec's bound or the tape's end, telling heartbeats, and return which came first.

        Raises:
            EngineError: the node stopped by itself.
        """
        limits = self.plan.spec.execution
        bound = min(limits.max_seconds, tape_seconds(self.plan))
        while True:
            elapsed, bars = time.monotonic() - self._began, self.node.counters().bars_seen
            share = elapsed / bound
            if limits.max_bars is not None:
                share = max(share, bars / limits.max_bars)
            self._beat(share)
            if limits.max_bars is not None and bars >= limits.max_bars:
                return "bars"
            if elapsed >= bound:
                return "seconds" if bound == limits.max_seconds else "tape"
            self.pump(min(STEP_SECONDS, bound - elapsed))

    def complete(self, ended_by: EndedBy = "asked") -> Bundle:
        """Stop node and venue, write everything down and seal the bundle.

        Raises:
            OpsLabError: something did not stop or could not be written; ``fail`` records it.
        """
        self._beat(1.0)
        self.node.stop()
        self.take_views("end")
        books = self.host.books()
        self.node.dispose()
        self.host.stop()
        self.writer.append(
            PaperCompleted(
                **self.life.base(Status.RUNNING),
                heartbeat_count=self._beats,
                counters=self.node.counters(),
                event_stream=self._record.event_stream(self.plan),
                books=self._record.books(books),
                ended_by=ended_by,
            )
        )
        self.writer.append(RunCompleted(**self.life.base(Status.COMPLETED)))
        self._is_over = True
        return finish(self.writer)

    def fail(self, error: BaseException) -> Bundle:
        """Stop what still runs, record the run as failed, and seal the bundle."""
        interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
        counters = self._node.counters() if self._node is not None else None
        books = self._last_books()
        self._tear_down()
        told = error if isinstance(error, OpsLabError) else f"{type(error).__name__}: {error}"
        self.writer.append(
            RunFailed(
                **self.life.base(Status.FAILED),
                error=f"stopped by {type(error).__name__}" if interrupted else one_line(told),
                reason="interrupted" if interrupted else "error",
                counters=counters,
                event_stream=self._record.event_stream(self.plan),
                books=self._record.books(books) if books is not None else None,
            )
        )
        self._is_over = True
        return finish(self.writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Leave no process, no thread and no open run behind."""
        try:
            if not self._is_over:
                self.fail(error or EngineError("the paper run was abandoned", fix="complete it"))
        finally:
            self._tear_down()
            self.writer.close()

    def _beat(self, share: float) -> None:
        while self._beats < HEARTBEATS and share >= (self._beats + 1) / HEARTBEATS:
            self._beats += 1
            self.writer.append(
                PaperHeartbeat(
                    **self.life.base(Status.RUNNING),
                    heartbeat_index=self._beats,
                    heartbeat_total=HEARTBEATS,
                    counters=self.node.counters(),
                )
            )

    def _last_books(self) -> dict[str, Any] | None:
        try:
            return self.host.books()
        except OpsLabError:
            return None

    def _tear_down(self) -> None:
        if self._node is not None:
            self._node.dispose()
        self.host.stop()
        self._record.close()


def live_node(_run: PaperRun, address: NodeAddress, order: NodeOrder, **doors: Any) -> LiveNode:
    """Return a node in this process, not started yet.

    Args:
        address: its venue.
        order: what it is asked to run.
        doors: ``ask`` and ``write``, as of ``LiveNode``.
    """
    return LiveNode(address, order, **doors)


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
    )


def tape_seconds(plan: Plan) -> float:
    """Return how long the run's tape takes to play."""
    lengths = (dataset.record.rows * dataset.record.interval_seconds for dataset in plan.datasets)
    return max(lengths) / plan.spec.execution.pace
