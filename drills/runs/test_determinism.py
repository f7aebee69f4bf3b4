"""Equal inputs give equal runs, in every process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from opslab.data.prepare import prepare
from opslab.pytest_plugin.keys import REHEARSAL
from opslab.runs.spec_edit import edited
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.contract.spec_file import SpecFile
    from opslab.root import Lab

RUNBOOK = "docs/runbooks/run-not-deterministic.md"


@pytest.fixture
def run_apart(
    request: pytest.FixtureRequest, lab: Lab, child: Callable[..., Any], tmp_path: Path
) -> Callable[..., None]:
    """Run a spec in a process of its own with a given ``PYTHONHASHSEED``, as one of the drill's runs."""
    rehearsal = request.node.stash[REHEARSAL]

    def run_one(spec_file: SpecFile, hash_seed: int) -> None:
        spec = tmp_path / f"{hash_seed}.run.yaml"
        spec.write_bytes(spec_file.content)
        run_id = rehearsal.ids.effective(spec_file.spec.run_id)
        words = (lab.root, lab.data, spec, run_id, rehearsal.ids.session_id)
        rehearsal.adopt(Bundle(Path(child("one_run", *words, hash_seed=hash_seed)["path"])))

    return run_one


@pytest.mark.drill("runs-deterministic", rehearses=["OP-11"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("strategy-draws-from-hash")
def test_two_processes_give_one_event_stream(
    drill: Drill, run_spec: SpecFile, dataset: object, run_apart: Callable[..., None]
) -> None:
    """Two runs of one spec, in two processes with different hash seeds, have equal event streams."""
    drill.record("dataset", str(dataset))
    chosen = edited(run_spec, {"strategy.name": "drill_hash_ordered"}) if drill.mutant else run_spec
    for hash_seed in (0, 4242):
        run_apart(chosen, hash_seed)
    drill.holds("runs.same_events", "bundle.complete")


@pytest.mark.drill("inputs-decide", rehearses=["OP-11", "DQ-13"], severity="normal", runbook=RUNBOOK)
@pytest.mark.mutant("seed-ignored")
@pytest.mark.mutant("dataset-ignored")
def test_another_seed_or_dataset_gives_another_stream(drill: Drill, run: Callable[..., Bundle], lab: Lab) -> None:
    """Another seed gives another event stream, and so does another dataset."""
    prepare(lab, "ethusdt-sample")
    run()
    run({"seed": 1 if drill.mutant == "seed-ignored" else 99})
    other = {"data.dataset": "ethusdt-sample", "instrument": "ETHUSDT"}
    run({} if drill.mutant == "dataset-ignored" else other)
    drill.holds("runs.different_events")
