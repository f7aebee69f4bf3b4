"""A live node as a process: told what to do by lines of JSON, it trades on until it is told to stop or is killed.

``python -m opslab.engine.node.child`` is what ``runs.node_process`` starts. The first line of standard input is a
``ChildOrder``, keys included, so that neither arguments nor environment show them. Every further line is a command,
``{"id": 1, "do": "place", "side": "BUY", "quantity": "0.010", "price": "30000.0"}``. On standard output come, one a
line: ``event`` (a line of the event stream), ``state`` (what engine and strategy believe), ``answer`` (to a command,
after the state that it led to) and ``ended``. The process dies with the one that started it, however that ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from opslab.clock import SystemClock
from opslab.contract.encoding import compact_json
from opslab.engine.node.child_order import ChildOrder, node_order, read_order
from opslab.engine.node.live import LiveNode
from opslab.engine.node.strays import EVENT, Strays
from opslab.engine.strategies.ops_by_hand import OpsByHand
from opslab.errors import EngineError, OpsLabError, one_line
from opslab.safety.pulling import puller
from opslab.safety.switches import KillSwitches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STEP_SECONDS = 0.25
MAX_LINE = 1 << 20
_PR_SET_PDEATHSIG = 1  # prctl(2)


class Child:
    """One node that does what lines of JSON say.

    Args:
        order: what is run.
        tell: is given each message.
    """

    def __init__(self, order: ChildOrder, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._commands: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._is_over, self._bars_told = False, 0
        self._strays = Strays(is_own=True)
        switches = KillSwitches(order.switches, SystemClock())
        self._node = LiveNode(
            order,
            node_order(order),
            ask=switches.watch(order.run_id).decision,
            write=self._write,
            pull=puller(switches, order.run_id, self._told),
            tell=self._told,
        )

    def hear(self, line: bytes) -> None:
        """Take a command; may be called from any thread."""
        self._commands.put(line)
        self._node.notify()

    def run(self) -> None:
        """Start the node and let it trade until a command or SIGTERM tells it to stop, or it stops by itself.

        Raises:
            EngineError: it does not start, or stopped by itself.
        """
        try:
            self._node.start()
            self._node.adopt()
            self._state()
            while not self._is_over:
                if self._node.pump(STEP_SECONDS) or self._node.counters().bars_seen != self._bars_told:
                    self._work_off()
                self._node.require_trading()
        except (KeyboardInterrupt, SystemExit):  # how the session tells of SIGINT and SIGTERM
            self._is_over = True
        finally:
            self._node.stop()
            self._state()
            self._node.dispose()
            if (facts := self._strays.look()) is not None:
                self._told(EVENT, facts)
        self._node.require_disposed()
        self._strays.require_none()

    def _work_off(self) -> None:
        answers = []
        while not self._commands.empty():
            answers.append(self._answer(self._commands.get()))
        self._state()
        for answer in answers:
            self._tell({"kind": "answer", **answer})

    def _answer(self, line: bytes) -> dict[str, Any]:
        number = None
        try:
            command = json.loads(line)
            number, do = command.pop("id"), command.pop("do")
            return {"id": number, "value": self._verbs[do](self, **command)}
        except Exception as error:  # noqa: BLE001 - whatever a command leads to belongs to who gave it
            told = error if isinstance(error, OpsLabError) else f"{type(error).__name__}: {error}"
            return {"id": number, "error": one_line(told)}

    def _place(self, **words: Any) -> str:
        order = self._by_hand.place(**words)
        return str(order.client_order_id.value)

    def _cancel(self, order: str) -> None:
        self._by_hand.cancel_order(self._order(order))

    def _modify(self, order: str, quantity: str | None, price: str | None) -> None:
        found = self._order(order)
        instrument = self._node.cache.instrument(found.instrument_id)
        self._by_hand.modify_order(
            found,
            quantity=instrument.make_qty(quantity) if quantity else None,
            price=instrument.make_price(price) if price else None,
        )

    def _fresh(self, feed: str, count: int, seconds: float) -> bool:
        strategy = self._by_hand
        wanted = _total(strategy, feed) + count
        return self._node.pump_until(lambda: _total(strategy, feed) >= wanted, seconds)

    def _look(self) -> None:
        """Nothing: the state is told before every answer."""

    def _stop(self) -> None:
        self._is_over = True

    _verbs: ClassVar[dict[str, Callable[..., Any]]] = {
        "place": _place,
        "cancel": _cancel,
        "modify": _modify,
        "fresh": _fresh,
        "look": _look,
        "stop": _stop,
    }

    @property
    def _by_hand(self) -> OpsByHand:
        found = self._node.strategy
        if not isinstance(found, OpsByHand):
            fix = "name the strategy ops_by_hand in the spec"
            raise EngineError(f"strategy {type(found).__name__} cannot be traded by hand", fix=fix)
        return found

    def _order(self, name: str) -> Any:
        for order in self._node.cache.orders():
            if order.client_order_id.value == name:
                return order
        raise EngineError(f"the engine knows no order {name}", fix="wait until it is accepted or adopted")

    def _write(self, line: bytes) -> None:
        self._tell({"kind": "event", "line": line.decode()})

    def _told(self, event: str, facts: Mapping[str, Any]) -> None:
        self._tell({"kind": "told", "event": event, "facts": dict(facts)})

    def _state(self) -> None:
        counters = self._node.counters()
        self._bars_told = counters.bars_seen
        self._tell({"kind": "state", "views": self._node.views(), "counters": counters.to_dict()})


def main() -> int:
    """Read an order from standard input and run it; trouble is told as ``ended`` and gives exit code 1."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not end up among the messages
    alone = threading.Lock()  # a timer's callback, which may order, has a thread of its own

    def tell(message: dict[str, Any]) -> None:
        left = memoryview(compact_json(message).encode() + b"\n")
        with alone:
            while left:
                left = left[out.write(left) or 0 :]

    _die_with_parent()
    try:
        order = read_order(sys.stdin.buffer.readline(MAX_LINE))
        sys.path.extend(path for path in order.import_paths if path not in sys.path)
        child = Child(order, tell)
        threading.Thread(target=_listen, args=(child,), daemon=True).start()
        child.run()
    except Exception as error:  # noqa: BLE001 - the parent has to hear of it, whatever it is
        told = error if isinstance(error, OpsLabError) else f"{type(error).__name__}: {error}"
        tell({"kind": "ended", "error": one_line(told)})
        return 1
    tell({"kind": "ended", "error": None})
    return 0


def _listen(child: Child) -> None:
    """Hand every line over; at the end of input nobody is left to trade for."""
    for line in sys.stdin.buffer:
        child.hear(line)
    os._exit(1)


def _die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the thread that started this process ends; a frozen one hears nothing else."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended in between
        os._exit(1)


def _total(strategy: OpsByHand, feed: str) -> int:
    return sum(count for key, count in strategy.seen.items() if key.startswith(f"{feed} "))


if __name__ == "__main__":
    # The messages are written: nothing that the engine's threads still hold may change how the process ends.
    code = main()
    sys.stderr.flush()
    os._exit(code)
