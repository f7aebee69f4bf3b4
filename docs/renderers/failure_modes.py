"""``docs/reference/failure-modes.md``: what goes wrong, which drills rehearse it with which faults, and the defects."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from opslab.venue.faults.catalogue import CATALOGUE

from .drills import collected
from .incidents import FAMILIES, INCIDENTS, family_of
from .markdown import page, table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LEAD = """\
What goes wrong in the operation of a trading system, and what this lab does about it: the drills that rehearse it, the
faults of the venue that they or their mutants inject, and the defects of the engine that they found. A drill with a
defect passes as *known defect* while the engine has it ([Drills and verdicts](../concepts/drills.md)).

What is folded away under *Not rehearsed* is known, and no drill of this lab names it. That a drill rehearses something
does not mean that every form of it is covered: [Drills](drills.md) tells what each does."""

HEAD = ("what goes wrong", "drills", "faults", "defects")
Row = dict[str, Any]


def render(root: Path) -> str:
    """Return the page.

    Raises:
        DrillError: the drills cannot be collected.
        LookupError: a drill rehearses an incident that has no line in ``renderers/incidents.py``.
    """
    return rendered(collected(root))


def rendered(rows: list[Row]) -> str:
    """Return the page of these drills.

    Raises:
        LookupError: as ``render``.
    """
    named = {incident for row in rows for incident in row["rehearses"]}
    if unknown := sorted(named - INCIDENTS.keys()):
        what = f"{', '.join(unknown)}: rehearsed by a drill, and docs/renderers/incidents.py does not say what it is"
        raise LookupError(what)
    return page("Failure modes", LEAD, _counts(rows, named), *(_family(key, rows) for key in FAMILIES), *_rest(rows))


def _counts(rows: list[Row], named: set[str]) -> str:
    cells = (
        (
            f"[{title}](#{_anchor(title)})",
            str(sum(family_of(one) == key for one in INCIDENTS)),
            str(sum(family_of(one) == key for one in named)),
            str(_drills(key, rows)),
        )
        for key, title in FAMILIES.items()
    )
    return table(("part", "ways to fail", "rehearsed", "drills"), cells)


def _drills(key: str, rows: list[Row]) -> int:
    return sum(any(family_of(one) == key for one in row["rehearses"]) for row in rows)


def _family(key: str, rows: list[Row]) -> str:
    mine = {one: [row for row in rows if one in row["rehearses"]] for one in INCIDENTS if family_of(one) == key}
    rehearsed = [_line(one, found) for one, found in mine.items() if found]
    others = [f"    - {_id(one)} {INCIDENTS[one]}" for one, found in mine.items() if not found]
    folded = [f'??? note "Not rehearsed: {len(others)}"\n\n' + "\n".join(others)] if others else []
    return "\n\n".join([f"## {FAMILIES[key]}", *([table(HEAD, rehearsed)] if rehearsed else []), *folded])


def _line(incident: str, rows: list[Row]) -> tuple[str, ...]:
    return (f"{_id(incident)} {INCIDENTS[incident]}", _links(rows), _faults(rows), _defects(rows))


def _id(incident: str) -> str:
    return f'<span id="{incident.lower()}">**{incident}**</span>'


def _links(rows: Iterable[Row]) -> str:
    return ", ".join(f"[`{row['slug']}`](drills.md#{row['slug']})" for row in rows)


def _faults(rows: Iterable[Row]) -> str:
    return ", ".join(_fault(name) for name in sorted({name for row in rows for name in row["faults"]}))


def _fault(name: str) -> str:
    return f"[`{name}`](faults.md#{name.replace('_', '-')})"


def _defects(rows: Iterable[Row]) -> str:
    paths = sorted({PurePosixPath(text) for row in rows for text in row["defects"]})
    return ", ".join(
        f"[{path.stem}](../{path.relative_to('docs')})" if path.is_relative_to("docs") else f"<{path}>"
        for path in paths
    )


def _rest(rows: list[Row]) -> list[str]:
    unnamed = [row for row in rows if not row["rehearses"]]
    unused = sorted(CATALOGUE.keys() - {name for row in rows for name in row["faults"]})
    lines = "\n".join(f"- {_links([row])} {row['title']}." for row in unnamed)
    own = f"## Drills of no such incident\n\nThey prove what the lab or the engine promises.\n\n{lines}"
    names = ", ".join(_fault(name) for name in unused)
    spare = f"## Faults that no drill injects\n\nThey are there for drills of your own: {names}."
    return [own if unnamed else "", spare if unused else ""]


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-").replace("'", "")
