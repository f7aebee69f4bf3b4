"""The console script ``tc``: the root option, the groups, and how errors become exit codes.

Exit codes: 0 success or a recorded operational outcome, 1 a domain error (one line on stderr), 2 wrong usage. Output
that cannot be written is a domain error too; only `tc kill activate` and `clear` go by what became of the switch.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from opslab import __version__
from opslab.cli import data, kill, lint, metrics, reconcile, run, spec, venue
from opslab.cli.output import OutputError, guarded_output
from opslab.errors import OpsLabError, RootError
from opslab.root import Lab, find_lab

if TYPE_CHECKING:
    from opslab.clock import Clock


class _Commands(TyperGroup):
    """The commands, which tell in one line that Ctrl-C stopped them; Typer alone would exit with 130 and no word."""

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
app.add_typer(spec.app, name="spec")
app.add_typer(run.app, name="run")
app.add_typer(data.app, name="data")
app.add_typer(kill.app, name="kill")
app.add_typer(reconcile.app, name="reconcile")
app.add_typer(metrics.app, name="metrics")
app.add_typer(venue.app, name="venue")
app.command()(lint.lint)

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
def version() -> None:
    """Print the lab's version."""
    typer.echo(__version__)


def current_lab() -> Lab:
    """Return the lab that ``--root``, the environment or the nearest marker names.

    Raises:
        RootError: the named root cannot be used.
    """
    try:
        start = Path.cwd()
    except FileNotFoundError as error:
        raise RootError("the working directory is gone", fix="change to one that exists") from error
    return find_lab(_named_root[0] if _named_root else None, os.environ, [start])


def system_clock() -> Clock:
    """Return the machine's clock."""
    from opslab.clock import SystemClock

    return SystemClock()


def main() -> None:
    """Run ``tc`` and exit with the contract's code; standard output that takes nothing is an error like others."""
    code = 0
    try:
        with guarded_output():
            code = _run()
    except OutputError as error:
        code = _told(error)
    raise SystemExit(code)


def _run() -> int:
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
        with contextlib.suppress(OSError):
            typer.secho(f"error: {error}", fg=typer.colors.RED if sys.stderr.isatty() else None, err=True)
    return 1
