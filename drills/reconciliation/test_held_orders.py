"""Orders that the engine holds are not at the venue, and that is no difference: nothing is told, nothing is pulled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fixtures.holding import behind_another, divided, divided_to_the_end, emulated, taken_for_sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import Paper

RUNBOOK = "docs/runbooks/views-differ.md"


@pytest.mark.spec("mismatch_pulls.yaml")
@pytest.mark.drill("held-by-the-engine", rehearses=["RC-15", "SK-08"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("taken-for-sent", taken_for_sent)
@pytest.mark.parametrize("submit", [emulated, behind_another, divided, divided_to_the_end])
def test_what_the_engine_holds_is_no_difference(
    drill: Drill, paper: Paper, submit: Callable[[Paper], list[Any]]
) -> None:
    """Orders in the emulator, behind another one and in an execution algorithm differ from nothing."""
    drill.steady("engine.trading", "views.agree")
    orders = submit(paper)
    reconciled = paper.run.reconciled
    assert orders
    assert reconciled is not None
    reconciled.settle()
    reconciled.settle()
    drill.holds("views.agree", "views.quiet", "engine.trading")
