"""What passes between the controller and xdist's workers; used only where xdist is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from opslab.pytest_plugin.keys import DRILLS, USAGE_ERROR

if TYPE_CHECKING:
    from opslab.pytest_plugin.session import OpsSession


class XdistHandover:
    """Lives on the controller. Results come back as attributes of the reports, which xdist carries as plain data.

    Args:
        session: the controller's session.
    """

    def __init__(self, session: OpsSession) -> None:
        self._session = session
        self._drills: dict[str, dict[str, Any]] = {}
        self._crashed: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker which session it belongs to, before it starts."""
        node.workerinput["opslab"] = self._session.handover()

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str) -> None:
        """Remember which test a dying worker was at."""
        self._crashed.append(crashitem)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker left at its end.

        Raises:
            pytest.UsageError: the worker met one; the session ends with it, as it would without xdist.
        """
        left: dict[str, Any] = getattr(node, "workeroutput", None) or {}
        if problem := left.get(USAGE_ERROR):
            raise pytest.UsageError(problem)
        self._drills |= {row["nodeid"]: row for row in left.get(DRILLS, ())}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Write down the drills that died with their worker."""
        for nodeid in self._crashed:
            if nodeid in self._drills:
                self._session.take(self._drills[nodeid])


def stay_in_one_process(config: pytest.Config) -> None:
    """Keep xdist from starting workers: for a plan, which runs nothing."""
    config.option.dist, config.option.tx, config.option.numprocesses = "no", [], 0
