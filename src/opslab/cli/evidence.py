"""``tc evidence``: what a backtest and a paper run of one intent have in common, and what they have not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opslab.cli.told import json_option, tell_json

app = typer.Typer(
    help="What a backtest and a paper run of one intent have in common, and what they have not.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Keep ``compare`` a command of its own: Typer makes a single command the group itself."""


@app.command()
def compare(
    backtest_run_id: Annotated[str, typer.Option(help="The backtest.")],
    paper_run_id: Annotated[str, typer.Option(help="The paper run.")],
    artifacts_root: Annotated[Path | None, typer.Option(help="Where the bundles are (default: the lab's).")] = None,
    evidence_root: Annotated[Path | None, typer.Option(help="Where comparisons go (default: the lab's).")] = None,
    json: Annotated[bool, json_option("Print the comparison as JSON, with its files.")] = False,
) -> None:
    """Compare two runs and keep what comes out; differences are an outcome, not an error."""
    from opslab.cli.main import current_lab, system_clock
    from opslab.cli.progress import working
    from opslab.runs.evidence import compare_runs

    lab = current_lab()
    runs, evidence = (artifacts_root or lab.runs).absolute(), (evidence_root or lab.evidence).absolute()
    with working(f"comparing {backtest_run_id} with {paper_run_id}"):
        kept = compare_runs(runs, evidence, backtest_run_id, paper_run_id, system_clock(), lab)
    if json:
        files = {"evidence_dir": kept.directory, "json": kept.json, "report": kept.page}
        tell_json({**kept.found.to_dict(), **files})
        return
    typer.echo(f"comparison_status={kept.found.comparison_status}")
    typer.echo(f"evidence_dir={kept.directory}\njson={kept.json}\nreport={kept.page}")
    if kept.found.unexplained_total:
        typer.echo(
            f"note: {kept.found.unexplained_total} differences are not explained by the modes; "
            "`tc runbook evidence-compare` says what to look at",
            err=True,
        )
    for note in kept.found.notes[:5]:
        typer.echo(f"note: {note}", err=True)
