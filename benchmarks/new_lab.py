"""What making a lab adds to its first `pytest`: ``tc new`` and that, next to that alone."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.ratio import Ratio, interleaved, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

TC = ["-c", "from opslab.cli.main import main; main()"]
TARGET = 1.2


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratio of wall times of whole processes; each first `pytest` runs in a lab that was never used."""
    rounds = 4 if quick else 9
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        made = [_made(folder, f"ready-{number}") for number in range(rounds + 1)]
        contestants = {"new and pytest": _new_and_pytest(folder), "pytest": _pytest_in(made)}
        seconds = interleaved(contestants, rounds, time.perf_counter)
    name = "tc new and the first pytest / that pytest"
    return [ratio(name, seconds["new and pytest"], seconds["pytest"], TARGET, "ms")]


def _new_and_pytest(folder: Path) -> Callable[[], None]:
    numbers = itertools.count()

    def run() -> None:
        _run(_made(folder, f"new-{next(numbers)}"), "-m", "pytest", "-q", "-p", "no:randomly")

    return run


def _pytest_in(made: list[Path]) -> Callable[[], None]:
    labs = iter(made)

    def run() -> None:
        _run(next(labs), "-m", "pytest", "-q", "-p", "no:randomly")

    return run


def _made(folder: Path, name: str) -> Path:
    _run(folder, *TC, "new", name)
    return folder / name


def _run(place: Path, *words: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADINGCHASSIS", "PYTEST"))}
    subprocess.run([sys.executable, *words], cwd=place, env=kept, check=True, stdout=subprocess.DEVNULL)
