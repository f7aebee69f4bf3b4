"""The session's state: who and where it is, and on the controller the verdicts as they come in."""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from opslab import __version__
from opslab.clock import SystemClock, to_stamp
from opslab.pytest_plugin.keys import DRILLS, INFO, SESSION, USAGE_ERROR
from opslab.pytest_plugin.options import MARKERS, session_node, session_pushgateway, session_seed, whole_number

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.engine.node.own import OwnNode
    from opslab.engine.registry import StrategyRegistry
    from opslab.root import Lab
    from opslab.runs.sessions import SessionDirectory, SessionIds


class OpsSession:
    """One pytest session as the lab sees it; inert until a drill shows up.

    Args:
        config: pytest's configuration, on the controller or on an xdist worker.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        handed: dict[str, Any] = getattr(config, "workerinput", {})
        self.is_worker = bool(handed)
        self.worker = handed.get("workerid", "main")
        self._handed = handed.get("opslab", {})
        self.seed: int = self._handed["seed"] if self._handed else session_seed(config)
        self.keep = whole_number("opslab_keep_sessions", config.getini("opslab_keep_sessions"), 1)
        self.pushgateway = session_pushgateway(config)
        self.warnings: list[str] = []
        self.rows: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self._started = SystemClock().now()
        self._is_interrupted = False
        self._directory: SessionDirectory | None = None
        self._notes: list[str] = []

    @cached_property
    def session_id(self) -> str:
        """The session's id; xdist workers have the controller's."""
        if self._handed:
            return str(self._handed["session_id"])
        from opslab.ids import new_session_id

        return new_session_id(self._started)

    @property
    def started_at_utc(self) -> str:
        """When pytest was configured."""
        return to_stamp(self._started)

    @cached_property
    def lab(self) -> Lab:
        """The lab, by the one rule."""
        from opslab.errors import RootError
        from opslab.root import find_lab

        starts = (self.config.invocation_params.dir, self.config.rootpath)
        try:
            return find_lab(self.config.getoption("--opslab-root"), os.environ, starts)
        except RootError as error:
            raise pytest.UsageError(str(error)) from error

    @property
    def drills(self) -> Path:
        """Where the session keeps its drills' journals, and reports of those that have no run or several."""
        return self.lab.sessions / self.session_id / "drills"

    @cached_property
    def ids(self) -> SessionIds:
        """Names this process's runs."""
        from opslab.runs.sessions import SessionIds

        return SessionIds(self.session_id, self.worker)

    @cached_property
    def own_node(self) -> OwnNode | None:
        """The user's node that the session names, checked."""
        return session_node(self.config)

    @cached_property
    def registry(self) -> StrategyRegistry:
        """Every strategy that specs may name: built in, installed, and registered through the hook."""
        from opslab.engine.registry import standard_registry

        registry = standard_registry()
        for strategies in self.config.hook.pytest_opslab_strategies():
            for name, factory in dict(strategies).items():
                registry.register(name, factory, "hook pytest_opslab_strategies")
        return registry

    def require_usable(self, *, is_used: bool) -> None:
        """Refuse what no drill could run with: scenarios that are none, a lab or a strategy that cannot be used.

        Raises:
            pytest.UsageError: the first such problem.
        """
        from opslab.errors import OpsLabError

        if self.problems:
            raise pytest.UsageError(self.problems[0])
        if not is_used:
            return
        try:
            _ = self.lab, self.registry
        except (OpsLabError, TypeError, ValueError) as error:
            raise pytest.UsageError(f"pytest_opslab_strategies: {error}") from error
        _ = self.own_node

    def take(self, row: dict[str, Any] | None) -> None:
        """Write a drill's row down, on the controller; a later row of the same drill replaces the earlier."""
        if self.is_worker:
            return
        if self._directory is None:
            self._open()
        if row is not None:
            self.rows = [known for known in self.rows if known["nodeid"] != row["nodeid"]]
            self.rows.append(row)

    def handover(self) -> dict[str, Any]:
        """Return what an xdist worker must be told."""
        return {"session_id": self.session_id, "seed": self.seed}

    def hand_back(self, problem: str) -> None:
        """On a worker, leave a usage error for the controller."""
        self.config.workeroutput[USAGE_ERROR] = problem  # type: ignore[attr-defined]

    @pytest.hookimpl
    def pytest_report_header(self) -> str | None:
        """Say in one line what drills would run on; nothing outside a lab."""
        try:
            if not self.lab.is_marked:
                return None
        except pytest.UsageError as error:  # ends the session only if there is a drill
            return f"opslab: {error}"
        engine = version("nautilus_trader")
        return f"opslab: {__version__}, engine nautilus_trader {engine}, seed {self.seed}, root {self.lab.root}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse drills whose lab cannot be written; on a worker, tell the controller which drills there are.

        A worker that dies can say nothing any more.

        Raises:
            pytest.UsageError: the lab cannot be written; a worker leaves that to the controller and runs nothing.
        """
        drills = [item for item in session.items if INFO in item.stash]
        if not drills or self.config.option.collectonly or self.config.getoption("--opslab-plan"):
            return
        if problem := _unwritable(self.lab):
            if not self.is_worker:
                raise pytest.UsageError(problem)
            self.hand_back(problem)
            session.items.clear()
        elif self.is_worker:
            from opslab.pytest_plugin.judging import lost_row

            self.config.workeroutput[DRILLS] = [lost_row(item) for item in drills]  # type: ignore[attr-defined]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Leave a trace of the session before a drill does anything, so that no interrupt can hide it."""
        if INFO not in item.stash:
            return
        if not self.is_worker:
            self.take(None)
            return
        with contextlib.suppress(OSError):
            self.drills.parent.mkdir(parents=True, exist_ok=True)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect verdicts as they come in; a report without a row says that a drill began."""
        if hasattr(report, "opslab"):
            self.take(report.opslab)

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self) -> None:
        """Remember Ctrl-C and ``pytest.exit``, whatever exit code the latter asks for."""
        self._is_interrupted = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the session down and prune older ones, on the controller."""
        if self._directory is None and self._is_begun_elsewhere():
            self._open()
        if self._directory is None:
            return
        from opslab.pytest_plugin.closing import close_session

        stopped = (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
        has_ended = not self._is_interrupted and exitstatus not in stopped
        self._notes += close_session(self, self._directory, has_ended=has_ended)

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the section ``ops drills``, when there was a drill; warnings show under ``-q`` too."""
        if self.rows:
            from opslab.pytest_plugin.summary import write_summary

            write_summary(terminalreporter, self.rows, self._notes, self.lab.root)
        for warning in self.warnings:
            terminalreporter.write_line(f"warning: {warning}", yellow=True)

    def _is_begun_elsewhere(self) -> bool:
        """Whether xdist workers left a trace of drills, of which no report came any more."""
        if self.is_worker or not self.config.pluginmanager.hasplugin("dsession"):
            return False
        try:
            return self.drills.parent.is_dir()
        except pytest.UsageError:
            return False

    def _open(self) -> None:
        from opslab.errors import OpsLabError
        from opslab.pytest_plugin.closing import session_report
        from opslab.runs.sessions import SessionDirectory

        self._directory = SessionDirectory(self.lab, self.session_id)
        try:
            self._directory.open(session_report(self, "running"))
        except OpsLabError as error:
            self._notes.append(f"the session cannot be written: {error}")


def _unwritable(lab: Lab) -> str | None:
    """Return why drills cannot leave anything below the lab's roots, if so."""
    from opslab.errors import StoreError

    for root in (lab.sessions, lab.runs, lab.data):
        nearest = next(path for path in (root, *root.parents) if os.path.lexists(path))
        if not nearest.is_dir():
            return str(StoreError("is no directory", where=nearest, fix=f"drills write {root}: make room for it"))
        if not os.access(nearest, os.W_OK | os.X_OK):
            fix = f"drills write {root}: make it writable, or name another lab with --opslab-root"
            return str(StoreError("cannot be written", where=nearest, fix=fix))
    return None


def start_session(config: pytest.Config) -> None:
    """Declare markers, make the session's state, and on a controller hand over to xdist.

    Raises:
        pytest.UsageError: an option or ini setting is malformed.
    """
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    session = config.stash[SESSION] = OpsSession(config)
    config.pluginmanager.register(session, "opslab-session")
    if config.pluginmanager.hasplugin("xdist") and not session.is_worker:
        from opslab.pytest_plugin.xdist import XdistHandover, stay_in_one_process

        if config.getoption("--opslab-plan"):
            stay_in_one_process(config)
        config.pluginmanager.register(XdistHandover(session), "opslab-xdist")
