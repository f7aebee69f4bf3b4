"""Trading by hand through one node after another in this process: each one begins with what the last one knew."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from opslab.contract.events import PaperCounters
from opslab.engine.node.carried import Carried
from opslab.engine.node.live import LiveNode
from opslab.errors import CheckFailed, EngineError
from opslab.runs.by_hand import DrillVenue, Paper
from opslab.runs.paper_plan import stock_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.engine.node.live import NodeOrder
    from opslab.runs.paper_run import PaperRun
    from opslab.runs.venue_host import NodeAddress, ThreadHost

DOWN = "OPS-NODE-DOWN"


class RenewedNode:
    """The node of a paper run, one after the other. What it does not say itself, the node that runs says.

    Args:
        make: makes a node, not started yet.
        order: what the first one is asked to run.
    """

    def __init__(self, make: Callable[[NodeOrder], LiveNode], order: NodeOrder) -> None:
        self._make, self._asked = make, order
        self._node = make(order)
        self._earlier = PaperCounters()
        self._carried: Carried | None = None
        self._views: dict[str, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        """Return what the running node has under ``name``."""
        return getattr(self._node, name)

    @property
    def is_down(self) -> bool:
        """Whether the last node ended and no other was started."""
        return self._carried is not None

    def views(self) -> dict[str, dict[str, Any]]:
        """Return what engine and strategy believe now, or believed last when the node is down."""
        return self._views if self.is_down else self._node.views()

    def counters(self) -> PaperCounters:
        """Return what all the nodes did."""
        now = self._node.counters()
        sums = {name: value + getattr(now, name) for name, value in self._earlier}
        return PaperCounters(**sums | {"strategy_started": bool(sums["strategy_started"])})

    def end(self) -> None:
        """Stop the node and free it; its orders and positions stay at the venue. Raises as ``LiveNode.stop``."""
        self._node.stop()
        self._views, self._carried = self._node.views(), Carried(self._node.cache)
        self._node.dispose()

    def renew(self, *, is_kept: bool = True, **engine: Any) -> None:
        """Start another node.

        Args:
            is_kept: whether it begins with the cache of the last one, as with a cache database; else with an empty one.
            engine: settings of ``LiveExecEngineConfig`` that differ from those of the node before.

        Raises:
            EngineError: the last one still runs, or the new one does not start.
        """
        if self._carried is None:
            raise EngineError("the node still runs", fix="end it first")
        self._earlier = self.counters()
        self._asked = dataclasses.replace(self._asked, engine={**self._asked.engine, **engine})
        self._node = self._make(self._asked)
        if is_kept:
            self._carried.put(self._node.cache)
        self._node.start()
        self._node.adopt()
        self._carried = None


class NodeEnded:
    """The fault that a node ends, in good order, and leaves everything at the venue.

    Args:
        node: which.
    """

    name = "the node ends"

    def __init__(self, node: RenewedNode) -> None:
        self._node = node
        self._fired = False

    @property
    def fired(self) -> bool:
        """Whether it ended."""
        return self._fired

    def begin(self) -> None:
        """End it; raises as ``RenewedNode.end``."""
        self._node.end()
        self._fired = self._node.is_down

    def heal(self) -> None:
        """Nothing: the drill starts another one."""


class PaperRenewed(Paper):
    """A paper run whose node can be followed by another one.

    Args:
        run: the living run; its node is a ``RenewedNode``.
        host: its venue.
    """

    def __init__(self, run: PaperRun, host: ThreadHost) -> None:
        super().__init__(run, host)
        self.node: RenewedNode = run.node  # type: ignore[assignment]  # made by renewed_nodes

    def ended(self) -> NodeEnded:
        """Return the fault that the node ends."""
        return NodeEnded(self.node)

    def renew(self, **words: Any) -> None:
        """Start another node, which then is the run's; ``words`` as of ``RenewedNode.renew``.

        Raises:
            CheckFailed: it does not come up.
        """
        __tracebackhide__ = True
        try:
            self.node.renew(**words)
        except EngineError as error:
            raise CheckFailed(f"{DOWN}: {error}", (DOWN,)) from error
        self.run.take_views("restart")


def renewed_nodes(
    before: Callable[[DrillVenue], None] | None = None, instruments: int | None = None, **engine: Any
) -> Callable[..., RenewedNode]:
    """Return what makes a paper run's node: ``PaperRun.node_of``.

    Args:
        before: acts on the running venue before the first node is made.
        instruments: how many of the run's instruments the node loads, from the first on; None: all.
        engine: further settings of ``LiveExecEngineConfig``.
    """

    def made(run: PaperRun, address: NodeAddress, order: NodeOrder, **doors: Any) -> RenewedNode:
        if before is not None:
            before(DrillVenue(run.host.venue, run))  # type: ignore[attr-defined]  # a drill's venue is in a thread
            run.keep = stock_of(run)
            order = dataclasses.replace(order, keep=run.keep)
        names, bars = order.context.instruments[:instruments], order.context.bar_types[:instruments]
        context = dataclasses.replace(order.context, instruments=names, bar_types=bars)
        asked = dataclasses.replace(order, context=context, engine={**order.engine, **engine})
        return RenewedNode(lambda wanted: LiveNode(address, wanted, **doors), asked)

    return made
