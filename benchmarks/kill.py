"""What the kill switch costs: commands beside an empty Typer app, looks in a lab with many switches or a long past."""

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
from opslab.safety import watch
from opslab.safety.switch_root import SwitchRoot
from opslab.safety.switches import KillSwitches
from opslab.store.journal import Head

if TYPE_CHECKING:
    from collections.abc import Callable

EMPTY_APP = "import typer\napp = typer.Typer()\n@app.command()\ndef version() -> None:\n    typer.echo('0')\napp()\n"
TC = ("-c", "from opslab.cli.main import main; main()")
FEW, MANY = 100, 1000
SWITCHES = 20
SHORT, LONG = 500, 10_000
ASKED = 1000


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratios of wall times of the commands as whole processes, and of CPU times of looks."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        rounds = 3 if quick else 9
        labs = {count: _many(folder / str(count), count) for count in (FEW, MANY)}
        past = _past(folder, rounds)
        return [*_commands(folder, 5 if quick else 15), _growth(labs, rounds), *past, *_watched(labs, rounds)]


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


def _growth(labs: dict[int, KillSwitches], rounds: int) -> Ratio:
    """Return how a look at one switch grows from FEW to MANY switches, per switch of the index."""
    looks = {str(count): partial(switches.read, "run-1") for count, switches in labs.items()}
    seconds = interleaved(looks, rounds)
    many, few = ([taken / count for taken in seconds[str(count)]] for count in (MANY, FEW))
    return ratio(f"a look beside {MANY} switches / beside {FEW}, per switch", many, few, 1.5, "ms")


def _past(folder: Path, rounds: int) -> list[Ratio]:
    """Return what a look and an activation cost after LONG changes of switches, beside after SHORT."""
    labs = {str(count): _lived(folder / f"past-{count}", count) for count in (SHORT, LONG)}
    looks = interleaved({name: partial(lab.read, "run-1") for name, lab in labs.items()}, rounds)
    words = ("shown", "benchmark", "nobody")
    pulls = interleaved({name: partial(lab.activate, *words) for name, lab in labs.items()}, rounds)
    return [
        ratio(f"{what} after {LONG} changes / after {SHORT}", seconds[str(LONG)], seconds[str(SHORT)], 1.5, "ms")
        for what, seconds in (("a look", looks), ("an activation", pulls))
    ]


def _lived(root: Path, count: int) -> KillSwitches:
    """Return a lab whose switches changed ``count`` times; most changes are written to the index alone, for speed."""
    switches = _many(root, SWITCHES)
    ledger, warnings = SwitchRoot(switches.root, SystemClock()).ledger, list[str]()
    event = {"run_id": "other", "event_id": "benchmark", "new_state": "active"}
    with mock.patch.object(os, "fsync", return_value=None):
        for number in range(count):
            ledger.note(event, Head(number, "0" * 64), warnings)
        switches.activate("run-1", "benchmark", "nobody")
    return switches


def _watched(labs: dict[int, KillSwitches], rounds: int) -> list[Ratio]:
    """Return what a watched gate costs while nothing changes: it does not grow, and is little beside a full look."""

    def asked(decision: Callable[[], object], times: int) -> None:
        for _ in range(times):
            decision()

    with mock.patch.object(watch, "SETTLED_NS", -1):  # instead of waiting until the files are old enough
        watches = {
            str(count): partial(asked, switches.watch("run-1").decision, ASKED) for count, switches in labs.items()
        }
        seconds = interleaved({**watches, "full": partial(asked, partial(labs[FEW].gate, "run-1"), 1)}, rounds)
    few, many = ([taken / ASKED for taken in seconds[str(count)]] for count in (FEW, MANY))
    return [
        ratio(f"a watched gate beside {MANY} switches / beside {FEW}", many, few, 1.5, "ms"),
        ratio(f"a watched gate / a gate, beside {FEW} switches", few, seconds["full"], 0.05, "ms"),
    ]


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
