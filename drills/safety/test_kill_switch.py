"""Everything doubtful about a kill switch means stop."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from opslab import FileFault, cut_tail, remove_file
from opslab.runs import backtest
from opslab.safety import switches as switches_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opslab import Drill, Fault
    from opslab.safety.switches import KillSwitches
    from opslab.store.reader import Bundle

RUNBOOK = "docs/runbooks/safety-gate.md"
RUN = "guarded"


def _other_run(content: bytes) -> bytes:
    return content.replace(b'"guarded"', b'"another"')


FAULTS: dict[str, Callable[[KillSwitches], Fault]] = {
    "state deleted": lambda it: remove_file(it.root / f"{RUN}.state.json"),
    "state cut": lambda it: cut_tail(it.root / f"{RUN}.state.json", 20),
    "state empty": lambda it: FileFault("empty state", it.root / f"{RUN}.state.json", lambda _old: b""),
    "state of another run": lambda it: FileFault("other run", it.root / f"{RUN}.state.json", _other_run),
    "events deleted": lambda it: remove_file(it.root / f"{RUN}.events.jsonl"),
    "events cut": lambda it: cut_tail(it.root / f"{RUN}.events.jsonl", 30),
    "index deleted": lambda it: remove_file(it.root / "index.jsonl"),
}


def _credulous() -> AbstractContextManager[object]:
    """Believe a cleared state whatever the rest says: the guard removed."""
    read = switches_module.read_switch

    def believing(run_id: str, *args: Any, **kwargs: Any) -> Any:
        reading = read(run_id, *args, **kwargs)
        return dataclasses.replace(reading, state="cleared", doubts=()) if reading.doubts else reading

    return mock.patch.object(switches_module, "read_switch", believing)


@pytest.mark.drill("broken-switch-is-active", rehearses=["SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("doubts-ignored", _credulous)
@pytest.mark.parametrize("broken", FAULTS)
def test_a_broken_switch_reads_as_active(drill: Drill, kill_switch: KillSwitches, broken: str) -> None:
    """A cleared switch whose files are broken in any way reads as active, and says why."""
    kill_switch.activate(RUN, "a rehearsal", "drill")
    kill_switch.clear(RUN, "it went well", "drill")
    with drill.inject(FAULTS[broken](kill_switch)):
        reading = kill_switch.gate(RUN)
        drill.record("switch", {"state": reading.state, "reasons": list(reading.reasons)})
        drill.detects("kill_switch.active")


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
