"""What happens on an account past its node: by the venue, by hand, by a second node, by another mode."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

import pytest
from fixtures.differing import BY_HAND, POSITION, balance, differs, named, stranger

from opslab.runs.node_process import NodeProcess
from opslab.runs.paper_plan import node_order
from opslab.venue.orders import NewOrder, OrderType, PositionSide, Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.venue.faults.driving import VenueFault

RUNBOOK = "docs/runbooks/views-differ.md"
PHANTOM = "docs/engine-defects/liquidation-phantom.md"
SYMBOL = "BTCUSDT"
ORDERS = ("orders.told_truly", "orders.no_duplicates")

pytestmark = pytest.mark.spec("reconciled.yaml")


def _resting(paper: Paper) -> Any:
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    return order


def _holding(paper: Paper) -> Any:
    order = paper.buy_market("0.010")
    paper.until_status(order, "FILLED")
    return order


def _liquidated(venue: DrillVenue) -> VenueFault:
    return venue.faults.liquidate(account=venue.account, symbol=SYMBOL)


def _reduced(venue: DrillVenue) -> VenueFault:
    return venue.faults.deleverage(account=venue.account, symbol=SYMBOL, quantity="0.004")


@pytest.mark.drill("position-closed-by-the-venue", rehearses=["AC-05", "AC-06"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.known_defect("OPS-POSITION-PHANTOM", versions=">=1.231,<1.232", reference=PHANTOM)
@pytest.mark.mutant("untold")
@pytest.mark.parametrize("closed", [_liquidated, _reduced])
def test_what_the_venue_closes_is_closed(
    drill: Drill, paper: Paper, venue: DrillVenue, closed: Callable[[DrillVenue], VenueFault]
) -> None:
    """A liquidation or an auto-deleveraging makes the engine's position smaller, and opens none."""
    drill.steady("engine.trading", "views.agree")
    _holding(paper)
    with contextlib.ExitStack() as broken:
        if drill.mutant:
            broken.enter_context(drill.inject(venue.faults.drop_user_stream()))
        broken.enter_context(drill.inject(closed(venue)))
        paper.settle()
    drill.holds("positions.kept", "positions.no_phantoms", "engine.trading", "orders.told_truly")


QUERIES = "GET */openOrders|GET */positionRisk|GET */allOrders|GET */userTrades"
NO_ANSWER: dict[str, Callable[[DrillVenue], VenueFault]] = {
    "empty": lambda venue: venue.faults.empty_queries(),
    "refused": lambda venue: venue.faults.reject_requests(route=QUERIES, status=503, code=-1001),
}


@pytest.mark.drill(
    "query-without-answer", rehearses=["RC-01"], severity="blocker", recover_within="2s", runbook=RUNBOOK
)
@pytest.mark.mutant("order-gone")
@pytest.mark.parametrize("answer", NO_ANSWER)
def test_no_answer_is_not_nothing(drill: Drill, paper: Paper, venue: DrillVenue, answer: str) -> None:
    """The node asks what there is when its user stream is back: an empty answer or an error is not a flat account."""
    drill.steady("engine.trading", "views.agree")
    order = _resting(paper)
    _holding(paper)
    lie = NO_ANSWER[answer](venue)
    with drill.inject(lie):
        with drill.inject(venue.faults.close_sockets(kind="user")):
            paper.until(lambda: lie.fired, "a query of the node")
        paper.settle()
        drill.holds("views.agree", "engine.trading", *ORDERS)
    if drill.mutant:
        with drill.inject(venue.faults.drop_user_stream()):
            name = str(order.client_order_id)
            venue.thread.call(lambda it: it.exchange.cancel(venue.account, SYMBOL, client_order_id=name))
            paper.settle()
    drill.recovers("views.agree", "positions.no_phantoms")


