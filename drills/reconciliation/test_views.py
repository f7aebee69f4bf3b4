"""Every way in which venue, engine and strategy can differ, made to happen: it is found as what it is, and told."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from fixtures.differing import (
    BY_HAND,
    POSITION,
    both,
    differs,
    found_otherwise,
    last_trade,
    lost,
    named,
    stranger,
    told_of_others,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.venue.faults.driving import VenueFault

    type Row = dict[str, str | None]

RUNBOOK = "docs/runbooks/views-differ.md"
SYMBOL = "BTCUSDT"

pytestmark = pytest.mark.spec("reconciled.yaml")


class Case(NamedTuple):
    """One way to differ.

    Attributes:
        fault: makes the fault.
        differences: what differs then; ``{order}``, ``{trade}`` and, where a trade is told as another one,
            ``{shifted}`` stand for the names in their keys.
        begin: what there is before; its result is given to ``act``.
        act: what happens while the fault is in force.
    """

    fault: Callable[[DrillVenue, Any], VenueFault]
    differences: list[Row]
    begin: Callable[[Paper], Any] = lambda _paper: None
    act: Callable[[DrillVenue, Any], object] = lambda _venue, _order: None


def _resting(paper: Paper) -> Any:
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    return order


def _holding(paper: Paper) -> Any:
    order = paper.buy_market("0.010")
    paper.until_status(order, "FILLED")
    return order


def _turning(paper: Paper) -> Any:
    _holding(paper)
    order = paper.sell_limit("0.020", at="60000.0")
    paper.until_status(order, "ACCEPTED")
    return order


def _filled(paper: Paper, venue: DrillVenue) -> Any:
    order = _resting(paper)
    venue.fill(order)
    paper.until_status(order, "FILLED")
    return order


def _fill(venue: DrillVenue, order: Any) -> None:
    venue.fill(order)


def _by_hand(venue: DrillVenue, **words: Any) -> VenueFault:
    """Return the fault that the account's owner places an order in the web page."""
    common = {"side": "BUY", "quantity": "0.010", "client_order_id": BY_HAND}
    return venue.faults.manual_order(account=venue.account, symbol=SYMBOL, **common | words)


SHIFT = 100
"""By how much a trade's id is told wrongly."""


def _edited(**edits: Any) -> Callable[[DrillVenue, Any], VenueFault]:
    """Return what makes the fault that the report of the next fill is changed so."""
    return lambda venue, _order: venue.faults.edit_messages(execution="TRADE", times=1, **edits)


TRADE = "{order}/{trade}"
CASES = {
    "a trade by hand": Case(lambda venue, _order: _by_hand(venue), named(stranger(), BY_HAND)),
    "an order by hand": Case(
        lambda venue, _order: _by_hand(venue, price="29000"),
        [differs("strategy unattributed order", BY_HAND, "BUY 0.010 NEW")],
    ),
    "a close by hand": Case(
        lambda venue, _order: _by_hand(venue, side="SELL", reduce_only=True),
        [
            differs("strategy missing_venue position", POSITION, None, "long 0.010"),
            differs("strategy unattributed order", BY_HAND, "SELL 0.010 FILLED"),
        ],
        _holding,
    ),
    "a lost fill": Case(
        lambda venue, _order: venue.faults.drop_fills(times=1),
        [*lost(), *both("missing_local position", POSITION, "long 0.010")],
        _resting,
        _fill,
    ),
    "a lost fill that turns the position": Case(
        lambda venue, _order: venue.faults.drop_fills(times=1),
        [*lost("0.020", "SELL"), *both("side position", POSITION, "short", "long")],
        _turning,
        _fill,
    ),
    "a lost cancel": Case(
        lambda venue, _order: venue.faults.drop_user_stream(execution="CANCELED"),
        both("status order", "{order}", "void", "open"),
        _resting,
        lambda venue, order: venue.thread.call(
            lambda it: it.exchange.cancel(venue.account, SYMBOL, client_order_id=str(order.client_order_id))
        ),
    ),
    "a fill under another number": Case(
        _edited(shift={"o.t": SHIFT}),
        [
            *both("missing_local fill", TRADE, "BUY 0.010"),
            *both("fabricated fill", "{order}/{shifted}", None, "BUY 0.010"),
        ],
        _resting,
        _fill,
    ),
    "a fill at another price": Case(
        _edited(scale={"o.L": 1.01, "o.ap": 1.01}),
        [*both("price fill", TRADE, "30000", "30300"), *both("average_price position", POSITION, "30000", "30300")],
        _resting,
        _fill,
    ),
    "a fill of another size": Case(
        _edited(set={"o.l": "0.006", "o.z": "0.006"}),
        [
            *both("quantity fill", TRADE, "0.004", "0.006"),
            *both("filled_quantity order", "{order}", "0.004", "0.006"),
            *both("quantity position", POSITION, "0.004", "0.006"),
        ],
        _resting,
        lambda venue, order: venue.fill(order, "0.004"),
    ),
    "a fill on the other side": Case(
        _edited(set={"o.S": "SELL"}),
        [
            *both("side fill", TRADE, "BUY", "SELL"),
            *both("side position", POSITION, "long", "short"),
            differs("strategy side order", "{order}", "BUY", "SELL"),
        ],
        _resting,
        _fill,
    ),
    "another fee": Case(_edited(set={"o.n": "1.5"}), both("fee fill", TRADE, "0.06 USDT", "1.5 USDT"), _resting, _fill),
    "a lost balance": Case(
        lambda venue, _order: venue.faults.mute_stream(stream="ACCOUNT_UPDATE", kind="user"),
        [differs("engine balance balance", "USDT", "999999.94", "1000000")],
        _resting,
        _fill,
    ),
}


