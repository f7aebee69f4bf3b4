"""The hooks that a conftest or another plugin may implement.

All of them are optional. Write them in a ``conftest.py`` like any other pytest hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from opslab.contract.drill import DrillReport
    from opslab.engine.registry import StrategyFactory
    from opslab.store.reader import Bundle


@pytest.hookspec
def pytest_opslab_strategies() -> dict[str, StrategyFactory | str]:  # type: ignore[empty-body]
    """Register strategies that run specs may name.

    Return a mapping of name to a factory taking a ``StrategyContext``, or to the text ``module:callable``, which is
    imported on first use. An installed package registers the same through the entry point group ``opslab.strategies``.

    Example::

        def pytest_opslab_strategies():
            return {"mean_reversion": "my_package.strategies:mean_reversion"}
    """


@pytest.hookspec
def pytest_opslab_run_ended(bundle: Bundle) -> None:
    """A drill's run was sealed, completed or failed.

    Example::

        def pytest_opslab_run_ended(bundle):
            print(bundle.run_id, bundle.metadata.status)
    """


@pytest.hookspec
def pytest_opslab_drill_ended(report: DrillReport) -> None:
    """A drill was judged and its report written.

    Example::

        def pytest_opslab_drill_ended(report):
            if report.verdict == "fail":
                print("page somebody:", report.drill_name)
    """


@pytest.hookspec
def pytest_opslab_environment() -> dict[str, str]:  # type: ignore[empty-body]
    """Add facts about this environment to the reports. Never return secrets.

    Example::

        def pytest_opslab_environment():
            return {"deployment": "staging"}
    """
