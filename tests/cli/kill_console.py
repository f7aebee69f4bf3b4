"""The console of ``tc kill`` as its tests use it: one lab, commands in this process."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from opslab.cli.kill import app
from opslab.clock import SystemClock
from opslab.root import Lab, find_lab

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def made_lab(place: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Return a marked lab in ``place``, the one that commands mean; fsync is left out for speed."""
    place.mkdir()
    (place / "opslab.toml").touch()
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return use(monkeypatch, find_lab(place, {}, [place]))


def use(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> Lab:
    main = SimpleNamespace(current_lab=lambda **_: lab, system_clock=SystemClock)
    monkeypatch.setitem(sys.modules, "opslab.cli.main", main)
    return lab


def tc(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def lines(*words: object) -> list[str]:
    result = tc(*words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout.splitlines()


def activate(run_id: str = "k1", *more: object):
    return lines("activate", "--run-id", run_id, "--reason", "drawdown", "--actor", "ann", *more)


def clear(run_id: str = "k1"):
    return lines("clear", "--run-id", run_id, "--reason", "checked", "--actor", "ben")


def state(run_id: str = "k1") -> str:
    return lines("status", "--run-id", run_id)[1]
