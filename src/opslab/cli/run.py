"""``tc run``: start runs, verify their bundles, recover what was interrupted, show and prune sessions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opslab.cli import run_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.errors import OpsLabError
    from opslab.store.reader import Bundle

app = typer.Typer(help="Start runs, verify their bundles, recover interrupted ones.", no_args_is_help=True)

app.command("list")(run_view.list_runs)
app.command()(run_view.show)

SpecOption = Annotated[Path, typer.Option(help="The run spec.")]


@app.command()
def init(spec: SpecOption) -> None:
    """Make a spec's run directory without running it."""
    from opslab.cli.main import current_lab, system_clock
    from opslab.contract.spec_file import read_spec
    from opslab.engine.registry import standard_registry
    from opslab.runs.backtest import initialize
    from opslab.runs.names import require_known_names

    lab, spec_file = current_lab(), read_spec(spec)
    require_known_names(lab, spec_file, standard_registry())
    bundle = initialize(lab, spec_file, system_clock())
    typer.echo(f"artifacts={bundle.path}")
    typer.echo(f"config_sha256={bundle.spec.config_sha256()}")


@app.command()
def backtest(spec: SpecOption) -> None:
    """Run a spec in the backtest engine and leave its bundle."""
    from opslab.runs.backtest import run_backtest

    _run(spec, run_backtest)


@app.command()
def paper(
    spec: SpecOption,
    expect_inputs: Annotated[
        str | None, typer.Option(help="Refuse to start unless the run has this inputs_sha256.", metavar="SHA256")
    ] = None,
) -> None:
    """Run a spec against a venue on loopback; the kill switch is asked first, and a blocked run is recorded."""
    from opslab.runs.paper import run_paper

    alert = partial(typer.echo, err=True)
    _run(spec, partial(run_paper, alert=alert, may_exit=True, expect_inputs=expect_inputs))


@app.command()
def verify(run_id: Annotated[str, typer.Option(help="The run.")], json: run_view.JsonOption = False) -> None:
    """Name every broken file, link and digest of a bundle; exit 1 when there is one."""
    from opslab.cli.main import current_lab
    from opslab.cli.progress import working
    from opslab.errors import StoreError
    from opslab.runs.finish import problems_of
    from opslab.store.reader import open_bundle

    bundle = open_bundle(current_lab().runs, run_id)
    with working(f"verifying {run_id}"):
        problems = problems_of(bundle)
    if json:
        from opslab.contract.encoding import pretty_json

        rows = [{"path": problem.path, "what": problem.what} for problem in problems]
        typer.echo(pretty_json({"run_id": run_id, "verified": not problems, "problems": rows}).decode(), nl=False)
    else:
        typer.echo(f"run_id={run_id}")
        for problem in problems:
            typer.echo(f"broken: {problem.path}: {problem.what}")
        typer.echo(f"verified={str(not problems).lower()}")
    if problems:
        raise StoreError(
            f"{_counted(len(problems), 'problem')}, the first: {problems[0].path} {problems[0].what}",
            where=bundle.path,
            fix="restore the bundle from a copy, or run it again under another run_id",
        )


@app.command()
def recover() -> None:
    """Close runs whose process is gone, as interrupted if they had no end yet; living runs are left alone."""
    from opslab.cli.main import current_lab, system_clock
    from opslab.errors import StoreError
    from opslab.runs.recovery import recover as recover_all
    from opslab.store.reader import Bundle

    lab = current_lab()
    recovery = recover_all(lab, system_clock())
    for run_id in recovery.closed:
        metadata = Bundle(lab.runs / run_id).metadata
        reason = f" reason={metadata.failure_reason}" if metadata.failure_reason else ""
        typer.echo(f"closed run_id={run_id} status={metadata.status}{reason}")
    for name in recovery.removed:
        typer.echo(f"removed half-made {name}")
    typer.echo(f"closed={len(recovery.closed)}")
    if recovery.failed:
        run_id, error = recovery.failed[0]
        raise StoreError(
            f"{_counted(len(recovery.failed), 'run')} could not be closed, the first: {error.what}",
            where=run_id,
            fix=error.fix,
        )


