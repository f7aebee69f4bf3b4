"""How ``tc`` prints rows: in a box on a terminal that has room for it, as plain columns everywhere else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer

from opslab.cli.progress import is_shown

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING = "-"
"""Stands for an empty cell of the plain form, so that each line has as many columns as the first one."""


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str | None]], title: str = "") -> None:
    """Print rows; no cell is ever broken or cut, whatever the width.

    Args:
        columns: the names at the top.
        rows: the cells, as many as there are columns; control characters in them are escaped.
        title: a line above.
    """
    from opslab.errors import one_line

    cells = [[one_line(cell or "") for cell in row] for row in rows]
    if not (is_shown(sys.stdout, os.environ) and _printed_in_a_box(columns, cells, title)):
        _print_plain(columns, cells, title)


def _printed_in_a_box(columns: Sequence[str], rows: list[list[str]], title: str) -> bool:
    """Print the box, unless it does not fit into the terminal's width."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table, console = Table(title=Text(title) if title else None), Console()
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    if console.measure(table, options=console.options.update(max_width=1_000_000)).minimum > console.width:
        return False
    console.print(table)
    return True


def _print_plain(columns: Sequence[str], rows: list[list[str]], title: str) -> None:
    if title:
        typer.echo(title)
    lines = [list(columns), *([cell or NOTHING for cell in row] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
