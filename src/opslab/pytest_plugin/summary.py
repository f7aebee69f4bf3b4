"""The terminal section ``ops drills``: counts, then each drill, worst first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from opslab.report.outcomes import WORDS, WORST_FIRST
from opslab.report.runbooks import hint

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_GOOD = {"pass", "caught"}
_ALIKE = _GOOD | {"known_defect"}
_COLOURS = {"pass": "green", "caught": "green", "known_defect": "yellow", "skipped": "yellow"}


def write_summary(reporter: pytest.TerminalReporter, rows: list[dict[str, Any]], notes: list[str], root: Path) -> None:
    """Write the section; under ``-q`` only the counts and what did not pass, under ``-v`` each variant by itself.

    Args:
        reporter: writes.
        rows: the session's rows, one a drill.
        notes: lines at the end.
        root: the lab's root, whose runbooks come first.
    """
    counts = Counter(row["outcome"] for row in rows)
    noun = "mutant" if any(row["mutant"] for row in rows) else "drill"
    plural = "" if len(rows) == 1 else "s"
    told = ", ".join(f"{counts[outcome]} {WORDS[outcome]}" for outcome in WORST_FIRST if counts[outcome])
    is_green = not any(counts[outcome] for outcome in WORST_FIRST[:4])
    reporter.section("ops drills", sep="=", green=is_green, red=not is_green)
    shown = rows if reporter.verbosity > 0 else _gathered(rows, "mutants" if noun == "mutant" else "variants")
    widths = max(12, *(len(row["area"]) for row in shown)), max(len(str(row["title"])) for row in shown)
    for row in sorted(shown, key=lambda row: (WORST_FIRST.index(row["outcome"]), row["area"], row["name"])):
        if row["outcome"] in _GOOD and reporter.verbosity < 0:
            continue
        _write_row(reporter, row, root, *widths)
    reporter.write_line(f"{len(rows)} {noun}{plural}: {told}", bold=True)
    for note in notes if reporter.verbosity >= 0 else []:
        reporter.write_line(note)


def _gathered(rows: list[dict[str, Any]], noun: str) -> list[dict[str, Any]]:
    """Return one row for all variants of a drill that ended alike; what did not pass stays by itself."""
    by_drill: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        own = row["name"] if row["outcome"] not in _ALIKE else ""
        by_drill.setdefault((f"{row['drill']}/{own}", row["outcome"]), []).append(row)
    return [
        group[0]
        if len(group) == 1
        else group[0]
        | {"title": f"{group[0]['drill']} ({len(group)} {noun})", "seconds": sum(row["seconds"] for row in group)}
        for group in by_drill.values()
    ]


def _write_row(reporter: pytest.TerminalReporter, row: dict[str, Any], root: Path, area: int, title: int) -> None:
    colour = _COLOURS.get(row["outcome"], "red")
    took = row["seconds"]
    reporter.write(f"{WORDS[row['outcome']].upper():<13}", **{colour: True})
    reporter.write(f"{row['area']:<{area}} {row['title']:<{title}} {took:7.2f} s\n")
    if row["outcome"] not in _GOOD:
        reporter.write_line(f"{'':<13}{row['message']}")
        if row["report"]:
            reporter.write_line(f"{'':<13}report: {row['report']}")
        is_known = row["outcome"] in _ALIKE  # its message names the page about the defect
        if told := hint(root, row["runbook"], "" if is_known else row["message"]):
            reporter.write_line(f"{'':<13}runbook: {told}")
