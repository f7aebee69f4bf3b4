"""What the engine's documentation promises of each order state, row by row (NT-STATE-*)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.engine_rows import CHECKS, ORDER_QUERIES, RUNBOOK, asked, at_venue, defect, judge, state, told, withdraw
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opslab import Drill
    from opslab.runs.by_hand_renewed import PaperRenewed

    type Start = Callable[..., PaperRenewed]

LISTS = "GET */allOrders|GET */openOrders"
FULL = {"open_check_open_only": False}
LOOKS = 4
"""How often the engine asks before an order counts as left alone."""


@contextlib.contextmanager
def forgotten(paper: PaperRenewed) -> Iterator[None]:
    """Let the venue know nothing of the account's orders; what is not asked for is not part of the drill's faults."""
    faults = paper.venue.faults
    lies = (faults.empty_queries(route=LISTS), faults.reject_requests(route="GET */order", code=-2013, status=400))
    with contextlib.ExitStack() as healing:
        for lie in lies:
            lie.begin()
            healing.callback(lie.heal)
        yield


@dataclass(frozen=True)
class Course:
    """How an order comes into a state, and what the engine is to make of it.

    Attributes:
        status: the engine's word when the check first looks.
        resolved: the engine's word afterwards.
        told: the last event that the strategy is given.
        filled: how much of the order fills before.
        withdrawn: whether the venue cancels it, and tells nobody.
        forgets: whether the venue knows it no more.
        claims: the status that the venue's answers give it.
        cut: route of a request that breaks before it has an effect.
        engine: settings that the row is about.
    """

    status: str
    resolved: str
    told: str
    filled: str = ""
    withdrawn: bool = False
    forgets: bool = False
    claims: str = ""
    cut: str = ""
    engine: Mapping[str, Any] = field(default_factory=lambda: FULL)


COURSES = {
    "NT-STATE-2": Course("ACCEPTED", "REJECTED 0.000", "OrderRejected", withdrawn=True, forgets=True),
    "NT-STATE-3": Course("ACCEPTED", "CANCELED 0.000", "OrderCanceled", withdrawn=True),
    "NT-STATE-4": Course("ACCEPTED", "EXPIRED 0.000", "OrderExpired", withdrawn=True, claims="EXPIRED"),
    "NT-STATE-5": Course("ACCEPTED", "REJECTED 0.000", "OrderRejected", withdrawn=True, claims="REJECTED"),
    "NT-STATE-6": Course(
        "PENDING_UPDATE", "PENDING_UPDATE 0.000", "OrderPendingUpdate", forgets=True, cut="PUT */order"
    ),
    "NT-STATE-7": Course(
        "PENDING_CANCEL", "PENDING_CANCEL 0.000", "OrderPendingCancel", forgets=True, cut="DELETE */order"
    ),
    "NT-STATE-8": Course("PARTIALLY_FILLED", "CANCELED 0.004", "OrderCanceled", filled="0.004", withdrawn=True),
    "NT-STATE-9": Course(
        "PARTIALLY_FILLED", "CANCELED 0.004", "OrderCanceled", filled="0.004", withdrawn=True, forgets=True
    ),
    "NT-STATE-10": Course("ACCEPTED", "ACCEPTED 0.000", "OrderAccepted", withdrawn=True, engine={}),
    "NT-STATE-11": Course(
        "ACCEPTED",
        "ACCEPTED 0.000",
        "OrderAccepted",
        withdrawn=True,
        engine={**FULL, "open_check_threshold_ms": 60_000},
    ),
    "NT-STATE-13": Course("FILLED", "FILLED 0.010", "OrderFilled", filled="0.010", forgets=True),
}


def _brought(paper: PaperRenewed, course: Course) -> Any:
    """Place an order and bring it where the row begins."""
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    if course.filled:
        paper.venue.fill(order, course.filled)
        paper.until_status(order, "FILLED" if course.filled == "0.010" else "PARTIALLY_FILLED")
    return order


def _happens(drill: Drill, paper: PaperRenewed, course: Course, order: Any, lasting: contextlib.ExitStack) -> None:
    """Let the row's course happen, untold."""
    faults = paper.venue.faults
    if course.withdrawn:
        with drill.inject(faults.drop_user_stream()):
            withdraw(paper.venue, order)
    if course.claims:
        said = {"*.status": course.claims, "status": course.claims}
        lasting.enter_context(drill.inject(faults.edit_replies(route=f"{LISTS}|GET */order", set_=said)))
    if course.cut:
        with drill.inject(faults.reset_requests(route=course.cut)) as cut:
            _ask(paper, order, course.cut)
            paper.until(lambda: cut.fired, "the request is cut")
    if course.forgets:
        lasting.enter_context(forgotten(paper))


def _ask(paper: PaperRenewed, order: Any, route: str) -> None:
    if route.startswith("PUT"):
        paper.modify(order, price="30100.0")
    else:
        paper.cancel(order)


