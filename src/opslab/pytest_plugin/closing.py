"""Writes the session down at its end: record, metrics, page, Allure's side files; prunes older ones; pushes metrics."""

from __future__ import annotations

import os
import platform
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from opslab import __version__
from opslab.clock import SystemClock, to_stamp
from opslab.contract.drill import SessionReport
from opslab.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.pytest_plugin.session import OpsSession
    from opslab.runs.sessions import Pruning, SessionDirectory

type Status = Literal["running", "completed", "interrupted"]


def session_report(session: OpsSession, status: Status, found: Iterable[str] = ()) -> SessionReport:
    """Return what is known of the session.

    Args:
        session: the session.
        status: what has become of it by now.
        found: runs of the session beside those that its drills tell of.
    """
    from opslab.runs.sessions import last_passes

    is_mutants = bool(session.config.getoption("--opslab-mutants"))
    counting = session.rows if status == "completed" and not is_mutants else ()
    now = SystemClock().now()
    return SessionReport(
        session_id=session.session_id,
        started_at_utc=session.started_at_utc,
        completed_at_utc=None if status == "running" else to_stamp(now),
        status=status,
        seed=session.seed,
        lab_version=__version__,
        engine_version=version("nautilus_trader"),
        mutants=is_mutants,
        verdicts=dict(sorted(Counter(row["outcome"] for row in session.rows).items())),
        drills=tuple(sorted(session.rows, key=lambda row: str(row["name"]))),
        runs=tuple(sorted({*found, *(run_id for row in session.rows for run_id in row["runs"])})),
        last_passed=last_passes(session.lab, now, counting),
    )


def close_session(session: OpsSession, directory: SessionDirectory, *, has_ended: bool = True) -> list[str]:
    """Write everything down, prune, push, and return notes for the terminal.

    Args:
        session: the session.
        directory: its directory.
        has_ended: false for an interrupted session, which says so in its record and is never pruned silently. Runs of
            drills that could not tell of them any more are found by their names.
    """
    from opslab.errors import OpsLabError
    from opslab.report.session_metrics import write_metrics
    from opslab.runs.sessions import prune, runs_of

    report = None
    notes = [f"session {session.session_id}, seed {session.seed}: {_relative(directory.path, session.lab.root)}"]
    try:
        found = [path.name for path in runs_of(session.lab, session.session_id)]
        report = session_report(session, "completed" if has_ended else "interrupted", found)
        directory.write(report)
        write_metrics(report, directory.path / "metrics.prom")
        notes.append(_write_page(session, report, directory.path))
        if results := session.config.getoption("allure_report_dir", None):
            _write_allure_files(session, Path(results))
        notes += _told(prune(session.lab, session.keep))
    except Exception as error:  # noqa: BLE001 - a full disk, or a hook of somebody else's
        told = error if isinstance(error, OpsLabError) else f"{type(error).__name__}: {error}"
        notes.append(f"the session could not be written whole: {one_line(told)}")
    finally:
        directory.close()
    return notes if report is None else notes + _pushed(session, report)


def _pushed(session: OpsSession, report: SessionReport) -> list[str]:
    """Push the metrics if the user asked for it; what goes wrong is a warning, whatever it is."""
    gateway = session.pushgateway
    if gateway is None or report.mutants or not report.drills:
        return []
    from opslab.errors import OpsLabError
    from opslab.report.pushgateway import push_session

    try:
        push_session(report, gateway)
    except Exception as error:  # noqa: BLE001 - a session never fails for its metrics
        told = error if isinstance(error, OpsLabError) else f"the metrics were not pushed: {type(error).__name__}"
        session.warnings.append(str(told))
        return []
    return [f"metrics pushed to {gateway.place}"]


def _write_page(session: OpsSession, report: SessionReport, place: Path) -> str:
    """Write the session's page and return the line that names it, or that says why there is none."""
    from opslab.report.session_page.links import Places
    from opslab.report.session_page.page import write_page

    base = session.config.getini("opslab_runbook_base")
    try:
        page = write_page(report, Places(session.lab, place, base))
    except Exception as error:  # noqa: BLE001 - the record and the verdicts stand without the page
        return one_line(f"the session's page was not written: {type(error).__name__}: {error}")
    return f"page: {_relative(page, session.lab.root)}"


def _write_allure_files(session: OpsSession, results: Path) -> None:
    from opslab.report.allure_files import write_side_files

    facts = {
        "opslab": __version__,
        "nautilus_trader": version("nautilus_trader"),
        "python": platform.python_version(),
        "pytest": version("pytest"),
        "contract": "v1",
        "seed": str(session.seed),
        "session": session.session_id,
    }
    for added in session.config.hook.pytest_opslab_environment():
        facts.update({str(name): str(value) for name, value in dict(added).items()})
    write_side_files(results, facts, os.environ)


def _told(pruning: Pruning) -> list[str]:
    notes = []
    if pruning.removed:
        notes.append(f"pruned {len(pruning.removed)} older sessions")
    if pruning.kept_failed:
        notes.append(
            f"kept {len(pruning.kept_failed)} older sessions that failed (`tc run prune --failed` removes them)"
        )
    return notes


def _relative(path: Path, root: Path) -> str:
    return os.path.relpath(path, root)
