"""A drill whose body went well, and whose run did not end well, fails: in its verdict and in pytest's exit code."""

from __future__ import annotations

from pathlib import Path

SPEC = Path(__file__).parents[2] / "src" / "opslab" / "samples" / "scenarios" / "btcusdt_by_hand.yaml"
DRILL = """
import pytest
pytestmark = pytest.mark.spec("by_hand.yaml")

@pytest.mark.drill("stops-itself")
def test_it(drill, paper):
    drill.steady("engine.trading")
    paper.strategy.stop()
"""


def test_a_run_that_ends_badly_fails_its_drill(ops, apart) -> None:
    ops.write("opslab.toml", "")
    ops.write("by_hand.yaml", SPEC.read_text())
    ops.write("test_it.py", DRILL)
    done = apart(ops.path, "test_it.py")
    assert done.returncode == 1, done.stdout
    assert "1 failed" in done.stdout
    assert "1 passed" not in done.stdout
    assert "OPS-RUN-FAILED" in done.stdout
