from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opslab.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

SCENARIOS = Path(__file__).parents[2] / "scenarios" / "runs"


@dataclass(frozen=True)
class Told:
    """What a command left: exit code, lines of stdout, lines of stderr."""

    code: int
    out: list[str]
    err: list[str]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A marked lab, which is the working directory; nothing in the environment names another."""
    for name in os.environ:
        if name.startswith("TRADINGCHASSIS_"):
            monkeypatch.delenv(name)
    root = tmp_path / "place"
    root.mkdir()
    (root / "opslab.toml").write_text("")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Run ``tc`` as its console script does."""

    def run(*words: object) -> Told:
        monkeypatch.setattr(sys, "argv", ["tc", *map(str, words)])
        capfd.readouterr()
        try:
            main()
        except SystemExit as stop:
            code = 0 if stop.code is None else stop.code
        captured = capfd.readouterr()
        return Told(code, captured.out.splitlines(), captured.err.splitlines())

    return run


@pytest.fixture
def written(place: Path) -> Callable[[], list[str]]:
    """Return what stands in the lab now."""
    return lambda: sorted(path.relative_to(place).as_posix() for path in place.rglob("*"))
