"""Every hook is documented with an example, implemented by some test, and cannot hide a verdict when it breaks."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from opslab.pytest_plugin import fixtures, hookspecs

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("pytest_opslab_"))
DRILL = "@pytest.mark.drill('a')\ndef test_it(drill):\n    drill.holds('demo.passes')"


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_documented_and_tested(name) -> None:
    doc = inspect.getdoc(getattr(hookspecs, name)) or ""
    assert len(doc.partition("\n")[0]) > 20
    assert "Example::" in doc
    assert f"def {name}(" in doc
    implemented = [path.name for path in Path(__file__).parent.glob("test_*.py") if f"def {name}(" in path.read_text()]
    assert implemented


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_of_every_hook_is_valid(ops, name) -> None:
    doc = inspect.getdoc(getattr(hookspecs, name)) or ""
    example = inspect.cleandoc(doc.partition("Example::")[2])
    ops.write("conftest.py", (ops.path / "conftest.py").read_text() + "\n" + example)
    ops.drills(DRILL)
    ops.run().assert_outcomes(passed=1)


def test_every_fixture_is_documented(ops) -> None:
    out = ops.run("--fixtures").stdout.str()
    for name in fixtures.__all__:
        assert inspect.getdoc(inspect.unwrap(getattr(fixtures, name)._get_wrapped_function()))
        assert f"{name} " in out.partition("fixtures defined from opslab.pytest_plugin.")[2]


def _with_conftest(ops, text: str) -> None:
    ops.write("conftest.py", (ops.path / "conftest.py").read_text() + "\n" + text)
    ops.drills(DRILL)


def test_a_hook_that_breaks_on_a_verdict_makes_it_an_error(ops) -> None:
    _with_conftest(ops, "def pytest_opslab_drill_ended(report):\n    raise RuntimeError('pager is down')")
    result = ops.run()
    result.assert_outcomes(errors=1)
    assert "INTERNALERROR" not in result.stdout.str()
    (row,) = ops.session()["drills"]
    assert row["verdict"] == "error"
    assert "RuntimeError: pager is down (the drill itself: 1 check held)" in row["message"]


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("{'ops_smoke_demo': 'a:b'}", "registered twice"),
        ("{'mine': 7}", "has no factory"),
        ("[1]", "pytest_opslab_strategies"),
        ("{'../x': 'a:b'}", "not a safe name"),
    ],
)
def test_a_strategy_that_cannot_be_registered_is_a_usage_error(ops, refused, returned, told) -> None:
    _with_conftest(ops, f"def pytest_opslab_strategies():\n    return {returned}")
    assert told in refused()


def test_an_environment_hook_that_breaks_is_told_and_the_session_written(ops) -> None:
    _with_conftest(ops, "def pytest_opslab_environment():\n    raise RuntimeError('no idea')")
    result = ops.run("--alluredir=allure", apart=True)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["the session could not be written whole: RuntimeError: no idea"])
    assert ops.session()["status"] == "completed"
