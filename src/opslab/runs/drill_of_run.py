"""Runs a packaged drill about one run, in a pytest of its own, and records its report under that run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from opslab.contract.drill import DrillReport, Verdict
from opslab.contract.encoding import pretty_json
from opslab.errors import DrillError, StoreError, one_line
from opslab.root import ENV_PREFIX
from opslab.runs.finish import problems_of, render
from opslab.runs.rehearsal import told_of_drill
from opslab.store import layout
from opslab.store.adding import alone
from opslab.store.lock import is_alive
from opslab.store.reader import open_bundle
from opslab.store.writer import BundleWriter, append_post

if TYPE_CHECKING:
    from opslab.clock import Clock
    from opslab.root import Lab
    from opslab.store.reader import Bundle

DRILLS = {
    "stale_market_data": ("reconciliation.py", "test_market_data_that_stop_are_a_warning"),
    "reconciliation_mismatch": ("reconciliation.py", "test_whatever_differs_is_a_mismatch"),
    "restart_recovery": ("restart.py", "test_a_run_killed_with_a_position_open_is_recovered"),
}
"""The packaged drills by name: the file and the test."""

NO_MANIFEST = "has no manifest, so that no drill can be recorded under it"
CHILD_SECONDS = 600
_KEPT_OUT = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")


def run_drill(lab: Lab, name: str, run_id: str, clock: Clock) -> tuple[DrillReport, Path]:
    """Run the drill ``name`` on the market data and the seed of a run, and record the report under that run.

    The drill makes runs of its own; of the run itself no recorded fact is changed, its reconciliation included.

    Args:
        lab: where the run is.
        name: one of ``DRILLS``.
        run_id: a run that has ended.
        clock: stamps the record.

    Returns:
        The report, and where it was recorded.

    Raises:
        IdError: ``run_id`` is unsafe.
        StoreError: there is no such run, it has not ended or is broken, or the report cannot be written.
        DrillError: the drill could not be carried out; nothing is recorded under the run.
    """
    bundle = open_bundle(lab.runs, run_id)
    _require_sound(bundle)
    report = _carried_out(lab, name, run_id)
    if report.verdict is Verdict.ERROR:
        fix = "correct that, and start the drill again"
        raise DrillError(f"drill {name} could not be carried out: {report.message}", where=bundle.path, fix=fix)
    return _recorded(bundle, report, name, clock)


def _require_sound(bundle: Bundle) -> None:
    """Refuse a run that a report cannot be added to, or whose own record is in doubt."""
    if not bundle.has(layout.MANIFEST):
        why, fix = _why_unsealed(bundle)
        raise StoreError(f"{NO_MANIFEST}: {why}", where=bundle.path, fix=fix)
    if problems := problems_of(bundle):
        what = f"is broken: {problems[0].path} {problems[0].what}"
        raise StoreError(what, where=bundle.path, fix=f"`tc run verify --run-id {bundle.run_id}` names all of it")


def _why_unsealed(bundle: Bundle) -> tuple[str, str]:
    """Return what a run without a manifest is, and what leads on."""
    told = [event.get("event") for event in bundle.journal] if bundle.has(layout.JOURNAL) else []
    run = "`tc run backtest|paper --spec FILE`"
    if not told:
        return "it holds no record of a run", "name a run that ended; `tc run list` names the runs there are"
    if not bundle.journal_chain.chained:
        return "an earlier lab made it", f"give its spec a run_id of its own, and run it here: {run}"
    if is_alive(bundle.path):
        return "it is running", "wait for its end, or stop it, and start the drill again"
    if "run_started" not in told:
        return "it was initialized and never run", f"give its spec a run_id of its own, and run it: {run}"
    return "its process is gone", "`tc run recover` closes it; then start the drill again"


def _carried_out(lab: Lab, name: str, run_id: str) -> DrillReport:
    """Run the drill in a process of its own and return its report."""
    file, test = DRILLS[name]
    with (
        resources.as_file(resources.files("opslab.samples.drills")) as bodies,
        tempfile.TemporaryDirectory(prefix="opslab-drill-") as place,
    ):
        kept = Path(place) / "report.json"
        # Without the user's plugins and settings, and without the working directory on the path.
        words = ["-P", "-m", "pytest", "-p", "opslab.pytest_plugin.plugin", "-p", "no:cacheprovider"]
        words += ["-c", str(bodies / "pytest.toml"), "--rootdir", str(bodies), "--basetemp", str(Path(place) / "tmp")]
        words += [f"--opslab-root={lab.root}", f"--of-run={run_id}", f"--report-to={kept}"]
        try:
            ran = subprocess.run(  # noqa: S603 - our own words
                [sys.executable, *words, f"{bodies / file}::{test}"],
                cwd=lab.root,
                env=_environment(lab),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                text=True,
                errors="replace",
                timeout=CHILD_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise DrillError(f"drill {name} did not end within {CHILD_SECONDS} s", fix="start it again") from error
        if not kept.is_file():
            fix = "correct that, and start the drill again"
            raise DrillError(f"drill {name} ended without a report: {_last_word(ran)}", where=lab.root, fix=fix)
        return DrillReport.model_validate(json.loads(kept.read_bytes()))


def _environment(lab: Lab) -> dict[str, str]:
    """Return the child's environment: the lab's single roots are said, whatever named them."""
    roots = {"DATA_ROOT": lab.data, "ARTIFACTS_ROOT": lab.runs, "EVIDENCE_ROOT": lab.evidence}
    kept = {name: value for name, value in os.environ.items() if name not in _KEPT_OUT}
    named = {ENV_PREFIX + name: str(path) for name, path in roots.items()}
    return {**kept, **named, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _last_word(ran: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (ran.stdout + "\n" + ran.stderr).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "E  ", "error"))]
    return one_line((errors or lines or [f"exit code {ran.returncode}"])[-1], 300)


def _recorded(bundle: Bundle, report: DrillReport, name: str, clock: Clock) -> tuple[DrillReport, Path]:
    """Put the report beside the run's own facts, tell of it, and render what follows."""
    inputs = {**report.inputs, "of_run": bundle.run_id, "dataset": bundle.spec.data.dataset}
    filed = report.model_copy(update={"run_id": bundle.run_id, "inputs": inputs})
    content, relative = pretty_json(filed.to_dict()), f"{layout.DRILLS}/{name}.json"
    writer = BundleWriter(bundle.path, clock)
    with alone(bundle.path):
        writer.write(relative, content)
        append_post(bundle.path, told_of_drill(filed, bundle.run_id, relative, content), clock)
        render(writer, sorted(layout.RENDERED))
    return filed, bundle.path / relative
