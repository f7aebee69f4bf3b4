"""What the kill switch costs: the commands beside an empty Typer app, and a look at a switch in a lab with many."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from benchmarks.ratio import Ratio, interleaved, ratio
from opslab.clock import SystemClock
from opslab.safety.switches import KillSwitches

if TYPE_CHECKING:
    from collections.abc import Callable

EMPTY_APP = "import typer\napp = typer.Typer()\n@app.command()\ndef version() -> None:\n    typer.echo('0')\napp()\n"
TC = ("-c", "from opslab.cli.main import main; main()")
FEW, MANY = 100, 1000


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratios of wall times of the commands as whole processes, and of CPU times of a look."""
    with tempfile.TemporaryDirectory() as directory:
        return [*_commands(Path(directory), 5 if quick else 15), _growth(Path(directory), 3 if quick else 9)]


def _commands(folder: Path, rounds: int) -> list[Ratio]:
    (folder / "empty.py").write_text(EMPTY_APP)
    (folder / "opslab.toml").touch()
    contestants = {
        "empty": _process(folder, "empty.py"),
        "status": _process(folder, *TC, "kill", "status", "--run-id", "shown"),
        "activate": _process(folder, *TC, "kill", "activate", "--run-id", "pulled", "--reason", "benchmark"),
    }
    contestants["activate"]()
    seconds = interleaved(contestants, rounds, time.perf_counter)
    return [
        ratio(f"tc kill {name} / an empty Typer app", seconds[name], seconds["empty"], 1.5, "ms")
        for name in ("status", "activate")
    ]


def _growth(folder: Path, rounds: int) -> Ratio:
    """Return how a look at one switch grows from FEW to MANY switches, per switch of the index."""
    looks = {str(count): partial(_many(folder / str(count), count).read, "run-1") for count in (FEW, MANY)}
    seconds = interleaved(looks, rounds)
    many, few = ([taken / count for taken in seconds[str(count)]] for count in (MANY, FEW))
    return ratio(f"a look beside {MANY} switches / beside {FEW}, per switch", many, few, 1.5, "ms")


def _many(root: Path, count: int) -> KillSwitches:
    root.mkdir()
    switches = KillSwitches(root / "kill_switch", SystemClock())
    with mock.patch.object(os, "fsync", return_value=None):  # making them is not what is measured
        for number in range(count):
            switches.activate(f"run-{number}", "benchmark", "nobody")
    return switches


def _process(folder: Path, *words: str) -> Callable[[], None]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}

    def run() -> None:
        subprocess.run([sys.executable, *words], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)

    return run