@app.command()
def page(
    session: Annotated[str | None, typer.Option(help="The drill session (default: the newest).")] = None,
    runbook_base: Annotated[str, typer.Option(help="Web address before runbooks that are no files of the lab.")] = "",
) -> None:
    """Write the page of a drill session anew, and print where it is; it needs no network to be read."""
    from opslab.cli.main import current_lab
    from opslab.report.session_page.links import Places
    from opslab.report.session_page.page import write_page
    from opslab.runs.sessions import read_session

    lab = current_lab()
    place, report = read_session(lab, session)
    typer.echo(f"page={write_page(report, Places(lab, place, runbook_base))}")


@app.command()
def prune(
    keep: Annotated[int, typer.Option(min=0, help="How many of the newest drill sessions stay.")] = 10,
    failed: Annotated[
        bool, typer.Option("--failed", help="Also remove sessions that failed or were interrupted.")
    ] = False,
) -> None:
    """Remove old drill sessions with their runs; those that failed stay unless --failed is given."""
    from opslab.cli.main import current_lab
    from opslab.runs.sessions import prune as prune_sessions

    pruning = prune_sessions(current_lab(), keep, take_failed=failed)
    for session in pruning.removed:
        typer.echo(f"removed session={session}")
    for session in pruning.kept_failed:
        typer.echo(f"kept session={session} (failed or interrupted; --failed removes it)")
    typer.echo(f"removed={len(pruning.removed)}")


def _run(spec: Path, runner: Callable[..., Bundle]) -> None:
    """Read a spec, run it to its end and tell of it; what stops it from outside is told too."""
    from opslab.cli.main import current_lab, system_clock
    from opslab.cli.progress import working
    from opslab.contract.spec_file import read_spec
    from opslab.engine.registry import standard_registry
    from opslab.runs.names import require_known_names

    lab, spec_file, registry = current_lab(), read_spec(spec), standard_registry()
    require_known_names(lab, spec_file, registry)
    home = lab.runs / spec_file.spec.run_id
    was_there = home.exists()
    try:
        with working(f"running {home.name}"):
            bundle = runner(lab, spec_file, registry, clock=system_clock())
    except (KeyboardInterrupt, SystemExit) as stop:
        raise _stopped(home, stop, is_ours=not was_there) from None
    _require_success(bundle)
    _tell(bundle)


def _require_success(bundle: Bundle) -> None:
    from opslab.errors import EngineError

    error = bundle.metadata.error
    if error is not None:
        raise EngineError(
            f"run {bundle.run_id} failed: {error}{_leaving(bundle)}", fix=f"see {bundle.path / 'report.md'}"
        )


def _leaving(bundle: Bundle) -> str:
    """Return what a run left at its venue, if anything, as words behind a comma."""
    from opslab.report.containment import left_line

    left = left_line(bundle)
    return "" if left in (None, "nothing") else f"; it left at the venue: {left}"


def _stopped(home: Path, stop: BaseException, *, is_ours: bool) -> OpsLabError:
    """Tell of a backtest that was stopped from outside its engine, and what is left of it."""
    from opslab.errors import EngineError
    from opslab.runs.failing import stopper_of
    from opslab.store import layout
    from opslab.store.reader import Bundle

    what = f"run {home.name} was stopped by {stopper_of(stop)}"
    if not is_ours or not home.is_dir():
        return EngineError(f"{what} before it began; nothing was recorded", fix="start it again")
    if not Bundle(home).has(layout.MANIFEST):
        return EngineError(f"{what}; it is recorded, and not closed", fix="`tc run recover` closes it")
    left = _leaving(Bundle(home))
    return EngineError(f"{what}; it is recorded as failed, reason interrupted{left}", fix=f"see {home / layout.REPORT}")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _tell(bundle: Bundle) -> None:
    from opslab.report.containment import left_line

    typer.echo(f"artifacts={bundle.path}")
    typer.echo(f"config_sha256={bundle.spec.config_sha256()}")
    typer.echo(f"status={bundle.metadata.status}")
    if (left := left_line(bundle)) not in (None, "nothing"):
        typer.echo(f"left={left}")
