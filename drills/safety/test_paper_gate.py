"""No paper run begins while anything forbids new risk."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from opslab import OpsLabError, cut_tail, remove_file
from opslab.runs import paper

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Bundle, Drill, Fault
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/safety-gate.md"
EVERY_RUN = "_global"
SPEC = Path(__file__).parents[2] / "scenarios/runs/btcusdt_paper.yaml"

FAULTS: dict[str, Callable[[Path], Fault]] = {
    "state deleted": lambda root: remove_file(root / f"{EVERY_RUN}.state.json"),
    "state cut": lambda root: cut_tail(root / f"{EVERY_RUN}.state.json", 40),
    "events cut": lambda root: cut_tail(root / f"{EVERY_RUN}.events.jsonl", 40),
    "index deleted": lambda root: remove_file(root / "index.jsonl"),
}


def _answering(**answer: Any) -> contextlib.AbstractContextManager[object]:
    """Let the gate answer otherwise than the switches do: the guard removed."""
    asked = paper.asked_switches
    return mock.patch.object(paper, "asked_switches", lambda *words: asked(*words).model_copy(update=answer))


def _deaf() -> contextlib.AbstractContextManager[object]:
    return _answering(state="cleared", reasons=())


def _speechless() -> contextlib.AbstractContextManager[object]:
    return _answering(reasons=())


@pytest.mark.drill("paper-run-blocked", rehearses=["SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("gate-not-asked", _deaf)
@pytest.mark.mutant("reasons-withheld", _speechless)
def test_a_pulled_switch_blocks_a_paper_run(
    drill: Drill, kill_switch: KillSwitches, run: Callable[..., Bundle]
) -> None:
    """A paper run under a pulled switch is recorded as blocked, and nothing of it is started."""
    kill_switch.activate(EVERY_RUN, "nobody trades today", "drill")
    with contextlib.suppress(OpsLabError):  # a run that is not blocked is what the check must see
        run(spec=SPEC)
    drill.holds("paper.blocked", "bundle.complete")


@pytest.mark.drill("paper-run-blocked-in-doubt", rehearses=["SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("gate-not-asked", _deaf)
@pytest.mark.parametrize("broken", FAULTS)
def test_a_doubtful_switch_blocks_a_paper_run(
    drill: Drill, kill_switch: KillSwitches, run: Callable[..., Bundle], broken: str
) -> None:
    """A paper run whose switch cannot be trusted is recorded as blocked, and says why."""
    kill_switch.activate(EVERY_RUN, "a rehearsal", "drill")
    kill_switch.clear(EVERY_RUN, "it went well", "drill")
    with drill.inject(FAULTS[broken](kill_switch.root)):
        with contextlib.suppress(OpsLabError):
            run(spec=SPEC)
        drill.contains("paper.blocked", "bundle.complete")
