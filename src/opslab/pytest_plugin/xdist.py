"""Hands the session's id and seed to xdist's workers; registered only where xdist is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from opslab.pytest_plugin.session import OpsSession


class XdistHandover:
    """Lives on the controller. Results come back as attributes of the reports, which xdist carries as plain data.

    Args:
        session: the controller's session.
    """

    def __init__(self, session: OpsSession) -> None:
        self._session = session

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker which session it belongs to, before it starts."""
        node.workerinput["opslab"] = self._session.handover()
