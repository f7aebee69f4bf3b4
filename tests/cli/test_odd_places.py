"""Places whose names are no text: one line before anything is written, and a switch that is reached all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from opslab.samples import sample_spec

if TYPE_CHECKING:
    from pathlib import Path

ODD = os.fsdecode(b"caf\xe9")


@pytest.fixture
def odd(place, monkeypatch) -> Path:
    """A marked lab in a folder whose name is no UTF-8; it is the working directory."""
    root = place.parent / ODD
    root.mkdir()
    (root / "opslab.toml").write_text("")
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize(
    "words",
    [
        ("run", "list"),
        ("run", "recover"),
        ("run", "backtest", "--spec", sample_spec()),
        ("data", "prepare", "--dataset", "btcusdt-sample"),
        ("new", "my-lab"),
    ],
)
def test_nothing_is_written_there(command, odd, words):
    told = command(*words)
    assert (told.code, told.out) == (1, [])
    (line,) = told.err
    assert "caf\\xe9: a name in it is no UTF-8 text; rename it" in line
    assert [path.name for path in odd.iterdir()] == ["opslab.toml"]


def test_new_risk_can_be_forbidden_there(command, odd):
    told = command("kill", "activate", "--all", "--reason", "stop", "--json")
    assert (told.code, json.loads("".join(told.out))["state"]) == (0, "active")
    assert "state=active" in command("kill", "status", "--all").out
    assert command("kill", "clear", "--all", "--reason", "go on").code == 0


def test_a_pytest_session_there_is_wrong_usage(odd):
    (odd / "test_it.py").write_text(
        "import pytest\n@pytest.mark.drill('a-drill')\ndef test_it(drill):\n    drill.holds()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=odd, capture_output=True, check=False, timeout=60
    )  # fmt: skip
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert b"caf\\xe9: a name in it is no UTF-8 text" in ran.stderr
    assert not (odd / "artifacts").exists()


def test_a_spec_whose_path_is_no_text_starts_no_run(command, place, written):
    spec = place / f"{ODD}.run.yaml"
    spec.write_bytes(sample_spec().read_bytes())
    before = written()
    told = command("run", "backtest", "--spec", spec)
    assert told.code == 1
    assert "caf\\xe9.run.yaml: a name in it is no UTF-8 text" in told.err[0]
    assert written() == before
