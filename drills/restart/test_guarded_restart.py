"""Guards around a node that is a process of its own, and that is killed and started again."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand_process import PaperProcess
    from opslab.runs.redis_server import RedisServer

    type Start = Callable[..., PaperProcess]

RUNBOOK = "docs/runbooks/guards.md"
ADOPTED = ("node.restarted", "orders.adopted", "orders.no_duplicates", "orders.told_truly")


@pytest.mark.drill("guarded-restarted-redis", severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("guard-removed")
@pytest.mark.spec("guarded.yaml")
def test_a_restored_cache_brings_no_phantom(drill: Drill, paper_process: Start, redis_server: RedisServer) -> None:
    """A node whose cache is kept in Redis is killed; the next one reads it, and holds what the venue holds."""
    paper = paper_process(redis_port=redis_server.port)
    order = _with_position(paper)
    paper.until(lambda: _is_kept(redis_server, order), "the cache in Redis")
    drill.steady("engine.trading", "views.agree")
    _killed_and_started(drill, paper, order)
    drill.holds(*ADOPTED[:2])
    drill.holds("positions.no_phantoms")


@pytest.mark.drill("guarded-in-a-process", severity="critical", recover_within="5s", runbook=RUNBOOK)
@pytest.mark.mutant("guard-removed")
@pytest.mark.spec("guarded.yaml")
def test_guards_stand_in_each_process(drill: Drill, paper_process: Start) -> None:
    """A node is killed and another one started: its guards stand too, and no phantom comes of an expired key."""
    paper = paper_process()
    venue, order = paper.venue, _with_position(paper)
    drill.steady("engine.trading", "views.agree")
    _killed_and_started(drill, paper, order)
    wire = venue.thread.wire
    since = wire.records()[-1].seq
    with drill.inject(venue.faults.expire_listen_key()):
        wire.wait_for(lambda record: record.facts.get("path") == LAST_OF_RECONCILIATION, 5, since)
    paper.settle()
    drill.recovers("positions.no_phantoms", "views.agree", "guard.installed", *ADOPTED)


LAST_OF_RECONCILIATION = "/fapi/v1/allAlgoOrders"
"""What a node asks last when it restores its user stream on futures."""


def _killed_and_started(drill: Drill, paper: PaperProcess, order: Any) -> None:
    """Kill the node, let the order fill, and start another node, which has no guards if that is the mutant."""
    with drill.inject(paper.killed()):
        paper.venue.fill(order)
    if drill.mutant:
        paper.node.order = dataclasses.replace(paper.node.order, guards=())
    paper.restart()


def _with_position(paper: PaperProcess) -> Any:
    """Hold 0.012 and let an order rest; return it."""
    position = paper.buy_market("0.012")
    paper.until_status(position, "FILLED")
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    return order


def _is_kept(server: RedisServer, order: Any) -> bool:
    """Whether the position and the order are in the database."""
    kept = " ".join(server.keys("*"))
    return ":positions:" in kept and f":orders:{order.client_order_id}" in kept