@pytest.mark.drill("engine-order-states", rehearses=["RC-04", "RC-05"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("filled-instead")
@pytest.mark.parametrize("row", COURSES)
def test_a_check_brings_an_order_where_the_venue_has_it(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-STATE-2 to -11, -13: what the check of open orders makes of an order whose events were lost."""
    course = COURSES[row]
    paper = paper_with(**{**CHECKS, **course.engine})
    drill.steady("engine.trading")
    with contextlib.ExitStack() as lasting:
        if drill.mutant:
            order = _brought(paper, Course("", "", ""))
            paper.venue.fill(order, "0.009")
        else:
            order = _brought(paper, course)
            _happens(drill, paper, course, order, lasting)
        began = state(paper, order).split()[0]
        looks = asked(paper.venue, "openOrders")
        paper.until(lambda: asked(paper.venue, "openOrders") >= looks + LOOKS, f"{LOOKS} looks")
        seen = {"began": began, "resolved": state(paper, order), "told": told(paper, order)[-1]}
    judge(drill, row, seen, {"began": course.status, "resolved": course.resolved, "told": course.told})


@pytest.mark.drill("engine-submitted-not-found", rehearses=["OL-03"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("placed")
@defect("docs/engine-defects/submitted-not-found.md")
def test_an_order_that_never_arrived_is_given_up(drill: Drill, paper_with: Start) -> None:
    """NT-STATE-1: an order in flight that the venue does not know is called rejected by the check of open orders."""
    paper = paper_with(**CHECKS, **FULL)
    drill.steady("engine.trading")
    when = "after" if drill.mutant else "before"
    with drill.inject(paper.venue.faults.reset_requests(route="POST */order", when=when)) as cut:
        order = paper.buy_limit("0.010", at="30000.0")
        paper.until(lambda: cut.fired, "the request is cut")
    paper.until(lambda: asked(paper.venue, "openOrders") > LOOKS, f"{LOOKS} looks")
    seen = {"resolved": state(paper, order), "told": told(paper, order)[-1]}
    known = {"resolved": "SUBMITTED 0.000", "told": "OrderSubmitted"}
    judge(drill, "NT-STATE-1", seen, {"resolved": "REJECTED 0.000", "told": "OrderRejected"}, known)


@pytest.mark.drill("engine-not-found-asked", rehearses=["RC-01", "RC-11"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("rejected-by-venue")
@defect("docs/engine-defects/live-order-not-found.md")
@pytest.mark.parametrize("row", ["NT-STATE-12", "NT-STATE-12-REFUSED"])
def test_a_live_order_is_asked_for_before_it_is_given_up(drill: Drill, paper_with: Start, row: str) -> None:
    """NT-STATE-12: lists of orders cannot be had; an order that lives is asked for by name, and not called rejected."""
    paper = paper_with(**CHECKS, **FULL)
    venue, faults = paper.venue, paper.venue.faults
    drill.steady("engine.trading")
    order = _brought(paper, Course("", "", ""))
    if drill.mutant:
        withdraw(venue, order)
    routes = ORDER_QUERIES if row.endswith("REFUSED") else LISTS
    with drill.inject(faults.reject_requests(route=routes, status=503, code=-1001)):
        looks = asked(venue, "openOrders")
        paper.until(lambda: asked(venue, "openOrders") >= looks + LOOKS, f"{LOOKS} looks")
        seen = {"engine": state(paper, order), "told": told(paper, order)[-1], "venue": at_venue(venue, order)}
    promised = {"engine": "ACCEPTED 0.000", "told": "OrderAccepted", "venue": "NEW 0"}
    judge(drill, row, seen, promised, {"engine": "REJECTED 0.000", "told": "OrderRejected"})


@pytest.mark.drill("engine-not-found-named", rehearses=["RC-01", "RC-11"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("rejected-by-venue")
def test_a_live_order_of_a_named_client_is_asked_for(drill: Drill, paper_with: Start) -> None:
    """NT-STATE-12-NAMED: lists cannot be had; an order that was submitted to a client by name is asked for by name."""
    paper = paper_with(**CHECKS, **FULL)
    venue, strategy = paper.venue, paper.strategy
    drill.steady("engine.trading")
    instrument = next(iter(strategy.cache.instruments()))
    order = strategy.order_factory.limit(
        instrument_id=instrument.id,
        order_side=OrderSide.BUY,
        quantity=instrument.make_qty("0.010"),
        price=instrument.make_price("30000.0"),
    )
    strategy.submit_order(order, client_id=ClientId("BINANCE"))
    paper.until_status(order, "ACCEPTED")
    if drill.mutant:
        withdraw(venue, order)
    with drill.inject(venue.faults.reject_requests(route=LISTS, status=503, code=-1001)):
        looks = asked(venue, "openOrders")
        paper.until(lambda: asked(venue, "openOrders") >= looks + LOOKS, f"{LOOKS} looks")
        seen = {"engine": state(paper, order), "told": told(paper, order)[-1], "venue": at_venue(venue, order)}
    promised = {"engine": "ACCEPTED 0.000", "told": "OrderAccepted", "venue": "NEW 0"}
    judge(drill, "NT-STATE-12-NAMED", seen, promised)
