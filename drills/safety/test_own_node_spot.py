"""A user's own node on a spot account that held something before: a kill sells what the run bought, and no more."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from fixtures.containing import Broken, with_position
from fixtures.doors import PulledSwitch
from fixtures.kill_rows import deposited, owned, sells_everything

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from opslab import Drill
    from opslab.runs.by_hand import Paper
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/containment.md"
NODE = pytest.mark.spec("../../src/opslab/samples/scenarios/btcusdt_spot_by_hand.yaml")
OUTSIDE = pytest.mark.spec("held_at_the_spot_door.yaml")


@pytest.fixture
def own_node() -> str:
    """Whose node trades."""
    return "fixtures.beside_spot:config"


@pytest.mark.drill(
    "kill-own-spot-node-keeps", rehearses=["SK-15"], severity="critical", contain_within="4s", runbook=RUNBOOK
)
@pytest.mark.mutant("sells-everything", sells_everything)
@pytest.mark.parametrize(
    "way",
    [
        pytest.param("engine", marks=NODE),
        pytest.param("deaf", marks=NODE),
        pytest.param("raises", marks=NODE),
        pytest.param("outside", marks=OUTSIDE),
    ],
)
def test_what_the_account_of_a_users_node_held_before_is_not_sold(
    drill: Drill, paper_with: Callable[..., Paper], kill_switch: KillSwitches, flatten: Callable[..., Any], way: str
) -> None:
    """Two strategies bought and let an order rest; the engine empties the account, or it is emptied past it."""
    paper = paper_with(before=lambda venue: deposited(venue, "0.5"))
    venue = paper.venue
    paper.until(lambda: paper.strategy.cache.orders_open_count() >= 1, "the user's strategy trades")
    with_position(paper)
    drill.steady("engine.trading")
    fact = {"asset": "BTC", "before": "0.5", "bought": owned(venue, "BTC")}
    with contextlib.ExitStack() as broken:
        if way in ("deaf", "raises"):
            broken.enter_context(drill.inject(Broken(way)))
        broken.enter_context(drill.inject(PulledSwitch(kill_switch, paper, venue)))
        if way == "outside":
            flatten(seconds=5.0)
        else:
            drill.contains("containment.flat", "containment.told")
        drill.record("kept", {**fact, "after": owned(venue, "BTC")})
        drill.holds("containment.kept", "containment.no_orders")
