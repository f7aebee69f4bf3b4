"""The session's state: who and where it is, and on the controller the verdicts as they come in."""

from __future__ import annotations

import os
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from opslab import __version__
from opslab.pytest_plugin.options import session_seed, whole_number

if TYPE_CHECKING:
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
        self.rows: list[dict[str, Any]] = []
        self._directory: SessionDirectory | None = None
        self._notes: list[str] = []

    @cached_property
    def session_id(self) -> str:
        """The session's id; xdist workers have the controller's."""
        if self._handed:
            return str(self._handed["session_id"])
        from opslab.clock import SystemClock
        from opslab.ids import new_session_id

        return new_session_id(SystemClock().now())

    @cached_property
    def started_at_utc(self) -> str:
        """When the session's first drill was met."""
        from opslab.clock import SystemClock, to_stamp

        return to_stamp(SystemClock().now())

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

    @cached_property
    def ids(self) -> SessionIds:
        """Names this process's runs."""
        from opslab.runs.sessions import SessionIds

        return SessionIds(self.session_id, self.worker)

    @cached_property
    def registry(self) -> StrategyRegistry:
        """Every strategy that specs may name: built in, installed, and registered through the hook."""
        from opslab.engine.registry import standard_registry

        registry = standard_registry()
        for strategies in self.config.hook.pytest_opslab_strategies():
            for name, factory in strategies.items():
                registry.register(name, factory, "hook pytest_opslab_strategies")
        return registry

    def handover(self) -> dict[str, Any]:
        """Return what an xdist worker must be told."""
        return {"session_id": self.session_id, "seed": self.seed}

    @pytest.hookimpl
    def pytest_report_header(self) -> str | None:
        """Say in one line what drills would run on; nothing outside a lab."""
        if not self.lab.is_marked:
            return None
        engine = version("nautilus_trader")
        return f"opslab: {__version__}, engine nautilus_trader {engine}, seed {self.seed}, root {self.lab.root}"

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect verdicts as they come in, on the controller."""
        row = getattr(report, "opslab", None)
        if row is None or self.is_worker:
            return
        if self._directory is None:
            self._open()
        # A teardown that breaks turns the drill's own verdict into an error; the later row replaces the earlier.
        self.rows = [known for known in self.rows if known["nodeid"] != row["nodeid"]]
        self.rows.append(row)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the session down and prune older ones, on the controller."""
        if self._directory is None:
            return
        from opslab.pytest_plugin.closing import close_session

        self._notes = close_session(self, self._directory)

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the section ``ops drills``, when there was a drill."""
        if self.rows:
            from opslab.pytest_plugin.summary import write_summary

            write_summary(terminalreporter, self.rows, self._notes)

    def _open(self) -> None:
        from opslab.pytest_plugin.closing import session_report
        from opslab.runs.sessions import SessionDirectory

        self._directory = SessionDirectory(self.lab, self.session_id)
        self._directory.open(session_report(self, None))
