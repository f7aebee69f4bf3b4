"""``tc runbook``: the page that says what to do about a finding."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from opslab.cli.told import JsonOption, tell_json


def runbook(
    name: Annotated[
        str, typer.Argument(help="A finding's code (OPS-...), an alert (OpsLab...), or a page's name.")
    ] = "index",
    *,
    json: JsonOption = False,
) -> None:
    """Show the runbook of a code or an alert; without one, the index. A lab's own docs/runbooks come first."""
    from opslab.cli.main import current_lab
    from opslab.cli.progress import is_shown
    from opslab.report.runbooks import find_runbook

    found = find_runbook(current_lab().root, name)
    if json:
        tell_json({"name": found.name, "path": found.place, "text": found.text})
    elif is_shown(sys.stdout, os.environ):
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(found.text, hyperlinks=False))
    else:
        typer.echo(found.text, nl=not found.text.endswith("\n"))
