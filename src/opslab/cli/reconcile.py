"""``tc reconcile``: compare what was expected of a run's position and orders with what was observed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from opslab.reconcile.checking import CheckedFiles

app = typer.Typer(
    help="Compare what was expected of a run's position and orders with what was observed.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Keep ``check`` a command of its own: Typer makes a single command the group itself."""


@app.command()
def check(
    run_id: Annotated[str, typer.Option(help="The run that both files are of.")],
    expected: Annotated[Path, typer.Option(help="JSON of what should be.")],
    observed: Annotated[Path, typer.Option(help="JSON of what was seen.")],
) -> None:
    """Compare two files, keep the result in the run's bundle; exit 1 when it is mismatch or unknown."""
    from opslab.cli.main import current_lab, system_clock
    from opslab.reconcile.checking import check_files
    from opslab.runs.finish import render
    from opslab.store import layout
    from opslab.store.writer import BundleWriter

    clock = system_clock()
    checked = check_files(
        current_lab(),
        run_id,
        expected,
        observed,
        clock,
        lambda bundle: render(BundleWriter(bundle, clock), sorted(layout.RENDERED)),
    )
    _tell(checked)
    if not checked.result.passed:
        decided = next(item for item in checked.result.checks if item.severity is checked.result.status)
        typer.echo(
            f"error: {checked.result_path}: reconciliation of {run_id} is {checked.result.status} "
            f"({decided.name}: {decided.details}); clear up each difference that the file lists and check again",
            err=True,
        )
        raise typer.Exit(1)


def _tell(checked: CheckedFiles) -> None:
    result = checked.result
    typer.echo(f"run_id={result.run_id}")
    typer.echo(f"status={result.status}")
    typer.echo(f"pass={str(result.passed).lower()}")
    for name in ("ok", "warning", "mismatch", "unknown"):
        typer.echo(f"summary_{name}={getattr(result.summary, name)}")
    typer.echo(f"result_path={checked.result_path}")
    for item in result.checks:
        typer.echo(f"check_{item.name}={item.severity} matched={str(item.matched).lower()} details={item.details}")
    if checked.kept.told_in is None:
        typer.echo("note: the run has no journal that can be continued, so no event tells of this check", err=True)
    if result.inputs.expected_sha256 == result.inputs.observed_sha256:
        typer.echo("note: both files have the same content: this check could not have failed", err=True)
