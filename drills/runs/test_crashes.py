"""Whatever dies, nothing acknowledged is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from opslab.contract.dataset import InstrumentKind
from opslab.data.importing import import_file
from opslab.data.instruments import built_in
from opslab.root import MARKER_FILE, find_lab
from opslab.runs.spec_edit import edited
from opslab.samples.generator import sample_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab import Drill
    from opslab.contract.spec_file import SpecFile

RUNBOOK = "docs/runbooks/run-interrupted.md"
CANDLES = 60


@pytest.fixture
def crash(
    tmp_path: Path, run_spec: SpecFile, child: Callable[..., Any], drill: Drill
) -> Callable[[str], dict[str, Any]]:
    """Rehearse a way to die in a lab of its own, over an hour of synthetic minutes: every death costs a run."""
    (tmp_path / MARKER_FILE).touch()
    source = tmp_path / "hour.csv"
    source.write_text("\n".join(sample_csv("btcusdt-sample").splitlines()[: CANDLES + 1]) + "\n")
    instrument = built_in("BTCUSDT", InstrumentKind.PERPETUAL)
    lab = find_lab(tmp_path, {}, [tmp_path])
    import_file(lab, source, "hour", instrument=instrument, interval=60, stamp="open", synthetic=True)
    spec = tmp_path / "hour.run.yaml"
    spec.write_bytes(edited(run_spec, {"data.dataset": "hour"}).content)

    def rehearse(mode: str) -> dict[str, Any]:
        found = child("crashes", mode, tmp_path, spec, drill.mutant or "none")
        for name, value in found.items():
            drill.record(name, value)
        return dict(found)

    return rehearse


@pytest.mark.drill("run-killed-anywhere", rehearses=["RS-01", "RS-11"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("no-recovery")
@pytest.mark.mutant("torn-line-kept")
def test_a_run_killed_at_any_step_can_be_recovered(drill: Drill, crash: Callable[[str], dict[str, Any]]) -> None:
    """Kill -9 at every step of a run leaves nothing, a complete run, or one that recovery closes."""
    crash("kill")
    drill.holds("runs.recoverable")


@pytest.mark.drill("disk-full", rehearses=["OP-07"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("acknowledged-unwritten")
def test_a_full_disk_loses_nothing_acknowledged(drill: Drill, crash: Callable[[str], dict[str, Any]]) -> None:
    """A disk that is full after any number of bytes loses nothing that was acknowledged."""
    crash("full")
    drill.holds("runs.recoverable")


@pytest.mark.drill("run-id-claimed-once", rehearses=["RS-19"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("claim-not-exclusive")
def test_of_several_processes_with_one_run_id_one_wins(drill: Drill, crash: Callable[[str], dict[str, Any]]) -> None:
    """Of several processes with one run id one wins, and each other says so."""
    crash("race")
    drill.holds("runs.one_winner")
