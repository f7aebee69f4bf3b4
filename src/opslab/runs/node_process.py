"""A live node in a process of its own, seen from the one that started it: it can be killed, frozen and started again.

It has the methods of ``LiveNode``, so that a paper run does not tell the two apart. What engine and strategy believe is
what the process told last; when it is gone, that is what it took with it.
"""

from __future__ import annotations

import itertools
import signal
import time
from typing import TYPE_CHECKING, Any

from opslab.contract.events import PaperCounters
from opslab.engine.node.names import instrument_id
from opslab.errors import EngineError
from opslab.runs.node_child import NodeChild, child_order
from opslab.runs.node_record import tell_end, tell_start

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.engine.guards.site import Tell
    from opslab.engine.node.live import NodeOrder
    from opslab.runs.paper_run import PaperRun
    from opslab.runs.venue_host import NodeAddress
    from opslab.safety.switches import KillSwitches

START_SECONDS = 60.0
"""How long a process may take to import the engine, connect and reconcile."""

ANSWER_SECONDS = END_SECONDS = 15.0


class NodeProcess:
    """The node of a paper run, in one process after the other.

    Args:
        run: the paper run; its journal is told of each start and end.
        address: the venue.
        order: what the node is asked to run; its factory must be importable by name.
        write: is given each line of the event stream.
        tell: hears what guards did.
        switches: the kill switches that the node asks.

    Attributes:
        order: what the next process runs.
        number: how many processes were started.
    """

    strategy = None
    """There is none in this process."""

    def __init__(
        self,
        run: PaperRun,
        address: NodeAddress,
        order: NodeOrder,
        *,
        write: Callable[[bytes], None],
        tell: Tell,
        switches: KillSwitches,
    ) -> None:
        self.order, self.number = order, 0
        self._run, self._address, self._write, self._switches = run, address, write, switches
        self._tell = tell
        self._child: NodeChild | None = None
        self._ids = itertools.count(1)
        self._views: dict[str, dict[str, Any]] | None = None
        self._answers: dict[int, dict[str, Any]] = {}
        self._counters, self._earlier = PaperCounters(), PaperCounters()
        self._trouble: str | None = None
        self._is_frozen = self._may_end = False

    @property
    def pid(self) -> int:
        """The process id of the node.

        Raises:
            EngineError: none was started.
        """
        return self._started.pid

    @property
    def is_up(self) -> bool:
        """Whether its process lives."""
        return self._child is not None and self._child.exit_code is None

    @property
    def exit_code(self) -> int | None:
        """How the last process ended: its exit code, or the negative number of the signal; None while it lives."""
        return self._started.exit_code

    def name_of(self, symbol: str) -> str:
        """Return how the engine names one of the venue's symbols."""
        return instrument_id(symbol, is_futures=self.order.is_futures)

    def start(self) -> None:
        """Start a process and wait until its strategy runs.

        Raises:
            EngineError: it did not start; with its own last words.
        """
        self._require_down()
        self._earlier, self._counters = self.counters(), PaperCounters()
        self._views, self._trouble, self._may_end = None, None, False
        order = child_order(self._address, self.order, self._switches.root, self._run.life.run_id)
        self._child = NodeChild(order)
        self.number += 1
        if not self._hear_until(lambda: self._views is not None or not self.is_up, START_SECONDS) or not self.is_up:
            self._end()
            raise EngineError(f"the node did not start: {self._why()}", fix="look at the venue's wire log")
        tell_start(self._run, self.number, self.pid, is_kept=self.order.redis_port is not None)

    def ask(self, do: str, **words: Any) -> Any:
        """Give the node a command and return its answer, after everything that it told before.

        Args:
            do: a verb of ``engine.node.child``.
            words: its arguments.

        Raises:
            EngineError: the node refuses, does not answer in time, or is gone.
        """
        if self._is_frozen:
            raise EngineError("the node is frozen and cannot answer", where=do, fix="let it go on first, or use tell")
        number = next(self._ids)
        self._started.send({"id": number, "do": do, **words})
        if not self._hear_until(lambda: number in self._answers or not self.is_up, ANSWER_SECONDS):
            raise EngineError(f"the node did not answer within {ANSWER_SECONDS:g} s", where=do, fix="look why it hangs")
        if number not in self._answers:
            raise EngineError(f"the node is gone: {self._why()}", where=do, fix="start it again")
        answer = self._answers.pop(number)
        if "error" in answer:
            raise EngineError(answer["error"], where=do)
        return answer["value"]

    def tell(self, do: str, **words: Any) -> None:
        """Give the node a command and wait for nothing: a frozen one obeys when it goes on."""
        self._started.send({"id": next(self._ids), "do": do, **words})

    def pump(self, seconds: float) -> bool:
        """Hear what the node tells until something comes, at most ``seconds``; false when nothing did."""
        return self._hear(seconds)

    def pump_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Hear what the node tells until ``condition`` holds, at most ``seconds``; return whether it does.

        It waits no longer once the process died and nobody asked it to.
        """
        self._hear_until(lambda: condition() or not (self.is_up or self._may_end), seconds)
        return condition()

    def settle(self, seconds: float) -> None:
        """Hear what the node tells until nothing came for ``seconds``, at most ten times as long."""
        deadline = time.monotonic() + 10 * seconds
        while time.monotonic() < deadline and self._hear(seconds):
            pass

    def notify(self) -> None:
        """Nothing: whoever waits looks again by itself."""

    def allow(self, seconds: float) -> None:
        """Nothing: it watches its own turns."""

    def require_trading(self) -> None:
        """Refuse to go on when the process ended and nobody asked it to.

        Raises:
            EngineError: saying why.
        """
        if not self.is_up and not self._may_end:
            raise EngineError(f"the node stopped trading: {self._why()}", fix="look at the venue's wire log")

    def views(self) -> dict[str, dict[str, Any]]:
        """Return what engine and strategy believe now, or believed last if the process is frozen or gone.

        Raises:
            EngineError: they never said.
        """
        if self.is_up and not self._is_frozen:
            self.ask("look")
        if self._views is None:
            raise EngineError("the node never said what it believes", fix="start it first")
        return self._views

    def counters(self) -> PaperCounters:
        """Return what all the nodes of the run did."""
        sums = {name: value + getattr(self._counters, name) for name, value in self._earlier}
        return PaperCounters(**sums | {"strategy_started": bool(sums["strategy_started"])})

    def status(self, client_order_id: str) -> str:
        """Return the status that the engine told last of an order; empty when it knows none of that id."""
        rows = self._views["engine"]["orders"] if self._views else []
        return next((str(row["status"]) for row in rows if row["client_order_id"] == client_order_id), "")

    def freeze(self) -> None:
        """Send SIGSTOP; the process does nothing until ``thaw``."""
        self._started.freeze()
        self._is_frozen = True

    def thaw(self) -> None:
        """Send SIGCONT."""
        self._is_frozen = False
        self._started.send_signal(signal.SIGCONT)

    def end_by(self, number: signal.Signals) -> None:
        """Send a signal that ends the process, and wait until it is gone.

        Raises:
            EngineError: it lives on.
        """
        self._may_end = True
        self._started.send_signal(number)
        if not self._hear_until(lambda: not self.is_up, END_SECONDS):
            raise EngineError(f"the node outlives {number.name} for {END_SECONDS:g} s", fix="look why it hangs")
        self._end()

    def stop(self) -> None:
        """Stop the node, if its process lives.

        Raises:
            EngineError: it did not end in time.
        """
        if not self.is_up:
            return
        self._may_end = True
        if self._is_frozen:
            self.thaw()
        self.ask("stop")
        if not self._hear_until(lambda: not self.is_up, END_SECONDS):
            raise EngineError(f"the node did not stop within {END_SECONDS:g} s")
        self._end()
        if self._trouble:
            raise EngineError(self._trouble)

    def dispose(self) -> None:
        """Leave no process behind, whatever state it is in."""
        if self._child is not None and not self._child.is_closed:
            self._may_end = True
            self._started.kill()
            self._end()

    def require_disposed(self) -> None:
        """Nothing: the process tells when it ends."""

    def _require_down(self) -> None:
        if self.is_up:
            raise EngineError("the node runs already", where=f"process {self.pid}", fix="end it first")

    def _end(self) -> None:
        """Hear the last words, free the pipes, and tell the journal, once for each process."""
        child = self._started
        if child.is_closed:
            return
        child.kill()
        while self._hear(0):
            pass
        child.close()
        tell_end(self._run, self.number, child)
        self._is_frozen = False

    def _hear_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._hear(min(left, 0.25))
        return True

    def _hear(self, seconds: float) -> bool:
        """Take every message that is there; wait at most ``seconds`` for the first."""
        messages = self._started.messages(seconds)
        for message in messages:
            self._take(message)
        return bool(messages)

    def _take(self, message: dict[str, Any]) -> None:
        match message["kind"]:
            case "event":
                self._write(message["line"].encode())
            case "state":
                self._views = message["views"]
                self._counters = PaperCounters.model_validate(message["counters"])
            case "told":
                self._tell(message["event"], message["facts"])
            case "answer":
                self._answers[message["id"]] = message
            case "ended":
                self._trouble = message["error"]

    def _why(self) -> str:
        return self._trouble or self._started.last_words() or f"its process ended by {self._started.how}"

    @property
    def _started(self) -> NodeChild:
        if self._child is None:
            raise EngineError("the node was not started", fix="start it first")
        return self._child