@pytest.mark.drill(
    "views-differ-so", rehearses=["AC-12", "OL-06", "RC-14"], severity="critical", detect_within="3s", runbook=RUNBOOK
)
@pytest.mark.mutant("unharmed")
@pytest.mark.parametrize("name", CASES)
def test_a_difference_is_found_as_what_it_is(drill: Drill, paper: Paper, venue: DrillVenue, name: str) -> None:
    """What differs is found as what it is, row and values, and told so in the journal while the run lives."""
    case = CASES[name]
    drill.steady("engine.trading", "views.agree")
    order = case.begin(paper)
    with contextlib.nullcontext() if drill.mutant else drill.inject(case.fault(venue, order)):
        if not drill.mutant:
            case.act(venue, order)
            paper.settle()
            _know(drill, paper, case.differences, order)
            drill.detects("views.differ_so", "views.told")
    if drill.mutant:
        paper.settle()
        _know(drill, paper, case.differences, order)
        drill.holds("views.differ_so")


def _know(drill: Drill, paper: Paper, rows: list[Row], order: Any) -> None:
    """Record what is to differ, by the names that order and trade have now."""
    trade = last_trade(paper)
    name = "" if order is None else order.client_order_id.value
    drill.record("differences", named(rows, name, trade, trade + SHIFT))


@pytest.mark.drill("order-placed-twice", rehearses=["OL-04", "AC-12"], detect_within="3s", runbook=RUNBOOK)
@pytest.mark.mutant("another-name")
@pytest.mark.mutant("told-of-others", told_of_others)
def test_two_orders_of_one_name_are_a_duplicate(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The venue takes a second order under the name of one that is over: it is told as that."""
    drill.steady("engine.trading", "views.agree")
    taken = _filled(paper, venue).client_order_id.value
    drill.record("differences", both("duplicate order", taken, "2", "1"))
    name = "another" if drill.mutant == "another-name" else taken
    with drill.inject(_by_hand(venue, price="29000", client_order_id=name)):
        paper.settle()
        drill.detects("views.differ_so", "views.told")


@pytest.mark.drill("fill-made-up", rehearses=["US-13"], severity="critical", detect_within="3s", runbook=RUNBOOK)
@pytest.mark.mutant("same-number")
@pytest.mark.mutant("found-otherwise", found_otherwise)
def test_a_fill_that_the_venue_made_up_is_fabricated(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """A fill told twice under two numbers is one fill in the books: the other one is fabricated."""
    drill.steady("engine.trading", "views.agree")
    order = _resting(paper)
    shifted = {} if drill.mutant == "same-number" else {"o.t": 1}
    lie = venue.faults.edit_messages(execution="TRADE", shift=shifted, set={"o.X": "PARTIALLY_FILLED"}, times=1)
    with drill.inject(venue.faults.duplicate_messages(execution="TRADE", kind="user")), drill.inject(lie):
        venue.fill(order, "0.004")
        paper.settle()
        made_up = [
            *both("fabricated fill", "{order}/{shifted}", None, "BUY 0.004"),
            *both("filled_quantity order", "{order}", "0.004", "0.008"),
            *both("quantity position", POSITION, "0.004", "0.008"),
        ]
        trade = last_trade(paper)
        drill.record("differences", named(made_up, order.client_order_id.value, trade, trade + 1))
        drill.detects("views.differ_so", "views.told")
