"""Writes the generated references; ``--check`` writes nothing and exits with 1 when one of them has drifted.

python docs/generate.py            write docs/reference/*.md and the JSON Schemas
python docs/generate.py --check    name what is not what the code says, exit 1 if there is something
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from renderers import (  # deptry: ignore[DEP001]
    checks,
    commands,
    contract,
    drills,
    failure_modes,
    faults,
    lint,
    metrics,
    plugin,
)

from opslab.contract import schemas
from opslab.errors import OpsLabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = Path("docs/reference")
SCHEMAS = Path("src/opslab/contract/schemas/v1")


def rendered() -> dict[Path, bytes]:
    """Return what every generated file must hold, by path below the repository.

    Raises:
        DrillError: the drills cannot be collected.
        LookupError: a field of the contract or an incident that a drill rehearses has no meaning yet.
    """
    pages = {
        "contract.md": contract.render(),
        "plugin.md": plugin.render(),
        "cli.md": commands.render(),
        "checks.md": checks.render(),
        "drills.md": drills.render(ROOT),
        "metrics.md": metrics.render(),
        "faults.md": faults.render(),
        "lint.md": lint.render(),
        "failure-modes.md": failure_modes.render(ROOT),
    }
    files = {REFERENCE / name: text.encode() for name, text in pages.items()}
    return files | {SCHEMAS / name: content for name, content in schemas.render().items()}


def drifted(files: Mapping[Path, bytes], root: Path = ROOT) -> list[str]:
    """Return what below ``root`` is not what ``files`` say, one line each."""
    found = [
        f"{path}: {'differs from what the code says' if (root / path).is_file() else 'is missing'}"
        for path, content in sorted(files.items())
        if not (root / path).is_file() or (root / path).read_bytes() != content
    ]
    return found + [f"{path}: is generated no longer; remove it" for path in _leftover(files, root)]


def write(files: Mapping[Path, bytes], root: Path = ROOT) -> None:
    """Write ``files`` below ``root``, and remove generated ones that are generated no longer."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    for path in _leftover(files, root):
        (root / path).unlink()


def _leftover(files: Mapping[Path, bytes], root: Path) -> list[Path]:
    places = [*(root / REFERENCE).glob("*.md"), *(root / SCHEMAS).glob("*.json")]
    return sorted(path.relative_to(root) for path in places if path.relative_to(root) not in files)


def main(arguments: Sequence[str]) -> int:
    """Write or check, and return the exit code."""
    parser = argparse.ArgumentParser(prog="docs/generate.py", description="Write the generated references.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when something drifted")
    is_check = parser.parse_args(arguments).check
    try:
        files = rendered()
    except (OpsLabError, LookupError) as error:
        print(f"docs/generate.py: {error}", file=sys.stderr)
        return 1
    found = drifted(files)
    if not is_check:
        write(files)
        print(f"{len(found)} of {len(files)} generated files changed")
        return 0
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print("run `python docs/generate.py` and look at what changed", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
