"""A run whose process was killed can be closed, and run again.

A drill body: `pytest drills/` runs it on a packaged sample, ``tc drill restart-recovery`` on the market data of a run.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from opslab.drill.faults import cut_tail
from opslab.pytest_plugin.keys import REHEARSAL
from opslab.runs.backtest import run_backtest
from opslab.runs.finish import problems_of
from opslab.samples.drills import killing
from opslab.samples.drills.killing import KilledRun
from opslab.store import layout
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from opslab import Drill
    from opslab.contract.spec_file import SpecFile
    from opslab.data.catalog import Dataset
    from opslab.runs.rehearsal import Rehearsal

RECOVERED = ("required_artifacts", "nothing_lost", "closed", "simulation_scope")


def _satisfied_by_a_directory() -> AbstractContextManager[object]:
    """Recover as the earlier lab did: whatever has a directory counts as recovered."""
    return mock.patch.object(killing, "close_orphan", lambda bundle, _clock: bundle.path.is_dir())


@pytest.fixture
def rehearsal(request: pytest.FixtureRequest) -> Rehearsal:
    """Where the drill's runs go."""
    found: Rehearsal = request.node.stash[REHEARSAL]
    return found


@pytest.fixture
def killed(drill: Drill, rehearsal: Rehearsal, run_spec: SpecFile, dataset: Dataset) -> Iterator[KilledRun]:
    """Prepare to kill a run of the spec; what a mutant leaves of it is no bundle, and is removed."""
    found = KilledRun(rehearsal, run_spec, dataset.load(), rehearsal.clock)
    yield found
    if drill.mutant:
        shutil.rmtree(found.bundle, ignore_errors=True)


def _run_again(rehearsal: Rehearsal, spec: SpecFile) -> dict[str, Any]:
    """Run the spec under another id; the dead run stays the one that the report belongs to."""
    bundle = run_backtest(
        rehearsal.lab,
        spec,
        rehearsal.registry,
        clock=rehearsal.clock,
        run_id=rehearsal.ids.effective(spec.spec.run_id),
        session_id=rehearsal.ids.session_id,
        switches=rehearsal.switches,
    )
    return {
        "run_id": bundle.run_id,
        "status": bundle.metadata.status.value,
        "inputs_sha256": bundle.metadata.inputs_sha256,
        "problems": [f"{problem.path} {problem.what}" for problem in problems_of(bundle)],
    }


@pytest.mark.drill(
    "restart_recovery",
    outcome="simulated_recovery_ok",
    rehearses=["RS-01", "RS-11"],
    area="runs",
    severity="critical",
    runbook="docs/runbooks/restart-recovery.md",
)
@pytest.mark.mutant("directory-is-enough", _satisfied_by_a_directory)
@pytest.mark.mutant("empty-directory")
@pytest.mark.mutant("acknowledged-line-lost")
@pytest.mark.mutant("run-forgotten")
def test_a_run_killed_with_a_position_open_is_recovered(
    drill: Drill, rehearsal: Rehearsal, killed: KilledRun, run_spec: SpecFile
) -> None:
    """A run killed with a position open is closed with everything it had acknowledged, and its spec runs again."""
    with drill.inject(killed):
        drill.record("acknowledged", killed.acknowledged)
        drill.record("death", killed.death)
        _break_further(drill.mutant, killed.bundle)
    if drill.mutant == "empty-directory":
        shutil.rmtree(killed.bundle)
        killed.bundle.mkdir()
    rehearsal.adopt(Bundle(killed.bundle))
    drill.recovers(*(f"recovery.{name}" for name in RECOVERED), "bundle.complete")
    drill.record("again", _run_again(rehearsal, run_spec))
    drill.holds("recovery.runs_again")


def _break_further(mutant: str | None, bundle: Path) -> None:
    if mutant == "acknowledged-line-lost":
        last = (bundle / layout.JOURNAL).read_bytes().splitlines(keepends=True)[-1]
        cut_tail(bundle / layout.JOURNAL, len(last)).begin()
    elif mutant == "run-forgotten":
        shutil.rmtree(bundle)
