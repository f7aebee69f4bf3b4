"""Writes the Grafana dashboards; ``--check`` writes nothing and exits with 1 when one of them has drifted.

python dashboards/write_boards.py            write dashboards/grafana/*.json
python dashboards/write_boards.py --check    name what is not what the code says, exit 1 if there is something
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from boards import drills, run, safety  # deptry: ignore[DEP001]
from grafana_foundation_sdk.cog.encoder import JSONEncoder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLACE = Path(__file__).resolve().parent / "grafana"


def rendered() -> dict[str, bytes]:
    """Return what every dashboard must be, by file name: its uid."""
    boards = (
        make().build() for make in (run.make, drills.overview, drills.budgets, safety.reconciliation, safety.safety)
    )
    return {f"{found.uid}.json": _encoded(found) for found in boards}


def _encoded(found: object) -> bytes:
    return (json.dumps(found, cls=JSONEncoder, indent=2, sort_keys=True) + "\n").encode()


def drifted(files: Mapping[str, bytes], place: Path = PLACE) -> list[str]:
    """Return what in ``place`` is not what ``files`` say, one line each."""
    found = [
        f"{name}: {'differs from what the code says' if (place / name).is_file() else 'is missing'}"
        for name, content in sorted(files.items())
        if not (place / name).is_file() or (place / name).read_bytes() != content
    ]
    return found + [f"{path.name}: is generated no longer; remove it" for path in _leftover(files, place)]


def write(files: Mapping[str, bytes], place: Path = PLACE) -> None:
    """Write ``files`` into ``place``, and remove dashboards that are generated no longer."""
    for name, content in files.items():
        (place / name).write_bytes(content)
    for path in _leftover(files, place):
        path.unlink()


def _leftover(files: Mapping[str, bytes], place: Path) -> list[Path]:
    return sorted(path for path in place.glob("*.json") if path.name not in files)


def main(arguments: Sequence[str]) -> int:
    """Write or check, and return the exit code."""
    parser = argparse.ArgumentParser(prog="dashboards/write_boards.py", description="Write the Grafana dashboards.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when something drifted")
    files = rendered()
    if not parser.parse_args(arguments).check:
        write(files)
        return 0
    for line in (found := drifted(files)):
        print(f"dashboards/grafana/{line}", file=sys.stderr)
    if found:
        print("run: python dashboards/write_boards.py", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
