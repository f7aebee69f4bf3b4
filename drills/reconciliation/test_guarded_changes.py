"""A change whose answer is lost, on a node with a guard: the venue is asked before anything is believed of it.

The twins of ``test_engine_changes.py``; the mutant is always the same: the guard is not there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from fixtures.engine_rows import asked, judge, told
from fixtures.guarding import guards_removed

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.venue.faults.driving import VenueFault

RUNBOOK = "docs/runbooks/guards.md"
ROUTE = "PUT */order"
ROW = "RC-14-CHANGE"
AGREE = ("views.agree", "orders.told_truly", "orders.no_duplicates")
REFUSED, CHANGED, STAYS = "OrderModifyRejected", "OrderUpdated", "OrderCancelRejected"

guarded = partial(pytest.mark.drill, runbook=RUNBOOK)
removed = pytest.mark.mutant("guard-removed", guards_removed)
pytestmark = pytest.mark.spec("../venue_faults/guarded/ambiguous_submit.yaml")

LOST: dict[str, Callable[[DrillVenue], VenueFault]] = {
    "unknown": lambda venue: venue.faults.reject_requests(route=ROUTE, status=503, code=-1007, when="after", times=1),
    "error": lambda venue: venue.faults.reject_requests(route=ROUTE, status=500, code=-1000, when="after", times=1),
    "page": lambda venue: venue.faults.html_page(route=ROUTE, status=502, when="after", times=1),
}


def _resting(paper: Paper) -> Any:
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    return order


def _answers(paper: Paper, order: Any) -> list[str]:
    return [name for name in told(paper, order) if name in (REFUSED, CHANGED, STAYS)]


def _acted(drill: Drill, guard: str) -> list[str]:
    return [str(event["action"]) for event in drill.history.run.journal if event.get("guard") == guard]


def _takes_no_notice() -> AbstractContextManager[object]:
    """Let the guard not see that a change was told meanwhile."""
    return mock.patch("opslab.engine.guards.doubts.is_made", return_value=False)


@guarded("guarded-change-made", rehearses=["RC-14", "OL-10"], severity="blocker", recover_within="3s")
@removed
@pytest.mark.parametrize("answer", LOST)
def test_a_change_that_was_made_is_told_as_made(drill: Drill, paper: Paper, venue: DrillVenue, answer: str) -> None:
    """The change was made, its answer is a 5xx, and its report is lost: it is told once, and never as refused."""
    order = _resting(paper)
    drill.steady("engine.trading", *AGREE)
    with drill.inject(venue.faults.drop_user_stream(execution="AMENDMENT")), drill.inject(LOST[answer](venue)):
        paper.modify(order, quantity="0.020", price="30100.0")
        paper.until(lambda: bool(_answers(paper, order)), "an answer to the change")
    paper.settle()
    seen = {"told": _answers(paper, order), "order": f"{order.quantity} at {order.price}"}
    judge(drill, ROW, seen, {"told": [CHANGED], "order": "0.020 at 30100.0"})
    drill.recovers(*AGREE)


@guarded("guarded-change-not-made", rehearses=["OL-10"], severity="critical", recover_within="3s")
@removed
def test_a_change_that_was_not_made_is_told_when_it_is_proven(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The venue answers 503 with -1007 and changes nothing: it is asked first, and the change is told as refused."""
    order = _resting(paper)
    drill.steady("engine.trading", *AGREE)
    before = asked(venue, "order")
    with drill.inject(venue.faults.reject_requests(route=ROUTE, status=503, code=-1007, times=1)):
        paper.modify(order, quantity="0.020", price="30100.0")
        paper.until(lambda: bool(_answers(paper, order)), "an answer to the change")
    paper.settle()
    is_asked = asked(venue, "order") > before + 1  # the change itself is a request of that path
    seen = {"told": _answers(paper, order), "asked": is_asked, "order": f"{order.quantity} at {order.price}"}
    judge(drill, ROW, seen, {"told": [REFUSED], "asked": True, "order": "0.010 at 30000.0"})
    drill.recovers(*AGREE)


@guarded("guarded-cancel-not-made", rehearses=["OL-10"], severity="critical", recover_within="3s")
@removed
def test_a_cancel_that_was_not_made_is_told_when_it_is_proven(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The venue answers 503 with -1007 and cancels nothing: it is asked first, and the cancel is told as refused."""
    order = _resting(paper)
    drill.steady("engine.trading", *AGREE)
    before = asked(venue, "order")
    with drill.inject(venue.faults.reject_requests(route="DELETE */order", status=503, code=-1007, times=1)):
        paper.cancel(order)
        paper.until(lambda: bool(_answers(paper, order)), "an answer to the cancel")
    paper.settle()
    seen = {"told": _answers(paper, order), "asked": asked(venue, "order") > before + 1, "is open": order.is_open}
    judge(drill, ROW, seen, {"told": [STAYS], "asked": True, "is open": True})
    drill.recovers(*AGREE)


@guarded("guarded-change-silent", rehearses=["OL-10"], severity="critical", recover_within="3s")
@pytest.mark.mutant("takes-no-notice", _takes_no_notice)
@pytest.mark.spec("../venue_faults/guarded/late_answers.yaml")
def test_a_change_that_the_engine_found_is_not_called_refused(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """No answer comes, and the engine asks by itself before the request is given up: that tells nothing else then."""
    order = _resting(paper)
    drill.steady("engine.trading", *AGREE)
    with (
        drill.inject(venue.faults.drop_user_stream(execution="AMENDMENT")),
        drill.inject(venue.faults.hang_requests(route=ROUTE, when="after", times=1)),
    ):
        paper.modify(order, quantity="0.020", price="30100.0")
        paper.until(lambda: CHANGED in _answers(paper, order), "the engine finds the change")
        paper.until(lambda: "corrected" in _acted(drill, "http_deadline"), "the request is given up")
        paper.settle()
    seen = {"told": _answers(paper, order), "asked": "asked" in _acted(drill, "ambiguous_submit")}
    judge(drill, ROW, seen, {"told": [CHANGED], "asked": False})
    drill.recovers(*AGREE)


@guarded("guarded-change-told-late", rehearses=["OL-10"], severity="critical", recover_within="3s")
@removed
def test_a_change_that_is_told_late_is_told_once(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """The answer is lost and the report is late: the change is told once, by the venue's word, and never as refused."""
    order = _resting(paper)
    drill.steady("engine.trading", *AGREE)
    with drill.inject(venue.faults.hold_messages(execution="AMENDMENT")), drill.inject(LOST["unknown"](venue)):
        paper.modify(order, quantity="0.020", price="30100.0")
        paper.until(lambda: bool(_answers(paper, order)), "an answer to the change")
    paper.settle()
    seen = {"first": _answers(paper, order)[0], "refused": REFUSED in _answers(paper, order)}
    judge(drill, ROW, seen, {"first": CHANGED, "refused": False})
    drill.recovers(*AGREE)
