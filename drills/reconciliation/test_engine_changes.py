"""A change of an order that the venue made, and whose answer is lost: what the engine believes of the order then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fixtures.engine_rows import CHECKS, RUNBOOK, asked, defect, judge, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue
    from opslab.runs.by_hand_renewed import PaperRenewed
    from opslab.venue.faults.driving import VenueFault

    type Start = Callable[..., PaperRenewed]

ROUTE = "PUT */order"
LOOKS = 5
BEFORE, CHANGED = "0.010 at 30000.0", "0.020 at 30100.0"
INFLIGHT = {"inflight_check_interval_ms": 100, "inflight_check_threshold_ms": 100}


def _resting(paper: PaperRenewed) -> Any:
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    return order


def _of_engine(order: Any) -> str:
    return f"{order.quantity} at {order.price}"


def _at_venue(venue: DrillVenue, order: Any) -> str:
    found = venue.order(order)
    return f"{found.quantity:.3f} at {found.price:.1f}"


@pytest.mark.drill("engine-change-answer-lost", rehearses=["RC-14", "OL-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("not-made")
@defect("docs/engine-defects/change-called-refused.md")
@pytest.mark.parametrize("row", ["RC-14-CHANGE", "RC-14-CHANGE-CHECKED"])
def test_a_change_of_unknown_fate_is_not_called_refused(drill: Drill, paper_with: Start, row: str) -> None:
    """The venue changes an order, answers 503 with -1007, and its report is lost: the engine finds the change."""
    is_checked = row.endswith("CHECKED")
    paper = paper_with(**(CHECKS if is_checked else {}))
    venue, faults = paper.venue, paper.venue.faults
    drill.steady("engine.trading", "views.agree")
    order, when = _resting(paper), "before" if drill.mutant else "after"
    with (
        drill.inject(faults.drop_user_stream(execution="AMENDMENT")),
        drill.inject(faults.reject_requests(route=ROUTE, status=503, code=-1007, when=when, times=1)),
    ):
        paper.modify(order, quantity="0.020", price="30100.0")
        answers = ("OrderModifyRejected", "OrderUpdated")
        paper.until(lambda: told(paper, order)[-1] in answers, "an answer to the change")
        if is_checked:
            wanted = asked(venue, "openOrders") + LOOKS
            paper.until(lambda: asked(venue, "openOrders") >= wanted, f"{LOOKS} looks at the open orders")
        paper.settle()
    seen = {"told": told(paper, order)[-1], "engine": _of_engine(order), "venue": _at_venue(venue, order)}
    promised = {"told": "OrderUpdated", "engine": CHANGED, "venue": CHANGED}
    judge(drill, row, seen, promised, {"told": "OrderModifyRejected", "engine": BEFORE})


LOST: dict[str, Callable[[DrillVenue, str], VenueFault]] = {
    "RC-14-CHANGE-CUT": lambda venue, when: venue.faults.reset_requests(route=ROUTE, when=when, times=1),
    "RC-14-CHANGE-SILENT": lambda venue, when: venue.faults.hang_requests(route=ROUTE, when=when, times=1),
    "RC-14-CHANGE-EMPTY": lambda venue, when: venue.faults.empty_body(route=ROUTE, when=when, times=1),
}


@pytest.mark.drill("engine-change-unanswered", rehearses=["RC-14", "OL-10"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("not-made")
@pytest.mark.parametrize("row", LOST)
def test_a_change_without_an_answer_is_asked_for(drill: Drill, paper_with: Start, row: str) -> None:
    """The venue changes an order, and nothing, or an empty answer, comes back: the check of orders in flight asks."""
    paper = paper_with(**INFLIGHT)
    venue, faults = paper.venue, paper.venue.faults
    drill.steady("engine.trading", "views.agree")
    order = _resting(paper)
    with (
        drill.inject(faults.drop_user_stream(execution="AMENDMENT")),
        drill.inject(LOST[row](venue, "before" if drill.mutant else "after")) as lost,
    ):
        paper.modify(order, quantity="0.020", price="30100.0")
        paper.until(lambda: lost.fired, "the request is lost")
        paper.until(lambda: order.status_string() != "PENDING_UPDATE", "the engine knows what became of the change")
        paper.settle()
    seen = {"told": told(paper, order)[-1], "engine": _of_engine(order), "venue": _at_venue(venue, order)}
    judge(drill, row, seen, {"told": "OrderUpdated", "engine": CHANGED, "venue": CHANGED})
