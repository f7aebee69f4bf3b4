"""A lab that cannot be written is refused in one line, before a drill does anything; what runs no drill goes on."""

from __future__ import annotations

import pytest

DRILLS = (
    "@pytest.mark.drill('a')\ndef test_it(drill):\n    open('ran', 'w').close()\n    drill.holds('demo.passes')\n"
    "def test_plain(): open('ran', 'w').close()\n"
)
DENIED = """
import os, pathlib
allowed = os.access
here = str(pathlib.Path(__file__).parent)
os.access = lambda path, mode, **more: str(path) != here and allowed(path, mode, **more)
"""


@pytest.fixture
def lab(ops, request):
    if request.param == "denied":
        ops.write("conftest.py", DENIED + (ops.path / "conftest.py").read_text())
    else:
        ops.write(request.param, "a file where a directory must be")
    ops.drills(DRILLS)
    return ops


ALL = pytest.mark.parametrize(
    "lab", ["denied", "artifacts", "artifacts/runs", "artifacts/sessions", "data"], indirect=True
)


@ALL
@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["serial", "workers"])
def test_it_is_one_usage_error(lab, words) -> None:
    result = lab.run(*words, apart=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line.strip()]
    assert line.startswith(f"ERROR: {lab.path}")
    assert "; drills write " in line
    assert "Traceback" not in result.stdout.str()
    assert not (lab.path / "ran").exists()


@pytest.mark.parametrize("lab", ["denied", "artifacts"], indirect=True)
@pytest.mark.parametrize("words", [("--collect-only",), ("--opslab-plan",), ("-k", "plain")], ids=" ".join)
def test_what_runs_no_drill_needs_no_lab(lab, words) -> None:
    assert lab.run(*words, apart=True).ret == 0
