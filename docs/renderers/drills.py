"""``docs/reference/drills.md``: the drill catalogue, collected by pytest through the plugin itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from opslab.errors import DrillError

from .catalogue import TARGET
from .markdown import page, table

LEAD = """\
What `pytest drills/` rehearses: the drills in `drills/` and the run specs in `scenarios/`. Each has a slug of its own
that reports, metrics and runbooks use, and at least one mutant: a guard removed or a fault made worse, which
`pytest drills/ --opslab-mutants` must find. `rehearses` names [failure modes](failure-modes.md)."""

HEAD = ("severity", "rehearses", "mutants", "runbook")
Row = dict[str, Any]


def collected(root: Path) -> list[Row]:
    """Return the declarations of the drills below ``root``, by area and slug.

    Raises:
        DrillError: they cannot be collected.
    """
    words = ("drills", "--collect-only", "-qq", "-p", "no:cacheprovider", "-p", "no:randomly", "-p")
    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / "catalogue.json"
        environ = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        environ |= {TARGET: str(target), "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *_given()])}
        command = [sys.executable, "-m", "pytest", *words, f"{__package__}.catalogue"]
        ran = subprocess.run(  # noqa: S603 - our own words
            command, cwd=root, env=environ, capture_output=True, check=False, text=True
        )
        if ran.returncode or not target.is_file():
            what = f"the drills cannot be collected: {(ran.stdout + ran.stderr).strip()[-300:]}"
            raise DrillError(what, where=root / "drills", fix="run pytest drills/")
        rows = json.loads(target.read_text(encoding="utf-8"))
    return sorted(rows.values(), key=lambda row: (row["area"], row["slug"]))


def _given() -> list[str]:
    return [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]


def render(root: Path) -> str:
    """Return the page.

    Raises:
        DrillError: the drills cannot be collected.
    """
    rows = collected(root)
    areas = dict.fromkeys(row["area"] for row in rows)
    return page("Drills", LEAD, *(_area(area, [row for row in rows if row["area"] == area]) for area in areas))


def _area(area: str, rows: list[Row]) -> str:
    return "\n\n".join([f"## {area.capitalize()}", *(_drill(row) for row in rows)])


def _drill(row: Row) -> str:
    variants = f" In {row['variants']} variants." if row["variants"] > 1 else ""
    mutants = ", ".join(f"`{name}`" for name in row["mutants"])
    cells = (row["severity"], ", ".join(_incident(one) for one in row["rehearses"]), mutants, _link(row["runbook"]))
    return f"### `{row['slug']}` {{ #{row['slug']} }}\n\n{row['title']}.{variants}\n\n{table(HEAD, [cells])}"


def _incident(name: str) -> str:
    return f"[{name}](failure-modes.md#{name.lower()})"


def _link(runbook: str | None) -> str:
    if not runbook:
        return ""
    path = PurePosixPath(runbook)
    return f"[{path.stem}](../{path.relative_to('docs')})" if path.is_relative_to("docs") else f"<{runbook}>"
