"""The fixtures ``readiness`` and ``probe``: a refused URL is told before anything else is looked at."""

from __future__ import annotations

import subprocess
import sys

BODY = """
import pytest
from opslab.errors import DrillError, SpecError

@pytest.mark.drill("asks")
def test_asks(drill, probe, readiness):
    with pytest.raises(SpecError, match="is not a plain URL on this machine"):
        probe("http://example.org/")
    with pytest.raises(DrillError, match="the drill has no run"):
        probe("http://localhost/")
    with pytest.raises(DrillError, match="the drill has no run"):
        readiness()
    print("asked all")
    pytest.skip("nothing to judge")
"""


def test_a_refused_url_is_told_before_a_missing_run(tmp_path):
    (tmp_path / "opslab.toml").touch()
    (tmp_path / "test_asks.py").write_text(BODY)
    words = ["-m", "pytest", "-s", "-p", "no:cacheprovider", "-p", "no:randomly", "test_asks.py"]
    ran = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert "asked all" in ran.stdout, ran.stdout + ran.stderr
