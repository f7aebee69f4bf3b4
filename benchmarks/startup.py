"""What the lab costs before it does anything: collecting tests with the plugin, and the light commands of ``tc``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.ratio import Ratio, interleaved, ratio
from opslab.samples import sample_spec

if TYPE_CHECKING:
    from collections.abc import Callable

EMPTY_APP = "import typer\napp = typer.Typer()\n@app.command()\ndef version() -> None:\n    typer.echo('0')\napp()\n"
HEAVY = ("pandas", "pydantic", "nautilus_trader", "pyarrow", "opslab.engine")
LOOK = f"""
import sys
def pytest_collection_finish(session):
    assert len(session.items) == 100, session.items
    heavy = [name for name in {HEAVY!r} if name in sys.modules]
    assert not heavy, heavy
"""


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratios of wall times of whole processes, and fail when the plugin loads what it must not."""
    rounds = 5 if quick else 15
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        (folder / "test_trivial.py").write_text("".join(f"def test_{number}(): pass\n" for number in range(100)))
        (folder / "conftest.py").write_text(LOOK)
        (folder / "empty.py").write_text(EMPTY_APP)
        tc = ["-c", "from opslab.cli.main import main; main()"]
        contestants = {
            "plain": _process(folder, "-m", "pytest", "-q", "--collect-only", "-p", "no:opslab"),
            "plugin": _process(folder, "-m", "pytest", "-q", "--collect-only"),
            "empty": _process(folder, "empty.py"),
            "version": _process(folder, *tc, "version"),
            "validate": _process(folder, *tc, "spec", "validate", "--spec", str(sample_spec())),
        }
        seconds = interleaved(contestants, rounds, time.perf_counter)
    return [
        ratio("collecting 100 tests: with the plugin / without", seconds["plugin"], seconds["plain"], 1.10, "ms"),
        ratio("tc version / an empty Typer app", seconds["version"], seconds["empty"], 1.5, "ms"),
        ratio("tc spec validate / an empty Typer app", seconds["validate"], seconds["empty"], 3.0, "ms"),
    ]


def _process(folder: Path, *words: str) -> Callable[[], None]:
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "", "PYTHONDONTWRITEBYTECODE": ""}

    def run() -> None:
        subprocess.run([sys.executable, *words], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)

    return run