@pytest.mark.drill(
    "zero-balance-snapshot",
    rehearses=["AC-01"],
    severity="critical",
    detect_within="3s",
    recover_within="3s",
    runbook=RUNBOOK,
)
@pytest.mark.mutant("never-asked-again")
def test_a_balance_of_zero_is_told_and_passes(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """A venue that says zero for a while costs no position and no order; it is told, and so is its end."""
    drill.steady("engine.trading", "views.agree")
    _resting(paper)
    _holding(paper)
    drill.record("differences", [differs("engine balance balance", "USDT", balance(paper), "0")])
    account = paper.strategy.cache.accounts()[0].id
    with drill.inject(venue.faults.zero_balances()) as lie:
        paper.strategy.query_account(account)
        paper.until(lambda: lie.fired, "a query of the account")
        drill.detects("views.differ_so", "views.told")
    if not drill.mutant:
        paper.strategy.query_account(account)
    drill.recovers("views.agree", "views.told_again", "positions.kept", "engine.trading")


@pytest.mark.drill("hedge-mode-mismatch", rehearses=["AC-03", "OP-08"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("placed-and-denied")
def test_an_order_in_the_wrong_position_mode_is_told_truly(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """Somebody switched the account to hedge mode: orders of a one-way node are refused, and told as that."""
    drill.steady("engine.trading", "views.agree")
    with contextlib.ExitStack() as broken:
        if drill.mutant:
            broken.enter_context(drill.inject(venue.faults.hold_messages(execution="NEW")))
            broken.enter_context(drill.inject(venue.faults.reject_requests(status=400, code=-4061, when="after")))
        else:
            broken.enter_context(drill.inject(venue.faults.set_position_mode(account=venue.account)))
        order = paper.buy_limit("0.010", at="30000.0")
        paper.until_status(order, "REJECTED")
        drill.holds("orders.told_truly", "views.agree")


@pytest.mark.drill("hedged-by-hand", rehearses=["AC-03", "AC-12"], detect_within="3s", runbook=RUNBOOK)
@pytest.mark.mutant("long-only")
@pytest.mark.mutant("short-only")
def test_two_sides_by_hand_are_not_none(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """Long and short of one size are two positions: their sum of zero hides neither."""
    drill.steady("engine.trading", "views.agree")
    legs = [(Side.BUY, PositionSide.LONG), (Side.SELL, PositionSide.SHORT)]
    hidden = {"long-only": PositionSide.SHORT, "short-only": PositionSide.LONG}.get(drill.mutant or "")
    drill.record("differences", [row for side, leg in legs for row in _of_leg(side, leg)])
    with drill.inject(venue.faults.set_position_mode(account=venue.account)):
        try:
            for side, leg in legs:
                if leg is not hidden:
                    _trade(venue, side, leg, leg.value)
            paper.settle()
            drill.detects("views.differ_so", "views.told")
            drill.holds("views.followed")
        finally:
            for side, leg in legs:  # else the account cannot go back to one-way mode
                if leg is not hidden:
                    _trade(venue, Side.SELL if side is Side.BUY else Side.BUY, leg)


def _of_leg(side: Side, leg: PositionSide) -> list[dict[str, str | None]]:
    """Return what the strategy does not know of one side."""
    name = leg.value.lower()
    return [
        differs("strategy missing_local position", f"{POSITION}/{name}", f"{name} 0.010"),
        differs("strategy unattributed order", leg.value, f"{side.value} 0.010 FILLED"),
    ]


def _trade(venue: DrillVenue, side: Side, leg: PositionSide, name: str = "") -> None:
    size = Decimal("0.010")
    order = NewOrder(
        symbol=SYMBOL, side=side, type=OrderType.MARKET, quantity=size, position_side=leg, client_order_id=name
    )
    venue.thread.call(lambda it: it.exchange.submit(venue.account, order))


@pytest.mark.drill("reduce-only-refused", rehearses=["AC-08", "AC-10", "SK-07"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("not-reduce-only")
def test_a_close_of_what_is_gone_opens_nothing(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The position was closed by hand: the strategy's own close is refused and told as that, and nothing is opened."""
    closed = [
        differs("strategy missing_venue position", POSITION, None, "long 0.010"),
        differs("strategy unattributed order", BY_HAND, "SELL 0.010 FILLED"),
    ]
    drill.record("differences", closed)
    drill.steady("engine.trading", "views.agree")
    _holding(paper)
    words = {"symbol": SYMBOL, "side": "SELL", "quantity": "0.010", "reduce_only": True, "client_order_id": BY_HAND}
    with drill.inject(venue.faults.manual_order(account=venue.account, **words)):
        paper.settle()
        order = paper.sell_market("0.010", reduce_only=not drill.mutant)
        paper.until_status(order, "FILLED" if drill.mutant else "REJECTED")
        paper.settle()
    drill.holds("views.differ_so", "views.followed", "positions.kept", "orders.told_truly")


@pytest.mark.drill("split-brain", rehearses=["OP-12", "AC-12"], severity="blocker", detect_within="3s", runbook=RUNBOOK)
@pytest.mark.mutant("idle-twin")
def test_a_second_node_on_the_account_is_told(drill: Drill, paper: Paper) -> None:
    """A second node trades on the account: the first one's engine follows, and its order is told as nobody's."""
    drill.steady("engine.trading", "views.agree")
    with _Twin(paper, quantity=None if drill.mutant else "0.010") as twin, drill.inject(twin):
        paper.settle()
        orders = paper.run.venue_view()["orders"]
        drill.record("differences", named(stranger(), orders[0]["client_order_id"] if orders else "none"))
        drill.detects("views.differ_so", "views.told")
        drill.holds("views.followed", "orders.told_truly")


class _Twin:
    """The fault that a second node, in a process of its own, trades on the same account.

    Args:
        paper: the first one's run.
        quantity: what it buys at the market; None: nothing.
    """

    name = "a second node trades"

    def __init__(self, paper: Paper, *, quantity: str | None) -> None:
        run = paper.run
        assert run.address is not None
        order = node_order(run.plan)
        self._quantity = quantity
        self._node = NodeProcess(
            run, run.address, order, write=lambda _line: None, tell=run.tell, switches=run.switches
        )

    def __enter__(self) -> Self:
        """Start it."""
        self._node.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave no process behind."""
        self._node.dispose()

    @property
    def fired(self) -> bool:
        """Whether it is there."""
        return self._node.is_up

    def begin(self) -> None:
        """Let it trade."""
        if self._quantity is not None:
            self._node.ask("place", side="BUY", quantity=self._quantity)

    def heal(self) -> None:
        """Nothing: what it did stays."""
