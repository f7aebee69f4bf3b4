"""``tc run``: start runs, verify their bundles, recover what was interrupted, show and prune sessions."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opslab.cli import run_view
from opslab.cli.output import OutputError, patient_output
from opslab.cli.told import JsonOption, tell, tell_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.errors import OpsLabError
    from opslab.store.reader import Bundle

app = typer.Typer(help="Start runs, verify their bundles, recover interrupted ones.", no_args_is_help=True)

app.command("list")(run_view.list_runs)
app.command()(run_view.show)

_AS_IT_IS = nullcontext()
"""Signals mean what they do everywhere."""

SpecOption = Annotated[Path, typer.Option(help="The run spec.")]


@app.command()
def init(spec: SpecOption, json: JsonOption = False) -> None:
    """Make a spec's run directory without running it."""
    from opslab.cli.main import current_lab, system_clock
    from opslab.contract.spec_file import read_spec
    from opslab.engine.registry import standard_registry
    from opslab.runs.backtest import initialize
    from opslab.runs.names import require_known_names

    lab, spec_file = current_lab(), read_spec(spec)
    require_known_names(lab, spec_file, standard_registry())
    bundle = initialize(lab, spec_file, system_clock())
    tell({"artifacts": bundle.path, "config_sha256": bundle.spec.config_sha256()}, as_json=json)


@app.command()
def backtest(spec: SpecOption, json: JsonOption = False) -> None:
    """Run a spec in the backtest engine and leave its bundle."""
    from opslab.runs.backtest import run_backtest

    _run(spec, run_backtest, as_json=json)


@app.command()
def paper(
    spec: SpecOption,
    expect_inputs: Annotated[
        str | None, typer.Option(help="Refuse to start unless the run has this inputs_sha256.", metavar="SHA256")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run a spec against a venue on loopback; the kill switch is asked first, and a blocked run is recorded."""
    from opslab.runs.paper import run_paper
    from opslab.runs.terminable import terminable

    alert = partial(typer.echo, err=True)
    runner = partial(run_paper, alert=alert, may_exit=True, expect_inputs=expect_inputs)
    _run(spec, runner, as_json=json, telling=terminable())


@app.command()
def verify(run_id: Annotated[str, typer.Option(help="The run.")], json: JsonOption = False) -> None:
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
        rows = [{"path": problem.path, "what": problem.what} for problem in problems]
        tell_json({"run_id": run_id, "verified": not problems, "problems": rows})
    else:
        typer.echo(f"run_id={run_id}")
        for problem in problems:
            typer.echo(f"broken: {problem.path}: {problem.what}")
        typer.echo(f"verified={str(not problems).lower()}")
    if problems:
        raise StoreError(
            f"{_counted(len(problems), 'problem')}, the first: {problems[0].path} {problems[0].what}",
            where=bundle.path,
            fix="restore the bundle from a copy, or run it again under another run_id (`tc runbook bundle-broken`)",
        )


@app.command()
def recover(
    run_id: Annotated[str | None, typer.Option(help="This run only (default: all).")] = None, json: JsonOption = False
) -> None:
    """Close runs whose process is gone, as interrupted if they had no end yet; living runs are left alone."""
    from opslab.cli.main import current_lab, system_clock
    from opslab.errors import StoreError
    from opslab.runs.recovery import recover as recover_all
    from opslab.runs.recovery import recover_one
    from opslab.store.reader import Bundle

    lab = current_lab()
    recovery = recover_all(lab, system_clock()) if run_id is None else recover_one(lab, run_id, system_clock())
    found = {name: Bundle(lab.runs / name).metadata for name in recovery.closed}
    if json:
        rows = [{"run_id": name, "status": it.status, "reason": it.failure_reason} for name, it in found.items()]
        failed = [{"run_id": name, "error": str(error)} for name, error in recovery.failed]
        tell_json({"closed": rows, "removed": list(recovery.removed), "failed": failed})
    else:
        for closed, metadata in found.items():
            reason = f" reason={metadata.failure_reason}" if metadata.failure_reason else ""
            typer.echo(f"closed run_id={closed} status={metadata.status}{reason}")
        for name in recovery.removed:
            typer.echo(f"removed half-made {name}")
        typer.echo(f"closed={len(recovery.closed)}")
    if recovery.failed:
        first, error = recovery.failed[0]
        raise StoreError(
            f"{_counted(len(recovery.failed), 'run')} could not be closed, the first: {error.what}",
            where=first,
            fix=error.fix,
        )


@app.command()
def page(
    session: Annotated[str | None, typer.Option(help="The drill session (default: the newest).")] = None,
    runbook_base: Annotated[str, typer.Option(help="Web address before runbooks that are no files of the lab.")] = "",
    json: JsonOption = False,
) -> None:
    """Write the page of a drill session anew, and print where it is; it needs no network to be read."""
    from opslab.cli.main import current_lab
    from opslab.report.session_page.links import Places
    from opslab.report.session_page.page import write_page
    from opslab.runs.sessions import read_session

    lab = current_lab()
    place, report = read_session(lab, session)
    tell({"page": write_page(report, Places(lab, place, runbook_base))}, as_json=json)


@app.command()
def prune(
    keep: Annotated[int, typer.Option(min=0, help="How many of the newest drill sessions stay.")] = 10,
    failed: Annotated[
        bool, typer.Option("--failed", help="Also remove sessions that failed or were interrupted.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Remove old drill sessions with their runs; those that failed stay unless --failed is given."""
    from opslab.cli.main import current_lab
    from opslab.runs.sessions import prune as prune_sessions

    pruning = prune_sessions(current_lab(), keep, take_failed=failed)
    if json:
        tell_json({"removed": list(pruning.removed), "kept_failed": list(pruning.kept_failed)})
        return
    for session in pruning.removed:
        typer.echo(f"removed session={session}")
    for session in pruning.kept_failed:
        typer.echo(f"kept session={session} (failed or interrupted; --failed removes it)")
    typer.echo(f"removed={len(pruning.removed)}")


def _run(
    spec: Path,
    runner: Callable[..., Bundle],
    *,
    as_json: bool,
    telling: AbstractContextManager[object] = _AS_IT_IS,
) -> None:
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
    with telling:
        try:
            with working(f"running {home.name}"), patient_output():
                bundle = runner(lab, spec_file, registry, clock=system_clock())
        except (KeyboardInterrupt, SystemExit) as stop:
            raise _stopped(home, stop, is_ours=not was_there) from None
        _warn(bundle)
        _require_success(bundle)
        _tell(bundle, as_json=as_json)


def _warn(bundle: Bundle) -> None:
    """Say on standard error what threads and processes a run left, if any."""
    from opslab.report.strays import strays_line

    if (line := strays_line(bundle)) is not None:
        typer.echo(f"warning: run {bundle.run_id} left running: {line}", err=True)


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
    _warn(Bundle(home))
    left = _leaving(Bundle(home))
    return EngineError(f"{what}; it is recorded as failed, reason interrupted{left}", fix=f"see {home / layout.REPORT}")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _tell(bundle: Bundle, *, as_json: bool) -> None:
    from opslab.report.containment import left_line

    facts = {"artifacts": bundle.path, "config_sha256": bundle.spec.config_sha256(), "status": bundle.metadata.status}
    left = left_line(bundle)
    try:
        tell({**facts, "left": None if left == "nothing" else left}, as_json=as_json)
        sys.stdout.flush()
    except OutputError as error:
        if not error.is_closed_pipe:  # a reader who left has seen enough, the run is complete
            raise
