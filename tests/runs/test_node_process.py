"""A paper run whose node is a process: driven like one in this process, and nothing of it is left, however it ends."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from opslab.clock import SystemClock
from opslab.contract.left import LeftAtVenue
from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.node.live import NodeOrder
from opslab.engine.registry import StrategyContext, standard_registry
from opslab.engine.strategies import ops_by_hand
from opslab.errors import EngineError
from opslab.root import find_lab
from opslab.runs.by_hand_process import PaperProcess, node_processes
from opslab.runs.finish import problems_of
from opslab.runs.node_child import NodeChild, child_order
from opslab.runs.node_record import left_of
from opslab.runs.paper import begin_paper
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import NodeAddress, thread_host
from opslab.safety.switches import KillSwitches
from opslab.samples import paper_spec

ORPHAN = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_node_process import begun
run, _ = begun(Path({root!r}), "orphan")
run.start()
run.node.freeze()
print(run.node.pid, flush=True)
sys.stdin.read()
"""


def begun(root: Path, run_id: str, **changes: Any):
    """Return a run whose node will be a process, and its switches; with changes of the spec."""
    lab = find_lab(root, {}, [root])
    switches = KillSwitches.of(lab, SystemClock())
    hosts: list[Any] = []

    def host_of(*words):
        hosts.append(thread_host(*words))
        return hosts[-1]

    spec_file = edited(read_spec(paper_spec()), changes)
    run = begin_paper(lab, spec_file, standard_registry(), run_id=run_id, host_of=host_of, switches=switches)
    run.node_of = node_processes(switches)
    return run, switches


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("nodes")
    (path / "opslab.toml").touch()
    prepare(find_lab(path, {}, [path]), "btcusdt-sample")
    return path


@dataclass
class Living:
    paper: PaperProcess
    switches: KillSwitches

    @property
    def run(self):
        return self.paper.run


@pytest.fixture
def living(root, request):
    run, switches = begun(root, request.node.name)
    with run:
        run.start()
        yield Living(PaperProcess(run, run.host), switches)


