"""A strategy that answers each denial with many orders is stopped, and the venue is flat in time all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest
from fixtures.containing import resting, with_position
from fixtures.doors import PulledSwitch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/containment.md"
MARGIN = 100
"""Two waves of fifty may be under way when the limit is passed."""


def _let_on() -> AbstractContextManager[object]:
    """Stop nobody."""
    return mock.patch("opslab.engine.guards.storm._stop")


@pytest.mark.spec("storms.yaml")
@pytest.mark.drill(
    "contained-storm",
    rehearses=["SK-05", "SK-06"],
    severity="blocker",
    contain_within="2s",
    recover_within="2s",
    runbook=RUNBOOK,
)
@pytest.mark.mutant("let-on", _let_on)
def test_a_storm_of_orders_does_not_keep_the_venue_from_being_emptied(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """Fifty orders for each one that is denied: the strategy is stopped at once, and all that was there is ended."""
    from opslab.safety.storm import MOST

    strategy, node = paper.strategy, paper.run.node
    resting(paper, 3)
    with_position(paper)
    drill.steady("engine.trading")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        before = strategy.sent
        node.pump_until(lambda: "containment_ended" in drill.history.run.event_names, 3)
        name, sent = strategy.id.value, strategy.sent - before
        drill.record("storm", {"strategy": name, "sent": sent, "most": MOST + MARGIN})
        drill.contains("containment.flat", "containment.told", "containment.timed", "storm.ended")
    strategy.calm()
    strategy.resume()
    drill.recovers("engine.trading", "views.agree")
