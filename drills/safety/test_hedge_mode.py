"""An account in hedge mode, and a node with the adapter's own settings: it does not start, and says what to set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from fixtures.engine_rows import judge

from opslab.engine.node.connecting import HEDGED
from opslab.engine.node.profile import NODE
from opslab.errors import CheckFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue

RUNBOOK = "docs/runbooks/run-failed.md"


def _impatient() -> Any:
    """Let a node that cannot connect give up early: it does so only when the time for it is over."""
    return mock.patch.dict(NODE["fast"], timeout_connection=2.0, timeout_disconnection=0.5)


def _unsaid() -> AbstractContextManager[object]:
    """Say only that the client did not connect."""
    return mock.patch("opslab.engine.node.connecting.reason_of", return_value="")


@pytest.mark.drill("hedge-mode-named", rehearses=["AC-03"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("unsaid", _unsaid)
def test_a_start_in_hedge_mode_says_what_to_set(drill: Drill, paper_with: Callable[..., Any]) -> None:
    """The account was put into hedge mode: the run fails, and its one line names the mode and the setting."""

    def before(venue: DrillVenue) -> None:
        venue.faults.set_position_mode(account=venue.account, mode="hedge").begin()

    told = "started"
    try:
        with _impatient():
            paper_with(before=before)
    except CheckFailed as error:
        told = str(error)
    metadata = drill.history.run.metadata
    seen = {"named": HEDGED in told, "recorded": HEDGED in str(metadata.error), "lines": len(told.splitlines())}
    judge(drill, "AC-03-START", seen, {"named": True, "recorded": True, "lines": 1})
