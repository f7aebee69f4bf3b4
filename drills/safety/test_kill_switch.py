"""Everything doubtful about a kill switch means stop."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from fixtures import pulled_midway
from fixtures.broken_switches import RUN, WAYS, Contents, faults, install, made_contents
from fixtures.pulled_midway import PulledMidway

from opslab.pytest_plugin.keys import REHEARSAL
from opslab.runs import backtest
from opslab.safety import switch_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opslab import Drill
    from opslab.safety.switches import KillSwitches
    from opslab.store.reader import Bundle

RUNBOOK = "docs/runbooks/safety-gate.md"


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """What the files of a root hold whose switches were pulled and cleared."""
    with mock.patch.object(os, "fsync"):  # nobody pulls a plug while they are made
        return made_contents(tmp_path_factory.mktemp("switches"))


def _reading(**instead: Any) -> AbstractContextManager[object]:
    """Read something else wherever there is a doubt: the guard removed."""
    read = switch_root.read_switch

    def mistaken(run_id: str, *args: Any, **kwargs: Any) -> Any:
        reading = read(run_id, *args, **kwargs)
        return dataclasses.replace(reading, **instead) if reading.doubts else reading

    return mock.patch.object(switch_root, "read_switch", mistaken)


def _credulous() -> AbstractContextManager[object]:
    """Believe that it was cleared."""
    return _reading(state="cleared", doubts=())


def _forgetful() -> AbstractContextManager[object]:
    """Take what was never cleared for something that never was."""
    return _reading(state="absent", doubts=())


@pytest.mark.drill("broken-switch-is-active", rehearses=["SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("doubts-ignored", _credulous)
@pytest.mark.mutant("doubts-taken-for-absence", _forgetful)
@pytest.mark.parametrize("way", WAYS)
def test_a_broken_switch_reads_as_active(drill: Drill, kill_switch: KillSwitches, contents: Contents, way: str) -> None:
    """A cleared switch reads as active when any of its files is broken in a way, and as before when it is not."""
    install(contents, kill_switch.root)
    for together in faults(way, contents, kill_switch.root):
        with contextlib.ExitStack() as broken:
            for fault in together:
                broken.enter_context(drill.inject(fault))
            decision = kill_switch.gate(RUN)
            names = [fault.name for fault in together]
            drill.record("switch", {"state": decision.state, "reasons": list(decision.reasons), "broken": names})
            drill.detects("kill_switch.active")
    decision = kill_switch.gate(RUN)
    drill.record("healed", {"state": decision.state, "reasons": list(decision.reasons), "left_as": "cleared"})
    drill.recovers("kill_switch.as_before")


@pytest.mark.drill("switch-recorded-by-backtest", rehearses=["SK-10"], severity="normal", runbook=RUNBOOK)
@pytest.mark.mutant("switch-not-asked")
def test_a_backtest_records_a_pulled_switch(
    drill: Drill, kill_switch: KillSwitches, run: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backtest under a pulled switch runs, and writes down that it was pulled."""
    kill_switch.activate("_global", "nobody trades today", "drill")
    gate = kill_switch.gate(RUN)
    drill.record("switch", {"state": gate.state, "reasons": list(gate.reasons)})
    drill.steady("kill_switch.active")
    if drill.mutant:
        monkeypatch.setattr(backtest, "asked_switches", lambda *_args: None)
    run()
    drill.holds("run.completed", "kill_switch.recorded", "bundle.complete")


@pytest.mark.drill("switch-pulled-during-backtest", rehearses=["SK-10"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("run-not-told", lambda: mock.patch.object(pulled_midway, "tell_run", return_value=None))
@pytest.mark.mutant("start-not-kept", lambda: mock.patch.object(backtest, "asked_switches", return_value=None))
def test_a_switch_pulled_during_a_backtest_is_in_its_record(
    drill: Drill, run: Callable[..., Bundle], request: pytest.FixtureRequest
) -> None:
    """A switch pulled while the engine runs is recorded by the backtest, which goes on to its end."""
    pulled = PulledMidway(request.node.stash[REHEARSAL], at_bar=30)
    with drill.inject(pulled):
        run()
    drill.record("pull", pulled.pull)
    drill.holds("run.completed", "kill_switch.pull_recorded", "bundle.complete")
