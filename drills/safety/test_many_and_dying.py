"""A kill switch holds under a crowd of callers, when its caller dies, and when somebody else clears it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab import Drill

RUNBOOK = "docs/runbooks/safety-gate.md"


@pytest.fixture
def pulling(tmp_path: Path, child: Callable[..., Any], drill: Drill) -> Callable[..., None]:
    """Pull switches of a lab of its own in forked children, and record what was found."""

    def rehearse(mode: str, script: str = "pulling") -> None:
        for name, value in child(script, mode, tmp_path, drill.mutant or "none").items():
            drill.record(name, value)

    return rehearse


@pytest.mark.drill("switch-under-contention", rehearses=["SK-10", "SK-16"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("lock-removed")
@pytest.mark.mutant("lock-not-waited-for")
def test_a_crowd_of_callers_loses_nothing(drill: Drill, pulling: Callable[..., None]) -> None:
    """150 processes that pull at once are all acknowledged and recorded, and what they pulled can be cleared."""
    pulling("contend")
    drill.holds("kill_switch.contended")


@pytest.mark.drill("switch-survives-kill", rehearses=["SK-02", "SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("doubts-ignored")
@pytest.mark.mutant("torn-line-kept")
@pytest.mark.mutant("litter-kept")
def test_a_command_killed_at_any_step_never_opens_a_switch(drill: Drill, pulling: Callable[..., None]) -> None:
    """Kill -9 at every step of a command leaves the switch active or as it was, and the next activation works."""
    pulling("die")
    drill.holds("kill_switch.survives")


@pytest.mark.drill("switch-clear-never-wins", rehearses=["SK-10", "SK-16"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("marks-ignored")
@pytest.mark.mutant("marks-not-made")
@pytest.mark.mutant("later-marks-removed")
@pytest.mark.mutant("changes-ignored")
def test_a_clear_never_wins_over_an_activation(drill: Drill, pulling: Callable[..., None]) -> None:
    """A clear that stalls at any step, while somebody pulls the switch again, does not open it when it goes on."""
    pulling("race", "racing_clears")
    drill.holds("kill_switch.clear_never_wins")