def _is_gone(pid: int) -> bool:
    """Whether a process ends within ten seconds."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 10)[0])
    finally:
        os.close(watched)


def _nodes(bundle) -> list[dict[str, Any]]:
    return [event for event in bundle.journal if event["event"].startswith("node_")]


def test_it_is_driven_as_a_node_in_this_process(living):
    paper, pid = living.paper, living.paper.node.pid
    paper.until_fresh("quotes", 2)
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    paper.modify(order, price="30100.0")
    paper.until(lambda: str(paper.venue.order(order).price).startswith("30100"), "the change")
    paper.venue.fill(order, "0.004")
    paper.until_status(order, "PARTIALLY_FILLED")
    paper.cancel(order)
    paper.until_status(order, "CANCELED")
    bundle = living.run.complete()
    assert bundle.metadata.status == "completed"
    assert (bundle.metadata.paper_execution.counters.fills_count, problems_of(bundle)) == (1, [])
    assert [view["agree"] for view in bundle.journal if view["event"] == "views_taken"] == [True, True]
    assert [event["type"] for event in bundle.events].count("OrderFilled") == 1
    started, ended = _nodes(bundle)
    assert (started["number"], started["pid"], started["database"]) == (1, pid, None)
    assert {name: ended[name] for name in ("how", "exit_code", "signal", "sent")} == {
        "how": "exit",
        "exit_code": 0,
        "signal": None,
        "sent": None,
    }
    assert list(ended["left"]["positions"].values()) == ["0.004"]
    assert _is_gone(pid)


def test_keys_are_in_neither_arguments_nor_environment(living):
    account = living.run.host.venue.accounts[0]
    shown = b"".join(Path(f"/proc/{living.paper.node.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    assert account.api_key.encode() not in shown
    assert account.api_secret.encode() not in shown


def test_a_node_that_dies_by_itself_is_a_failed_run(living):
    os.kill(living.paper.node.pid, signal.SIGKILL)
    with pytest.raises(AssertionError, match=r"OPS-RUN-FAILED: the node stopped trading: .*SIGKILL"):
        living.paper.until(lambda: False, "nothing")
    bundle = living.run.fail(EngineError("it died"))
    assert bundle.metadata.status == "failed"
    assert (_nodes(bundle)[-1]["signal"], _nodes(bundle)[-1]["sent"]) == ("SIGKILL", None)
    assert problems_of(bundle) == []


def test_the_process_asks_the_kill_switch_itself(living):
    living.switches.activate(living.run.life.run_id, "enough", "tests")
    order = living.paper.buy_limit("0.010", at="30000.0")
    living.paper.until_status(order, "DENIED")
    assert living.run.views()["venue"]["orders"] == []


def test_a_switch_that_the_node_pulls_is_in_the_runs_record(root):
    run, _ = begun(root, "pulled", **{"risk.limits": {"max_orders_per_minute": 1}})
    with run:
        run.start()
        paper = PaperProcess(run, run.host)
        for _ in range(2):
            last = paper.buy_limit("0.010", at="30000.0")
        paper.until_status(last, "DENIED")
        bundle = run.complete()
    told = [event["event"] for event in bundle.journal]
    assert told.index("kill_activated") < told.index("trigger_fired")
    assert bundle.metadata.safety["kill_switch"]["state"] == "active"
    assert problems_of(bundle) == []


def test_a_refused_command_is_one_line_and_the_node_trades_on(living):
    with pytest.raises(EngineError, match=r"^place: KeyError: 'SIDEWAYS'$"):
        living.paper._placed("SIDEWAYS", "0.010")
    with pytest.raises(EngineError, match="knows no order nobody"):
        living.paper.node.ask("cancel", order="nobody")
    living.run.node.require_trading()
    assert living.run.complete().metadata.status == "completed"


def test_a_frozen_node_refuses_questions_and_is_not_left_behind(living):
    node = living.paper.node
    with pytest.raises(EngineError, match="runs already"):
        node.start()
    node.freeze()
    with pytest.raises(EngineError, match="frozen"):
        node.ask("look")
    assert node.views()["engine"]["orders"] == []
    node.dispose()
    assert _is_gone(node.pid)


def test_a_node_dies_with_its_parent_even_frozen(root):
    script = ORPHAN.format(tests=str(Path(__file__).parent), root=str(root))
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        pid = int(parent.stdout.readline())
    finally:
        parent.kill()
        parent.communicate()
    assert _is_gone(pid)


ADDRESS = NodeAddress("http://127.0.0.1:1", "ws://127.0.0.1:1", "ws://127.0.0.1:1", "ws://127.0.0.1:1", "k", "s", "a")


def _ordered(factory, **changes) -> dict[str, Any]:
    context = StrategyContext(("BTCUSDT-PERP.BINANCE",), ("BTCUSDT-PERP.BINANCE-1-MINUTE-LAST-EXTERNAL",))
    order = NodeOrder(factory, context, is_futures=True, profile="fast", limits=None, **changes)
    return child_order(ADDRESS, order, Path("switches"), "r")


def test_a_strategy_that_cannot_be_imported_is_refused():
    with pytest.raises(EngineError, match="cannot be imported by another process"):
        _ordered(lambda _context: None)


def test_an_order_that_cannot_be_run_is_one_line(tmp_path):
    order = {**_ordered(ops_by_hand.create), "switches": str(tmp_path), "http": "http://example.org"}
    child = NodeChild(order)
    try:
        messages: list[dict[str, Any]] = []
        while not messages and child.exit_code is None:
            messages = child.messages(10)
        child.wait()
        messages += child.messages(0)
        assert child.exit_code == 1
        assert "base_url_http: leads to 'example.org', which is not loopback" in messages[-1]["error"]
    finally:
        child.kill()
        child.close()


def test_half_a_line_of_a_killed_process_is_no_message():
    child = NodeChild.__new__(NodeChild)
    import queue

    child._lines = queue.SimpleQueue()
    for line in (json.dumps({"kind": "state"}).encode() + b"\n", b'{"kind": "sta', b""):
        child._lines.put(line)
    assert child.messages(0) == [{"kind": "state"}]


def test_what_is_left_is_what_is_open():
    orders = [{"client_order_id": str(n), "status": word} for n, word in enumerate(("NEW", "FILLED", "CANCELED"))]
    positions = [
        {"instrument": "A", "signed_quantity": "-0.5"},
        {"instrument": "B", "signed_quantity": "0"},
    ]
    assert left_of({"orders": orders, "positions": positions}) == LeftAtVenue(orders=("0",), positions={"A": "-0.5"})
    assert left_of({"orders": orders}) == LeftAtVenue(orders=("0",))


def test_what_is_left_on_spot_is_what_was_bought():
    balances = [{"currency": name, "total": total} for name, total in (("BTC", "1.5"), ("ETH", "2"), ("USDT", "7"))]
    before = {"BTC": Decimal(1), "ETH": Decimal(2), "SOL": Decimal(0)}
    assert left_of({"orders": [], "balances": balances}, before) == LeftAtVenue(positions={"BTC": "0.5"})
    assert left_of({"orders": [], "balances": balances}, {"BTC": Decimal(2)}) == LeftAtVenue()
