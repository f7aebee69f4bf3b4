"""``tc spec``: validate a run spec, or show what it may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opslab.cli.told import json_option, tell_document, tell_json

app = typer.Typer(help="Validate run specs, or show what they may hold.", no_args_is_help=True)


@app.command()
def validate(
    spec: Annotated[Path, typer.Option(help="The run spec.")],
    json: Annotated[bool, json_option("Print the spec with all defaults as JSON.")] = False,
) -> None:
    """Check a run spec, and that the strategy, venue and instrument it names are known here."""
    from opslab.cli.main import current_lab
    from opslab.contract.spec_file import read_spec
    from opslab.engine.registry import standard_registry
    from opslab.runs.names import require_known_names

    spec_file = read_spec(spec)
    require_known_names(current_lab(), spec_file, standard_registry())
    found = spec_file.spec
    if json:
        from opslab.contract.spec import COMPLETE

        told = found.model_dump(mode="json", context=COMPLETE)
        content = {"valid": True, "config_sha256": found.config_sha256(), "spec": told}
        tell_json(content)
        return
    typer.echo(f"valid run spec: run_id={found.run_id} mode={found.mode} engine={found.engine}")


@app.command()
def schema(
    json: Annotated[bool, typer.Option("--json", help="Changes nothing: a schema is JSON.")] = False,  # noqa: ARG001 - scripts give it to every command
) -> None:
    """Print the JSON Schema of run specs."""
    from opslab.contract.schemas import render

    tell_document(render()["run_spec.schema.json"].decode())
