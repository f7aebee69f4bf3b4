"""A paper run while it lives: a venue, a node, and everything that both say written down as it happens.

It is driven from the main thread, which a node needs: nothing happens in the node but while the run is pumped.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

from opslab.clock import to_stamp
from opslab.contract.registry import EVENTS
from opslab.engine.node.live import LiveNode
from opslab.engine.node.strays import Strays
from opslab.errors import EngineError
from opslab.reconcile.moments import END, FAILED
from opslab.runs.alerting import owned
from opslab.runs.books import venue_view
from opslab.runs.containing import contain
from opslab.runs.failing import death_of, end_of, require_something_done
from opslab.runs.finish import finish, render
from opslab.runs.flatten_logs import clear_flat
from opslab.runs.giving_up import give_up
from opslab.runs.heartbeats import Heartbeats
from opslab.runs.masking import Masking
from opslab.runs.paper_end import write_completed, write_failed
from opslab.runs.paper_plan import intents_of, node_order, started, stock_of, tape_seconds
from opslab.runs.paper_record import PaperRecord
from opslab.runs.reconciled import Reconciled
from opslab.safety.pulling import puller
from opslab.store import layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from opslab.engine.node.live import NodeOrder
    from opslab.engine.node.own import OwnNode
    from opslab.runs.life import Life
    from opslab.runs.plan import Plan
    from opslab.runs.venue_host import NodeAddress, VenueHost
    from opslab.safety.switches import KillSwitches
    from opslab.store.reader import Bundle
    from opslab.store.writer import BundleWriter

STEP_SECONDS = 0.25
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
        switches: the kill switches that are asked before every submit and modify.
    """

    def __init__(self, plan: Plan, life: Life, writer: BundleWriter, host: VenueHost, switches: KillSwitches) -> None:
        self.plan, self.life, self.writer, self.host, self.switches = plan, life, writer, host, switches
        self._record = PaperRecord(writer, life)
        self.node_of: NodeOf = live_node
        self.own: OwnNode | None = None
        self._node: LiveNode | None = None
        self.address: NodeAddress | None = None
        self.reconciled: Reconciled | None = None
        self.strays: Strays | None = None
        self.keep: Mapping[str, Decimal] = {}  # of spot: what was there before the node, and is not the run's to sell
        self._began = 0.0
        self._beats = Heartbeats(writer, life)
        self._at_end: dict[str, dict[str, Any]] | None = None  # once taken they hold: a node that is freed forgets
        self._is_over = self.is_ending = False  # ending: its venue is being stopped, and is not missed any more
        self.may_exit = False
        """Whether the process is the run's own: it may be ended when its main thread cannot be."""
        self.before_end: Callable[[], object] = bool
        """Called when all that is missing is the last word; it may raise what the run is to fail of."""

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
        self.address = address = self.host.start()
        self.own = own
        keys = (address.api_key, address.api_secret, *(own.keys if own else ()))
        self._record.masking = Masking(keys)
        self.keep = stock_of(self)
        order = replace(node_order(self.plan), own=own, keep=self.keep, intents=intents_of(self))
        self.writer.append(started(self, order))
        render(self.writer, (layout.METADATA,))
        pull = puller(self.switches, self.life.run_id, self.tell)
        self.strays = Strays(is_own=self.may_exit)
        self._node = self.node_of(
            self,
            address,
            order,
            ask=self.switches.watch(self.life.run_id).decision,
            write=self._record.event,
            pull=pull,
            tell=self.tell,
        )
        self._node.start()
        self.host.begin()
        self._began = time.monotonic()
        self.reconciled = Reconciled(self, pull)
        self.take_views("start")

    def views(self) -> dict[str, dict[str, Any]]:
        """Return what venue, engine and strategy believe now."""
        return self.views_of(self.host.books())

    def venue_view(self) -> dict[str, Any]:
        """Return what the venue's books say now.

        Raises:
            OpsLabError: it does not answer.
        """
        return venue_view(self.host.books(), self._account, self.node.name_of)

    @property
    def _account(self) -> str:
        return self.address.account if self.address else ""

    def views_of(self, books: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return what engine and strategy believe now, and what the venue's ``books`` say."""
        found = self.node.views()
        strategy = {**found["strategy"], **self._record.placed_before(found["strategy"]["orders"])}
        return {"venue": venue_view(books, self._account, self.node.name_of), **found, "strategy": strategy}

    def take_views(self, phase: str) -> dict[str, dict[str, Any]]:
        """Write the three views down, and return them."""
        views = self.views()
        self._record.views(phase, views)
        if phase == END:
            self._at_end = views
        return views

    def pump(self, seconds: float) -> bool:
        """Let the node work until something changed, at most ``seconds``; false when nothing did.

        Raises:
            EngineError: the node stopped by itself.
            OpsLabError: the venue died, or something could not be written.
        """
        changed = self.node.pump(seconds)
        self._record.require_whole()
        self.host.require_alive()
        self.node.require_trading()
        if self.reconciled is not None:
            self.reconciled.tick()
        return changed

    def tell(self, event: str, facts: Mapping[str, Any]) -> None:
        """Write into the journal what a guard of the node did, or heard.

        Args:
            event: the event's name, one of ``contract.registry``.
            facts: its own fields.
        """
        kind = EVENTS[event]
        base = {"ts_utc": to_stamp(self.life.clock.now()), "run_id": self.life.run_id, **owned(self.plan.spec, event)}
        self.writer.append(kind.model_validate({**base, **self._record.masking.value(dict(facts))}))

    def shown(self, error: BaseException) -> str:
        """Return what an error says, without keys."""
        return self._record.masking.text(str(error))

    def run_to_bound(self) -> EndedBy:
        """Let it trade until the spec's bound or the tape's end, telling heartbeats, and return which came first.

        Raises:
            EngineError: the node stopped by itself, or its strategy was handed nothing and did nothing.
            OpsLabError: as ``pump``.
        """
        limits = self.plan.spec.execution
        bound = min(limits.max_seconds, tape_seconds(self.plan))
        while True:
            elapsed, bars = time.monotonic() - self._began, self.node.counters().bars_seen
            share = max(elapsed / bound, bars / limits.max_bars if limits.max_bars is not None else 0.0)
            self._beats.beat(share, self.node.counters)
            if limits.max_bars is not None and bars >= limits.max_bars:
                return "bars"
            self.node.allow(bound - elapsed)
            if elapsed >= bound:
                require_something_done(self.node.counters(), bound)
                return "seconds" if bound == limits.max_seconds else "tape"
            self.pump(min(STEP_SECONDS, bound - elapsed))

    def complete(self, ended_by: EndedBy = "asked") -> Bundle:
        """Stop node and venue, write everything down and seal the bundle.

        Raises:
            OpsLabError: something did not stop or could not be written; ``fail`` records it.
        """
        write_completed(self, self._record, self._beats, ended_by)
        return self._seal()

    def fail(self, error: BaseException) -> Bundle:
        """Stop what still runs, record the run as failed, and seal the bundle."""
        counters = self._node.counters() if self._node is not None else None
        death, views = None if self.is_ending else death_of(self.host), self._at_end
        if self._node is not None:
            contain(self)
            if views is None:
                with contextlib.suppress(Exception):  # a node that is broken may not say what it believes
                    views = self.take_views(FAILED)
            self._node.dispose()
        write_failed(self, self._record, error, death, counters, views)
        return self._seal()

    def fail_without_node(self, error: BaseException) -> Bundle:
        """Record the run as failed and seal the bundle while its node is left as it is: the process ends then."""
        write_failed(self, self._record, error, death_of(self.host), self.node.counters())
        return self._seal()

    def _seal(self) -> Bundle:
        self._is_over = True
        bundle = finish(self.writer)
        clear_flat(self.life.lab, self.life.run_id)
        return bundle

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Leave no process, no thread and no open run behind."""
        try:
            if not self._is_over:
                self.fail(error or EngineError("the paper run was abandoned", fix="complete it"))
        finally:
            if self._node is not None:
                self._node.dispose()
            end_of(self.host)
            if self.strays is not None:
                self.strays.close()
            self._record.close()
            self.writer.close()


def live_node(run: PaperRun, address: NodeAddress, order: NodeOrder, **doors: Any) -> LiveNode:
    """Return a node in this process, not started yet.

    Args:
        run: whose it is.
        address: its venue.
        order: what it is asked to run.
        doors: ``ask``, ``write``, ``pull`` and ``tell``, as of ``LiveNode``.
    """
    node = LiveNode(address, order, **doors)
    if run.may_exit:
        node.at_last(partial(give_up, run))
    return node
