"""``tc lint``: names the settings of your own node that blind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from opslab.cli.told import json_option, tell_document

if TYPE_CHECKING:
    from opslab.engine.lint.rule import Finding


def lint(
    node: Annotated[str, typer.Option(help="package.module:function that returns your TradingNodeConfig.")],
    *,
    as_json: Annotated[bool, json_option("Print one line of JSON instead.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when there is a finding.")] = False,
) -> None:
    """Name the settings of a node that blind it, a line each; findings exit 0, with --strict 1.

    Nothing is connected: the function is called, and what it returns is looked at.
    """
    from pathlib import Path

    from opslab.engine.lint.linting import lint as found_in
    from opslab.engine.node.named import named_function, read_config

    found = found_in(read_config(named_function(node, Path.cwd()), node))
    if as_json:
        _print_json(node, found)
    else:
        for finding in found:
            typer.echo(str(finding))
        typer.echo(f"findings={len(found)}")
    if found and strict:
        first = found[0]
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        typer.echo(f"error: node {node}: {first.code} {first.setting}{more}; {first.fix}", err=True)
        raise typer.Exit(1)


def _print_json(node: str, found: list[Finding]) -> None:
    from importlib.metadata import version

    from opslab.contract.encoding import compact_json

    told = {"node": node, "engine_version": version("nautilus_trader"), "findings": [item.to_dict() for item in found]}
    tell_document(compact_json(told) + "\n")
