"""``tc drill``: run one of the packaged drills about a run, and record its report under that run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opslab.cli.told import json_option, tell_json

if TYPE_CHECKING:
    from opslab.contract.drill import DrillReport

app = typer.Typer(
    help="Run a drill about one run and record it there; `pytest` runs drills of your own.", no_args_is_help=True
)

RunIdOption = Annotated[str, typer.Option(help="The run: its market data and seed are taken, the report goes there.")]
RootOption = Annotated[Path | None, typer.Option(help="The directory of runs (default: the lab's artifacts/runs).")]
JsonOption = Annotated[bool, json_option("Print the report as JSON, with its report_path.")]


@app.command()
def stale_market_data(run_id: RunIdOption, artifacts_root: RootOption = None, json: JsonOption = False) -> None:
    """Let market data stop: what was fresh must become a warning, and nothing else."""
    _drill("stale_market_data", run_id, artifacts_root, as_json=json)


@app.command()
def reconciliation_mismatch(run_id: RunIdOption, artifacts_root: RootOption = None, json: JsonOption = False) -> None:
    """Change position and orders one by one: each difference must be found, and nothing else."""
    _drill("reconciliation_mismatch", run_id, artifacts_root, as_json=json)


@app.command()
def restart_recovery(run_id: RunIdOption, artifacts_root: RootOption = None, json: JsonOption = False) -> None:
    """Kill a run's process with a position open: its record must survive, and its spec must run again."""
    _drill("restart_recovery", run_id, artifacts_root, as_json=json)


def _drill(name: str, run_id: str, artifacts_root: Path | None, *, as_json: bool) -> None:
    """Run the drill and tell how it went; exit 1 unless it passed."""
    from dataclasses import replace

    from opslab.cli.main import current_lab, system_clock
    from opslab.cli.progress import working
    from opslab.runs.drill_of_run import run_drill

    lab = current_lab()
    if artifacts_root is not None:
        lab = replace(lab, runs=artifacts_root.absolute())
    with working(f"drill {name}"):
        report, path = run_drill(lab, name, run_id, system_clock())
    _tell(report, path, as_json=as_json)
    if report.passed is not True:
        from opslab.errors import DrillError

        raise DrillError(
            f"drill {name} ended with {report.verdict}: {report.message}",
            where=path,
            fix=_fix(lab.root, report),
        )


def _fix(root: Path, report: DrillReport) -> str:
    from opslab.report.runbooks import hint

    told = hint(root, report.runbook, report.message)
    return f"{told} says what to do" if told else "read the report"


def _tell(report: DrillReport, path: Path, *, as_json: bool) -> None:
    if as_json:
        tell_json({**report.to_dict(), "report_path": path})
        return
    told = {"run_id": report.run_id, "drill_name": report.drill_name, "outcome": report.outcome}
    for name, value in {**told, "status": report.status, "report_path": path}.items():
        typer.echo(f"{name}={value}")
