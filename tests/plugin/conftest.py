"""A lab in a temporary directory whose drills need no engine: their checks say what the test wants to see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

# An in-process run forgets the modules that it imported; those with C extensions cannot be loaded a second time.
import opslab.engine.registry
import opslab.pytest_plugin.closing
import opslab.pytest_plugin.judging
import opslab.pytest_plugin.lifecycle
import opslab.pytest_plugin.markers
import opslab.pytest_plugin.plan
import opslab.pytest_plugin.scenarios
import opslab.pytest_plugin.summary
import opslab.report.allure
import opslab.report.allure_files
import opslab.report.session_metrics
import opslab.report.session_page.page
import opslab.runs.names
import opslab.runs.rehearsal  # noqa: F401
from opslab.drill.checks import known_checks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

known_checks()

CHECKS = '''
from opslab.drill.checks import check, failed, passed, unknown

@check("demo.passes")
def passes(history, spec):
    """Says pass."""
    return passed("fine")

@check("demo.fails")
def fails(history, spec):
    return failed("OPS-DEMO-BAD", "bad", expected=1, observed=2)

@check("demo.fails_otherwise")
def fails_otherwise(history, spec):
    return failed("OPS-DEMO-WORSE", "worse")

@check("demo.unknown")
def doubts(history, spec):
    return unknown("OPS-DEMO-DOUBT", "nobody can tell")

@check("demo.crashes")
def crashes(history, spec):
    raise ValueError("boom")

@check("demo.needs_fact")
def needs_fact(history, spec):
    return passed() if history.fact("healthy") else failed("OPS-DEMO-SICK", "sick")

class Fault:
    name = "demo_fault"
    def __init__(self, fired=True):
        self.fired, self.healed = fired, False
    def begin(self):
        pass
    def heal(self):
        self.healed = True
'''

SPEC = """
spec_version: v1
run_id: demo
mode: backtest
engine: nautilus
venue: binance
instrument: BTCUSDT
strategy:
  name: ops_smoke_demo
  version: 0.1.0
data:
  dataset: btcusdt-sample
risk:
  profile: tiny
observability:
  journal: true
"""


class OpsLab:
    """A lab, and pytest runs in it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester, self.path = pytester, pytester.path

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def drills(self, text: str, name: str = "test_it.py") -> Path:
        return self.write(name, f"import pytest\nfrom conftest import Fault\n{text}")

    def run(self, *words: str, apart: bool = False) -> pytest.RunResult:
        call = self.pytester.runpytest_subprocess if apart else self.pytester.runpytest_inprocess
        return call("-p", "no:randomly", "-p", "no:cacheprovider", *words)

    @property
    def sessions(self) -> list[Path]:
        return sorted((self.path / "artifacts" / "sessions").glob("*"))

    def session(self) -> dict[str, Any]:
        (path,) = self.sessions
        return dict(json.loads((path / "session.json").read_text()))

    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.session()["drills"]}

    def report(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.path / self.rows()[name]["report"]).read_text()))

    def journal(self, name: str) -> bytes:
        return (self.sessions[-1] / "drills" / f"{name}.journal.jsonl").read_bytes()


def usage_lines(result: pytest.RunResult) -> list[str]:
    return [line for line in result.errlines if line.startswith("ERROR: ")]


@pytest.fixture
def ops(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> OpsLab:
    """A lab with checks that say pass, fail, unknown, or crash."""
    for name in ("TRADINGCHASSIS_OPS_LAB_ROOT", "PYTEST_ADDOPTS", "CI", "BUILD_NUMBER", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    lab = OpsLab(pytester)
    lab.write("opslab.toml", "")
    lab.write("pytest.toml", '[pytest]\nstrict = true\njunit_family = "xunit2"\naddopts = ["-p", "no:pytester"]\n')
    lab.write("conftest.py", CHECKS)
    pytester.syspathinsert()
    return lab


@pytest.fixture
def refused(ops: OpsLab) -> Callable[..., str]:
    """Run pytest on what must be a usage error, and return its one line."""

    def run(*words: str) -> str:
        result = ops.run(*words)
        assert result.ret == pytest.ExitCode.USAGE_ERROR, result.stdout.str()
        (line,) = usage_lines(result)
        assert not ops.sessions
        return line

    return run


@pytest.fixture(scope="session")
def spec_text() -> str:
    return SPEC


@pytest.fixture(scope="session")
def checks_text() -> str:
    return CHECKS


@pytest.fixture(scope="session")
def apart() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run pytest in a directory, in a process of its own that knows nothing of this session."""

    def run(path: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TRADING"))}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", *words],
            cwd=path,
            env={**inherited, "PYTHONPATH": str(path), **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
