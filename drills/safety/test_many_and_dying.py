"""A kill switch holds under a crowd of callers, and when its caller dies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab import Drill

RUNBOOK = "docs/runbooks/safety-gate.md"


@pytest.fixture
def pulling(tmp_path: Path, child: Callable[..., Any], drill: Drill) -> Callable[[str], None]:
    """Pull switches of a lab of its own in forked children, and record what was found."""

    def rehearse(mode: str) -> None:
        for name, value in child("pulling", mode, tmp_path, drill.mutant or "none").items():
            drill.record(name, value)

    return rehearse


@pytest.mark.drill("switch-under-contention", rehearses=["SK-10", "SK-16"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("lock-removed")
@pytest.mark.mutant("lock-not-waited-for")
def test_a_crowd_of_callers_loses_nothing(drill: Drill, pulling: Callable[[str], None]) -> None:
    """150 processes that pull at once are all acknowledged and recorded, and what they pulled can be cleared."""
    pulling("contend")
    drill.holds("kill_switch.contended")


@pytest.mark.drill("switch-survives-kill", rehearses=["SK-02", "SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("doubts-ignored")
@pytest.mark.mutant("torn-line-kept")
@pytest.mark.mutant("litter-kept")
def test_a_command_killed_at_any_step_never_opens_a_switch(drill: Drill, pulling: Callable[[str], None]) -> None:
    """Kill -9 at every step of a command leaves the switch active or as it was, and the next activation works."""
    pulling("die")
    drill.holds("kill_switch.survives")
