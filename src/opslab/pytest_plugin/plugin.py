"""The plugin's entry point: every hook, each handed on in a line or two.

Loading this module imports the standard library and pytest only; what a hook needs is imported when it is called with
drills at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from opslab.pytest_plugin import fixtures
from opslab.pytest_plugin.keys import INFO, LAB_TROUBLE

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare options and ini settings."""
    from opslab.pytest_plugin.options import add_options

    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that a conftest may implement."""
    from opslab.pytest_plugin import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Declare markers and fixtures, and make the session's state; hand over to xdist where it is installed."""
    from opslab.pytest_plugin.session import start_session

    config.pluginmanager.register(fixtures, "opslab-fixtures")
    start_session(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With ``--opslab-mutants``, make one item of each mutant."""
    if metafunc.config.getoption("--opslab-mutants"):
        from opslab.pytest_plugin.markers import mutate

        mutate(metafunc)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect ``*.run.yaml`` as drills."""
    if not file_path.name.endswith((".run.yaml", ".run.yml")):
        return None
    from opslab.pytest_plugin.scenarios import RunFile

    return RunFile.from_parent(parent, path=file_path)


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: Any
) -> list[pytest.Collector] | None:
    """Bring the YAML files that a module names with ``Scenarios`` into that module's run."""
    if (type(obj).__module__, type(obj).__name__) != ("opslab.pytest_plugin.scenarios", "Scenarios"):
        return None
    from opslab.pytest_plugin.scenarios import collect_scenarios

    return collect_scenarios(collector, name, obj)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Validate what drills declare; with ``--opslab-mutants``, leave out what is no drill."""
    from opslab.pytest_plugin.markers import declare

    declare(config, items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """With ``--opslab-plan``, show what would run instead of running it."""
    if not session.config.getoption("--opslab-plan") or session.testsfailed:
        return None
    from opslab.pytest_plugin.plan import show_plan

    show_plan(session)
    return True


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin a drill that is not skipped, before its fixtures are set up: a mutant is in force for them too."""
    if INFO in item.stash:
        from opslab.pytest_plugin.lifecycle import begin

        begin(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Judge a drill by what its body found."""
    __tracebackhide__ = True
    if INFO not in pyfuncitem.stash:
        return (yield)
    from opslab.pytest_plugin.judging import Judging

    with Judging(pyfuncitem):
        yield
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the report a drill's verdict, so that JUnit, the terminal and the xdist controller see it."""
    report = yield
    if INFO in item.stash:
        from opslab.pytest_plugin.judging import mark_report

        mark_report(item, call, report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Lift a mutant after the fixtures are torn down, even when that fails."""
    try:
        return (yield)
    finally:
        if INFO in item.stash:
            from opslab.pytest_plugin.lifecycle import end

            end(item)


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Show the lab's own trouble as an error, not as a failed test."""
    return ("error", "E", "ERROR") if str(report.when) == LAB_TROUBLE else None
