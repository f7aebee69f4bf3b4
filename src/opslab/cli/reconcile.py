"""``tc reconcile``: compare two files of a run's position and orders, or its venue, engine and strategy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opslab.cli.told import json_option, tell_json

if TYPE_CHECKING:
    from opslab.contract.reconciliation import ReconciliationResult
    from opslab.reconcile.checking import CheckedFiles

app = typer.Typer(
    help="Compare what was expected of a run's position and orders with what was observed.", no_args_is_help=True
)


@app.command()
def check(
    run_id: Annotated[str, typer.Option(help="The run that both files are of.")],
    expected: Annotated[Path, typer.Option(help="JSON of what should be.")],
    observed: Annotated[Path, typer.Option(help="JSON of what was seen.")],
    json: Annotated[bool, json_option("Print the result as JSON, with its result_path.")] = False,
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
    if json:
        tell_json({**checked.result.to_dict(), "result_path": checked.result_path})
    else:
        _tell(checked)
    _require_pass(checked.result, checked.result_path, "clear up each difference that the file lists and check again")


@app.command()
def views(
    run_id: Annotated[str, typer.Option(help="The paper run.")],
    as_json: Annotated[bool, json_option("Print the result file's JSON.")] = False,
) -> None:
    """Compare again what venue, engine and strategy of a paper run believed at last; exit 1 on mismatch or unknown."""
    from opslab.cli.main import current_lab, system_clock
    from opslab.errors import one_line
    from opslab.reconcile.stored_views import check_views

    result = check_views(current_lab(), run_id, system_clock().now())
    if as_json:
        tell_json(result.to_dict())
    else:
        _tell_result(result)
        for item in result.differences:
            sides = f"expected={item.expected} observed={item.observed}"
            typer.echo(one_line(f"difference={item.view} {item.kind} {item.subject} {item.key} {sides}"))
    _require_pass(result, "views.jsonl", "`tc runbook views-differ` says what to do")


def _require_pass(result: ReconciliationResult, where: str, fix: str) -> None:
    if not result.passed:
        decided = next(item for item in result.checks if item.severity is result.status)
        told = f"reconciliation of {result.run_id} is {result.status} ({decided.name}: {decided.details})"
        typer.echo(f"error: {where}: {told}; {fix}", err=True)
        raise typer.Exit(1)


def _tell(checked: CheckedFiles) -> None:
    result = checked.result
    _tell_result(result, checked.result_path)
    if checked.kept.told_in is None:
        typer.echo("note: the run has no journal that can be continued, so no event tells of this check", err=True)
    if result.inputs.expected_sha256 == result.inputs.observed_sha256:
        typer.echo("note: both files have the same content: this check could not have failed", err=True)


def _tell_result(result: ReconciliationResult, path: str | None = None) -> None:
    typer.echo(f"run_id={result.run_id}")
    typer.echo(f"status={result.status}")
    typer.echo(f"pass={str(result.passed).lower()}")
    for name in ("ok", "warning", "mismatch", "unknown"):
        typer.echo(f"summary_{name}={getattr(result.summary, name)}")
    if path is not None:
        typer.echo(f"result_path={path}")
    for item in result.checks:
        typer.echo(f"check_{item.name}={item.severity} matched={str(item.matched).lower()} details={item.details}")
