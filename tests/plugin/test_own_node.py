"""``--opslab-node``: a user's node takes the place of the lab's; what cannot is a usage error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tests.engine.node.own_config  # noqa: F401

# An in-process run forgets the modules that it imported; the engine's cannot be loaded a second time.
import opslab.engine.node.own  # noqa: F401

REPOSITORY = Path(__file__).parents[2]
NODE = """
from msgspec.structs import replace
from nautilus_trader.config import LiveExecEngineConfig
from tests.engine.node.own_config import PERP, client, config, strategy

def quiet():
    settings = {**strategy().config, "request_bars": False, "fast_ema_period": 2, "slow_ema_period": 3}
    return config(strategies=[strategy(config=settings)])

def raises():
    raise ValueError("no credentials")

def wrong():
    return 7

def ether():
    other = "ETHUSDT-PERP.BINANCE"
    settings = {**strategy().config, "instrument_id": other, "bar_type": other + "-1-MINUTE-LAST-EXTERNAL"}
    return config(strategies=[strategy(config=settings)])

def elsewhere():
    return client("exec_clients", proxy_url="http://proxy:1")
"""

DRILL = """
@pytest.mark.drill("own-trades")
def test_own(drill, paper, venue, own_node):
    drill.steady("engine.trading", "views.agree")
    orders = paper.run.node.cache.orders
    ours = lambda: [order for order in orders() if "OPSLAB" in order.client_order_id.value]
    paper.until(lambda: len(orders()) > len(ours()), "an order of the user's strategy")
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    venue.fill(order)
    paper.until_status(order, "FILLED")
    drill.recovers("views.agree")
    drill.holds("engine.trading", "orders.no_duplicates", "positions.no_phantoms", "orders.told_truly")
    assert len(ours()) == 1
"""

TWO = """
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.drill("own-under-way")
@pytest.mark.mutant("unfilled")
def test_under_way(drill, paper, venue, number):
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    venue.fill(order) if drill.mutant is None else None
    drill.record("healthy", drill.mutant is None)
    drill.recovers("views.agree")
    drill.holds("engine.trading", "demo.needs_fact")
"""

QUIET = """
@pytest.mark.drill("needs-nothing")
def test_quiet(drill):
    drill.holds("demo.passes")
"""

SPOT = """
spec_version: v1
run_id: spot
mode: paper
engine: nautilus
venue: binance
instrument: BTCUSDT
strategy: {name: ops_by_hand, version: 0.1.0}
data: {dataset: btcusdt-sample}
risk: {profile: rehearsal}
execution: {market: spot}
observability: {journal: true}
"""


@pytest.fixture
def own(ops, monkeypatch):
    """A lab with a module of nodes beside its drills."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    ops.write("my_nodes.py", NODE)
    return ops


@pytest.fixture
def ran(own, apart):
    """Run pytest apart, where the tests' own modules can be imported too."""

    def run(*words):
        places = (own.path, REPOSITORY / "src", REPOSITORY)
        return apart(own.path, *words, PYTHONPATH=os.pathsep.join(map(str, places)))

    return run


def test_their_strategy_trades_beside_orders_by_hand(own, ran):
    own.drills(DRILL)
    result = ran("--opslab-node", "my_nodes:quiet")
    assert result.returncode == 0, result.stdout + result.stderr
    (journal,) = own.path.glob("artifacts/runs/*/journal.jsonl")
    assert '"own_node":{' in journal.read_text()
    files = [path for path in own.path.glob("artifacts/**/*") if path.is_file()]
    assert not [path for path in files if b"REAL-" in path.read_bytes()]


def test_a_fixture_gives_the_node_and_the_other_market_is_skipped(own, ran):
    own.write("spot.yaml", SPOT)
    own.drills(
        "from my_nodes import quiet\n"
        "@pytest.fixture\ndef own_node():\n    return quiet\n"
        "@pytest.mark.spec('spot.yaml')\n@pytest.mark.drill('on-spot')\n"
        "def test_spot(drill, paper):\n    drill.steady('engine.trading')\n"
    )
    result = ran("-rs")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rehearses spot; the own node my_nodes:quiet trades futures" in result.stdout


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ("my_nodes", "names no function"),
        ("not_there:quiet", "cannot be imported"),
        ("my_nodes:nothing", "has no nothing"),
        ("my_nodes:raises", "raised ValueError: no credentials"),
        ("my_nodes:wrong", "gives a int, not a TradingNodeConfig"),
        ("my_nodes:elsewhere", "a proxy would take the requests elsewhere"),
    ],
)
def test_what_is_no_node_for_the_venue_is_one_line(own, refused, reference, what):
    own.drills(QUIET)
    line = refused("--opslab-node", reference)
    assert line.startswith("ERROR: --opslab-node: node")
    assert what in line


@pytest.mark.parametrize(
    ("returned", "what"),
    [("'bad name'", "names no function"), ("my_nodes.ether", "asks for ETHUSDT-PERP.BINANCE, the venue of this run")],
)
def test_a_fixture_that_gives_no_node_for_the_venue_is_told_without_a_traceback(own, ran, returned, what):
    own.drills(
        f"import my_nodes\n@pytest.fixture\ndef own_node():\n    return {returned}\n"
        "@pytest.mark.drill('own')\ndef test_own(drill, paper):\n    drill.steady('engine.trading')\n"
    )
    result = ran("-q")
    assert result.returncode == 1
    assert what in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert "src/opslab" not in result.stdout
    assert len(result.stdout.splitlines()) < 20, result.stdout


@pytest.mark.parametrize("words", [("-n", "2"), ("--opslab-mutants",)])
def test_it_trades_under_workers_and_under_mutants(own, ran, words):
    own.drills(TWO)
    result = ran("--opslab-node", "my_nodes:quiet", *words)
    assert result.returncode == 0, result.stdout + result.stderr
    journals = [path.read_text() for path in own.path.glob("artifacts/runs/*/journal.jsonl")]
    assert len(journals) == 2
    assert all('"own_node":{' in text for text in journals)
    assert ("2 mutants: 2 caught" if "--opslab-mutants" in words else "2 drills: 2 passed") in result.stdout


def test_the_setting_names_it_too_and_the_option_switches_it_off(own, refused):
    own.drills(QUIET)
    with (own.path / "pytest.toml").open("a") as file:
        file.write('opslab_node = "my_nodes:wrong"\n')
    assert refused().startswith("ERROR: opslab_node: node my_nodes:wrong")
    assert own.run("--opslab-node", "").ret == 0


def test_without_a_drill_nothing_of_it_is_imported(own):
    own.write("test_plain.py", "def test_plain():\n    pass\n")
    assert own.run("--opslab-node", "not_there:quiet").ret == 0
