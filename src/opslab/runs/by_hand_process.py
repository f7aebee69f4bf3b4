"""Trading by hand through a node in a process of its own, and what happens to that process: killed, frozen, ended."""

from __future__ import annotations

import dataclasses
import signal
from typing import TYPE_CHECKING, Any

from opslab.errors import CheckFailed, EngineError
from opslab.runs.by_hand import WAIT_SECONDS, Paper
from opslab.runs.node_process import NodeProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opslab.engine.node.live import NodeOrder
    from opslab.runs.paper_run import PaperRun
    from opslab.runs.venue_host import NodeAddress, ThreadHost
    from opslab.safety.switches import KillSwitches

DOWN = "OPS-NODE-DOWN"


@dataclasses.dataclass(frozen=True)
class RemoteOrder:
    """An order of a node in another process.

    Attributes:
        client_order_id: its id.
        node: whose it is.
    """

    client_order_id: str
    node: NodeProcess

    def status_string(self) -> str:
        """Return the status that the engine told last; empty when it knows the order no more."""
        return self.node.status(self.client_order_id)


class PaperProcess(Paper):
    """A paper run whose node is a process: driven as ``Paper``, and its process can be made to end.

    Args:
        run: the living run; its node is a ``NodeProcess``.
        host: its venue.
    """

    def __init__(self, run: PaperRun, host: ThreadHost) -> None:
        super().__init__(run, host)
        self.node: NodeProcess = run.node  # type: ignore[assignment]  # made by node_processes

    def cancel(self, order: Any) -> None:
        """Ask for an order's cancellation."""
        self.node.ask("cancel", order=str(order.client_order_id))

    def modify(self, order: Any, *, quantity: str | None = None, price: str | None = None) -> None:
        """Ask for a change of an order."""
        self.node.ask("modify", order=str(order.client_order_id), quantity=quantity, price=price)

    def until_fresh(self, feed: str = "quotes", count: int = 1, seconds: float = WAIT_SECONDS) -> None:
        """Wait until so many further items of a feed came; raises as ``until``."""
        __tracebackhide__ = True
        if not self.node.ask("fresh", feed=feed, count=count, seconds=seconds):
            what = f"{count} {feed} did not come within {seconds:g} s"
            raise CheckFailed(f"OPS-PAPER-LATE: {what}", ("OPS-PAPER-LATE",))

    def killed(self) -> NodeFault:
        """Return the fault that the node's process gets SIGKILL."""
        return NodeFault(self.node, signal.SIGKILL)

    def terminated(self) -> NodeFault:
        """Return the fault that the node's process gets SIGTERM, which it obeys."""
        return NodeFault(self.node, signal.SIGTERM)

    def frozen(self) -> NodeFault:
        """Return the fault that the node's process gets SIGSTOP; SIGCONT heals it."""
        return NodeFault(self.node, signal.SIGSTOP)

    def restart(self, **engine: Any) -> None:
        """Start a node again in a new process; returns when it is connected and reconciled and its strategy runs.

        Args:
            engine: settings of ``LiveExecEngineConfig`` that differ from those of the node before.

        Raises:
            CheckFailed: it does not come up.
        """
        __tracebackhide__ = True
        if engine:
            self.node.order = dataclasses.replace(self.node.order, engine={**self.node.order.engine, **engine})
        try:
            self.node.start()
        except EngineError as error:
            raise CheckFailed(f"{DOWN}: {error}", (DOWN,)) from error
        self.run.take_views("restart")

    def _placed(self, side: str, quantity: str, **words: Any) -> RemoteOrder:
        return RemoteOrder(self.node.ask("place", side=side, quantity=quantity, **words), self.node)


class NodeFault:
    """A signal to a node's process.

    Args:
        node: whose process.
        number: SIGKILL, SIGTERM or SIGSTOP.
    """

    def __init__(self, node: NodeProcess, number: signal.Signals) -> None:
        self.name = f"node {number.name}"
        self._node, self._number = node, number
        self._fired = False

    @property
    def fired(self) -> bool:
        """Whether the process ended of it, or stands still."""
        return self._fired

    def begin(self) -> None:
        """Send it, and wait for what it does.

        Raises:
            EngineError: it does nothing, or there is no process.
        """
        if self._number == signal.SIGSTOP:
            self._node.freeze()
            self._fired = True
        else:
            self._node.end_by(self._number)
            self._fired = self._number != signal.SIGKILL or self._node.exit_code == -signal.SIGKILL

    def heal(self) -> None:
        """Let a frozen process go on; one that is gone stays so until the drill starts another."""
        if self._number == signal.SIGSTOP:
            self._node.thaw()


def node_processes(
    switches: KillSwitches, *, redis_port: int | None = None, engine: Mapping[str, Any] | None = None
) -> Callable[..., NodeProcess]:
    """Return what makes a paper run's node in a process of its own: ``PaperRun.node_of``.

    Args:
        switches: the kill switches that it asks.
        redis_port: port on 127.0.0.1 of the server that keeps its cache; None: nothing does.
        engine: further settings of ``LiveExecEngineConfig``.
    """

    def made(run: PaperRun, address: NodeAddress, order: NodeOrder, **doors: Any) -> NodeProcess:
        # The process asks and pulls the switches itself.
        changed = dataclasses.replace(order, redis_port=redis_port, engine=dict(engine or {}))
        return NodeProcess(run, address, changed, write=doors["write"], tell=doors["tell"], switches=switches)

    return made
