"""One node after the other: which one speaks, what is counted, and in which order they may come."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from opslab.contract.events import PaperCounters
from opslab.contract.execution import Profile
from opslab.engine.node.live import NodeOrder
from opslab.engine.registry import StrategyContext
from opslab.errors import EngineError
from opslab.runs.by_hand_renewed import RenewedNode

ORDER = NodeOrder(
    factory=lambda _context: None,  # no strategy is made here
    context=StrategyContext((), (), 1, {}),
    is_futures=True,
    profile=Profile.FAST,
    limits=None,
    engine={"reconciliation": True, "qsize": 7},
)


class FakeNode:
    """Notes what it is asked for."""

    def __init__(self, order: NodeOrder, number: int) -> None:
        self.order, self.name, self.did = order, f"node {number}", []
        self.cache = SimpleNamespace(orders=list, positions=list, build_index=lambda: self.did.append("carried"))

    def __getattr__(self, verb: str) -> Any:
        return lambda: self.did.append(verb)

    def views(self) -> dict[str, Any]:
        return {"engine": {"of": self.name}}

    def counters(self) -> PaperCounters:
        return PaperCounters(bars_seen=2, strategy_started=True)


@pytest.fixture
def made() -> list[FakeNode]:
    return []


@pytest.fixture
def node(made) -> RenewedNode:
    def make(order: NodeOrder) -> Any:
        made.append(FakeNode(order, len(made) + 1))
        return made[-1]

    return RenewedNode(make, ORDER)


def test_a_node_that_runs_cannot_be_followed(node, made):
    with pytest.raises(EngineError, match="the node still runs"):
        node.renew()
    assert len(made) == 1


def test_the_next_node_speaks_and_knows_what_the_last_one_knew(node, made):
    node.end()
    assert node.is_down
    node.renew()
    assert (node.name, node.is_down) == ("node 2", False)
    assert made[0].did == ["stop", "dispose"]
    assert made[1].did == ["carried", "start", "adopt"]


def test_the_next_node_begins_empty_if_asked_to(node, made):
    node.end()
    node.renew(is_kept=False)
    assert made[1].did == ["start", "adopt"]


def test_settings_that_differ_are_added_to_those_of_the_last(node, made):
    node.end()
    node.renew(reconciliation=False)
    assert made[1].order.engine == {"reconciliation": False, "qsize": 7}


def test_while_none_runs_the_last_one_s_belief_is_told(node):
    node.end()
    assert node.views() == {"engine": {"of": "node 1"}}
    node.renew()
    assert node.views() == {"engine": {"of": "node 2"}}


def test_what_all_of_them_did_is_counted(node):
    node.end()
    node.renew()
    counted = node.counters()
    assert (counted.bars_seen, counted.strategy_started) == (4, True)
