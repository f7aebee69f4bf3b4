"""A node that dies, ends or hangs leaves its orders and its position at the venue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from opslab.contract.left import LeftAtVenue
from opslab.runs import node_record
from opslab.runs.node_child import NodeChild

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue
    from opslab.runs.by_hand_process import PaperProcess
    from opslab.runs.redis_server import RedisServer

    type Start = Callable[..., PaperProcess]

RUNBOOK = "docs/runbooks/node-killed.md"
ADOPTED = ("node.restarted", "orders.adopted", "orders.no_duplicates", "orders.told_truly")


def _unsaid() -> AbstractContextManager[object]:
    """Write nothing of what a node leaves."""
    return mock.patch.object(node_record, "left_of", return_value=LeftAtVenue())


def _not_stopped() -> AbstractContextManager[object]:
    """Send no SIGSTOP."""
    return mock.patch.object(NodeChild, "freeze")


def _with_position(paper: PaperProcess) -> list[Any]:
    """Hold 0.012 and let three orders rest; return these."""
    position = paper.buy_market("0.012")
    paper.until_status(position, "FILLED")
    resting = [paper.buy_limit("0.010", at=price) for price in ("30000.0", "30100.0", "30200.0")]
    for order in resting:
        paper.until_status(order, "ACCEPTED")
    return resting


def _withdraw(venue: DrillVenue, order: Any) -> None:
    """Cancel an order at the venue, past the node."""
    found = venue.order(order)
    venue.thread.call(
        lambda it: it.exchange.cancel(venue.account, found.command.symbol, order_id=found.order_id),
    )


def _not_reconciled(drill: Drill) -> dict[str, bool]:
    return {"reconciliation": False} if drill.mutant == "not-reconciled" else {}


@pytest.mark.drill("node-killed-restarted", rehearses=["RS-01", "RS-02"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("not-reconciled")
@pytest.mark.mutant("not-restarted")
def test_what_a_killed_node_record_is_adopted(drill: Drill, paper_process: Start) -> None:
    """A node is killed with a position and open orders, of which one fills and one is cancelled; the next knows all."""
    paper = paper_process()
    kept, filled, cancelled = _with_position(paper)
    drill.steady("engine.trading", "views.agree")
    with drill.inject(paper.killed()):
        paper.venue.fill(filled)
        _withdraw(paper.venue, cancelled)
    if drill.mutant != "not-restarted":
        paper.restart(**_not_reconciled(drill))
    drill.holds("views.agree", "positions.no_phantoms", "positions.kept", *ADOPTED)
    paper.cancel(kept)
    paper.until_status(kept, "CANCELED")
    drill.holds("orders.adopted", "positions.no_phantoms")


@pytest.mark.drill("node-killed-restarted-redis", rehearses=["RS-01", "RS-02"], severity="critical", runbook=RUNBOOK)
@pytest.mark.known_defect(
    "OPS-POSITION-PHANTOM", versions=">=1.231,<1.232", reference="docs/engine-defects/redis-phantom.md"
)
@pytest.mark.mutant("not-reconciled")
def test_a_restored_cache_and_the_venue_agree(drill: Drill, paper_process: Start, redis_server: RedisServer) -> None:
    """A node whose cache is kept in Redis is killed; the next one reads it, and holds what the venue holds."""
    paper = paper_process(redis_port=redis_server.port)
    _, filled, cancelled = resting = _with_position(paper)
    paper.until(lambda: _is_kept(redis_server, resting), "the cache in Redis")
    drill.steady("engine.trading", "views.agree")
    with drill.inject(paper.killed()):
        paper.venue.fill(filled)
        _withdraw(paper.venue, cancelled)
    paper.restart(**_not_reconciled(drill))
    drill.holds(*ADOPTED[:2])
    drill.holds("positions.no_phantoms")


@pytest.mark.drill("node-killed-restarted-spot", rehearses=["RS-01", "RS-02"], severity="critical", runbook=RUNBOOK)
@pytest.mark.spec("src/opslab/samples/scenarios/btcusdt_spot_by_hand.yaml")
@pytest.mark.known_defect(
    "OPS-POSITION-LOST", versions=">=1.231,<1.232", reference="docs/engine-defects/spot-position-lost.md"
)
@pytest.mark.mutant("not-reconciled")
def test_a_spot_position_survives_its_node(drill: Drill, paper_process: Start) -> None:
    """A spot node is killed with a position and open orders; the next one knows the orders, and what it holds."""
    paper = paper_process()
    _, filled, cancelled = _with_position(paper)
    drill.steady("engine.trading", "positions.kept", "orders.adopted")
    with drill.inject(paper.killed()):
        paper.venue.fill(filled)
        _withdraw(paper.venue, cancelled)
    paper.restart(**_not_reconciled(drill))
    drill.holds("node.restarted", "orders.adopted")
    drill.holds("positions.kept")


def _is_kept(server: RedisServer, orders: list[Any]) -> bool:
    """Whether the position and every order are in the database."""
    kept = " ".join(server.keys("*"))
    return ":positions:" in kept and all(f":orders:{order.client_order_id}" in kept for order in orders)


@pytest.mark.drill("node-terminated", rehearses=["RS-10"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("left-unsaid", _unsaid)
@pytest.mark.mutant("orders-withdrawn")
@pytest.mark.mutant("killed-instead")
def test_a_terminated_node_leaves_its_orders(drill: Drill, paper_process: Start) -> None:
    """SIGTERM stops the node and nothing else: its orders rest, the journal names them, the next node adopts them."""
    paper = paper_process()
    resting = _with_position(paper)
    drill.record("resting", [order.client_order_id for order in resting])
    drill.steady("engine.trading", "views.agree")
    with drill.inject(paper.killed() if drill.mutant == "killed-instead" else paper.terminated()):
        if drill.mutant == "orders-withdrawn":
            _withdraw(paper.venue, resting[0])
        drill.holds("node.ended_by_itself", "orders.rest", "node.left_named")
    paper.restart()
    drill.holds("views.agree", "positions.no_phantoms", *ADOPTED)


@pytest.mark.drill("node-frozen", severity="critical", recover_within="5s", runbook=RUNBOOK)
@pytest.mark.mutant("not-stopped", _not_stopped)
@pytest.mark.mutant("orders-withdrawn")
def test_orders_of_a_frozen_node_rest_and_fill(drill: Drill, paper_process: Start) -> None:
    """SIGSTOP: the venue hears nothing, the orders rest and fill, a cancel asked of the node waits until it goes on."""
    paper = paper_process()
    kept, filled, other = _with_position(paper)
    drill.record("resting", [kept.client_order_id, other.client_order_id])
    drill.steady("engine.trading", "views.agree")
    wire = paper.venue.thread.wire
    with drill.inject(paper.frozen()):
        since = wire.records()[-1].seq
        paper.venue.fill(filled)
        if drill.mutant == "orders-withdrawn":
            _withdraw(paper.venue, kept)
        paper.node.tell("cancel", order=other.client_order_id)
        wire.wait_for(lambda record: record.kind in ("in", "request"), 0.3, since)
        drill.record("frozen", _spoken(wire.records(since)))
        drill.holds("node.silent", "orders.rest")
    paper.until_status(other, "CANCELED")
    drill.recovers("views.agree", "positions.no_phantoms", "orders.no_duplicates", "orders.told_truly")


def _spoken(records: list[Any]) -> dict[str, Any]:
    """Return what venue and node said: how many messages went out, and what came in."""
    heard = [str(record.facts.get("path", record.kind)) for record in records if record.kind in ("in", "request")]
    return {"told": sum(record.kind == "out" for record in records), "heard": heard}
