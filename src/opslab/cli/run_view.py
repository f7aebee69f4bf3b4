"""``tc run list`` and ``tc run show``: which runs there are, and what is known of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from opslab.cli.told import json_option, tell_json

if TYPE_CHECKING:
    from opslab.store.reader import Bundle

FIELDS = ("run_id", "mode", "status", "strategy", "dataset", "created_at_utc", "session_id")

JsonOption = Annotated[bool, json_option("Print JSON instead.")]


def list_runs(
    everything: Annotated[bool, typer.Option("--all", help="Also the runs that drills made.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the runs, the oldest first; one that cannot be read shows what is wrong with it."""
    from opslab.cli.main import current_lab
    from opslab.store.reader import list_bundles

    lab = current_lab()
    found = sorted((_row(bundle) for bundle in list_bundles(lab.runs)), key=lambda row: row["created_at_utc"] or "")
    rows = [row for row in found if everything or row["session_id"] is None]
    if json:
        tell_json(rows)
        return
    if rows:
        _print(rows)
    else:
        typer.echo("no runs; `tc run backtest --spec FILE` makes one")
    if hidden := len(found) - len(rows):
        typer.echo(f"note: {hidden} made by drills; --all shows them too", err=True)


def show(run_id: Annotated[str, typer.Option(help="The run.")], json: JsonOption = False) -> None:
    """Show what is known of a run; --json prints its metadata."""
    from opslab.cli.main import current_lab
    from opslab.store import layout
    from opslab.store.reader import open_bundle

    bundle = open_bundle(current_lab().runs, run_id)
    found = bundle.metadata
    if json:
        tell_json(bundle.json(layout.METADATA))
        return
    told: dict[str, Any] = _row(bundle)
    told |= {"instrument": found.instrument, "completed_at_utc": found.completed_at_utc, "error": found.error}
    told |= {"drills": ", ".join(found.drills) or None, "artifacts": bundle.path}
    from opslab.errors import one_line

    for name, value in told.items():
        if value is not None:
            typer.echo(f"{name}={one_line(value)}")


def _row(bundle: Bundle) -> dict[str, str | None]:
    """Return what the list says of a run."""
    from opslab.errors import OpsLabError

    try:
        found = bundle.metadata
    except OpsLabError as error:
        return dict.fromkeys(FIELDS) | {"run_id": bundle.run_id, "status": "unreadable", "error": str(error)}
    return {
        "run_id": bundle.run_id,
        "mode": found.mode.value,
        "status": found.status.value,
        "strategy": found.strategy.name,
        "dataset": found.data.dataset,
        "created_at_utc": found.created_at_utc,
        "session_id": found.session_id,
    }


def _print(rows: list[dict[str, str | None]]) -> None:
    """Print a line a run, and below what is wrong with those that cannot be read."""
    from opslab.cli.table import print_table

    columns = [name for name in FIELDS if name != "session_id"]
    print_table(columns, [[row[name] for name in columns] for row in rows])
    for row in rows:
        if error := row.get("error"):
            typer.echo(f"note: {error}", err=True)
