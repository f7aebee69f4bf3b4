"""The terminal section ``ops drills``: counts, then each drill, worst first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

WORST_FIRST = ("unknown", "error", "fail", "toothless", "skipped", "known_defect", "caught", "pass")
_WORDS = {
    "pass": "passed",
    "known_defect": "known defect",
    "fail": "failed",
    "error": "error",
    "unknown": "unknown",
    "caught": "caught",
    "toothless": "survived",
    "skipped": "skipped",
}
_COLOURS = {"pass": "green", "caught": "green", "known_defect": "yellow", "skipped": "yellow"}


def write_summary(reporter: pytest.TerminalReporter, rows: list[dict[str, Any]], notes: list[str]) -> None:
    """Write the section; under ``-q`` only the counts and what did not pass."""
    counts = Counter(row["outcome"] for row in rows)
    noun = "mutant" if any(row["mutant"] for row in rows) else "drill"
    plural = "" if len(rows) == 1 else "s"
    told = ", ".join(f"{counts[outcome]} {_WORDS[outcome]}" for outcome in WORST_FIRST if counts[outcome])
    is_green = not any(counts[outcome] for outcome in WORST_FIRST[:4])
    reporter.section("ops drills", sep="=", green=is_green, red=not is_green)
    width = max(len(str(row["title"])) for row in rows)
    for row in sorted(rows, key=lambda row: (WORST_FIRST.index(row["outcome"]), row["area"], row["name"])):
        if row["outcome"] in {"pass", "caught"} and reporter.verbosity < 0:
            continue
        _write_row(reporter, row, width)
    reporter.write_line(f"{len(rows)} {noun}{plural}: {told}", bold=True)
    for note in notes if reporter.verbosity >= 0 else []:
        reporter.write_line(note)


def _write_row(reporter: pytest.TerminalReporter, row: dict[str, Any], width: int) -> None:
    colour = _COLOURS.get(row["outcome"], "red")
    took = row["seconds"]
    reporter.write(f"{_WORDS[row['outcome']].upper():<13}", **{colour: True})
    reporter.write(f"{row['area']:<12} {row['title']:<{width}} {took:7.2f} s\n")
    if row["outcome"] not in {"pass", "caught"}:
        reporter.write_line(f"{'':<13}{row['message']}")
        if row["report"]:
            reporter.write_line(f"{'':<13}report: {row['report']}")
        if row["runbook"]:
            reporter.write_line(f"{'':<13}runbook: {row['runbook']}")
