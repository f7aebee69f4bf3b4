"""The console script ``tc``: the root option, the groups, and how errors become exit codes.

Exit codes: 0 success or a recorded operational outcome, 1 a domain error (one line on stderr), 2 wrong usage. Output
that cannot be written is a domain error too; only `tc kill activate` and `clear` go by what became of the switch, and a
run whose reader left by what became of the run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from opslab import __version__
from opslab.cli import (
    connectivity,
    data,
    drill,
    evidence,
    kill,
    lint,
    metrics,
    new,
    reconcile,
    run,
    runbook,
    spec,
    venue,
)
from opslab.cli.ending import deaf, end_deaf, end_in_time, is_of_process
from opslab.cli.first_session import first_session
from opslab.cli.output import OutputError, guarded_output
from opslab.cli.progress import has_room, is_shown
from opslab.cli.told import JsonOption, tell_json
from opslab.errors import OpsLabError, RootError
from opslab.root import Lab, find_lab

if TYPE_CHECKING:
    from opslab.clock import Clock


class _Commands(TyperGroup):
    """The commands; their help shows the way, and Ctrl-C is told in one line (Typer alone: exit code 130, no word)."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        shown = first_session(shutil.get_terminal_size().columns)
        if app.rich_markup_mode is None:
            formatter.write(f"\n{shown}")  # printed with the help; tables are printed already
        else:
            typer.echo(shown)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _stopped() from None


def _stopped() -> OpsLabError:
    return OpsLabError("stopped by Ctrl-C", fix="start the command again")


app = typer.Typer(
    name="tc",
    cls=_Commands,
    help="TradingChassis Ops Lab: rehearse the operations of a NautilusTrader system.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(new.new)
app.add_typer(spec.app, name="spec")
app.add_typer(run.app, name="run")
app.add_typer(data.app, name="data")
app.add_typer(kill.app, name="kill")
app.add_typer(reconcile.app, name="reconcile")
app.add_typer(connectivity.app, name="connectivity")
app.add_typer(evidence.app, name="evidence")
app.add_typer(drill.app, name="drill")
app.add_typer(metrics.app, name="metrics")
app.add_typer(venue.app, name="venue")
app.command()(lint.lint)
app.command()(runbook.runbook)

_named_root: list[Path] = []


@app.callback()
def _options(
    context: typer.Context,
    root: Annotated[
        Path | None, typer.Option(help="The lab's root (default: the nearest one with the marker).")
    ] = None,
) -> None:
    _named_root[:] = [root] if root is not None else []
    context.call_on_close(_named_root.clear)  # several commands may run in one process, as in tests


@app.command()
def version(json: JsonOption = False) -> None:
    """Print the lab's version."""
    if json:
        tell_json({"version": __version__})
    else:
        typer.echo(__version__)


def named_root() -> Path | None:
    """Return what ``--root`` names, if it was given."""
    return _named_root[0] if _named_root else None


def current_lab(*, is_text: bool = True) -> Lab:
    """Return the lab that ``--root``, the environment or the nearest marker names.

    Args:
        is_text: whether its name must be text, as ``find_lab``.

    Raises:
        RootError: the named root cannot be used.
    """
    try:
        start = Path.cwd()
    except FileNotFoundError as error:
        raise RootError("the working directory is gone", fix="change to one that exists") from error
    return find_lab(named_root(), os.environ, [start], is_text=is_text)


def system_clock() -> Clock:
    """Return the machine's clock."""
    from opslab.clock import SystemClock

    return SystemClock()


def main() -> None:
    """Run ``tc`` and exit with the contract's code; standard output that takes nothing is an error like others."""
    code = 1
    end_deaf()
    try:
        with guarded_output(gives_back=not is_of_process()):
            code = _run()
    except OutputError as error:
        code = _told(error)
    except KeyboardInterrupt:  # another one, in the midst of telling of the first
        code = 1
    end_in_time(code)
    raise SystemExit(code)


def _run() -> int:
    app.rich_markup_mode = "rich" if has_room(os.environ) else None
    try:
        app()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except (OpsLabError, KeyboardInterrupt) as error:
        return _told(error if isinstance(error, OpsLabError) else _stopped())
    return 0


def _told(error: OpsLabError) -> int:
    """Say what went wrong, but not to somebody who stopped reading; return the exit code."""
    if not (isinstance(error, OutputError) and error.is_closed_pipe) and sys.stderr is not None:
        with deaf(), contextlib.suppress(OSError):
            colour = typer.colors.RED if is_shown(sys.stderr, os.environ) else None
            typer.secho(f"error: {error}", fg=colour, reset=colour is not None, err=True)
    return 1
