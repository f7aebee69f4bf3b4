"""A node closes its position while somebody empties its account from outside: on futures nothing is turned over."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.containing import with_position
from fixtures.doors import PulledSwitch
from fixtures.engine_rows import judge
from fixtures.kill_rows import closing_blindly

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/flatten-incomplete.md"
DELAY_SECONDS = 1.0


def _closes(venue: DrillVenue) -> list[dict[str, Any]]:
    """Return the venue's replies to orders."""
    records = venue.thread.wire.records()
    asked = {
        one.facts["number"]
        for one in records
        if one.kind == "request" and one.facts["method"] == "POST" and one.facts["path"].endswith("/order")
    }
    return [one.facts for one in records if one.kind == "reply" and one.facts["number"] in asked]


@pytest.mark.drill(
    "kill-from-both-sides", rehearses=["SK-06", "SK-04"], severity="blocker", contain_within="5s", runbook=RUNBOOK
)
@pytest.mark.mutant("closes-blindly", closing_blindly)
def test_two_closes_of_one_position_end_flat(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, flatten: Callable[..., Any]
) -> None:
    """The node's close is late: it comes after the one from outside, which ended all, and must not open anything."""
    with_position(paper)
    drill.steady("engine.trading")
    with (
        drill.inject(venue.faults.delay_requests(route="POST */order", seconds=DELAY_SECONDS, times=1)) as slow,
        drill.inject(PulledSwitch(kill_switch, paper, venue)),
    ):
        paper.until(lambda: slow.fired, "the node's close is on its way")
        before, known = len(_closes(venue)), len(paper.run.views()["venue"]["fills"])
        flatten(seconds=5.0)
        paper.until(lambda: len(_closes(venue)) >= before + 2, "answers to both closes")
        paper.settle()
        fills = paper.run.views()["venue"]["fills"][known:]
        closed = sum((Decimal(row["quantity"]) for row in fills), Decimal(0))
        judge(drill, "SK-06", {"closed": f"{closed:.3f}"}, {"closed": "0.010"})
        drill.holds("containment.flat")
