"""``tc new``: a small lab of one's own, in which `pytest` passes at once."""

from __future__ import annotations

from typing import Annotated

import typer

from opslab.cli.told import JsonOption, tell


def new(
    folder: Annotated[str, typer.Argument(help="The folder to make: my-lab, or a path that ends in such a name.")],
    *,
    json: JsonOption = False,
) -> None:
    """Make a small lab: a run spec, a drill that breaks something, and the settings of pytest."""
    import os
    from pathlib import Path

    from opslab.cli.main import named_root
    from opslab.errors import RootError
    from opslab.root import ENV_PREFIX
    from opslab.samples.new_lab import make_lab

    if named_root() is not None:
        raise typer.BadParameter("tc new makes a lab, it does not work in one", param_hint="--root")
    if folder and Path(folder).name in {"", ".."}:
        what = "names no folder: a lab appears whole, by one rename, so that it cannot be made inside of one"
        raise RootError(what, where=f"'{folder}'", fix="go one up, and name the folder: `tc new my-lab`")
    lab = make_lab(Path(folder))
    tell({"lab": lab}, as_json=json)
    if not json:
        typer.echo("next: cd into it, run `pytest`, and read README.md")
    for name in ("ROOT", "ARTIFACTS_ROOT", "DATA_ROOT", "RUNTIME_ROOT"):
        if os.environ.get(ENV_PREFIX + name, "").strip():
            typer.echo(f"warning: {ENV_PREFIX}{name} is set: commands use that place, not the new lab", err=True)
