"""``--opslab-plan``: which drills would run, on what, and what proves that they can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.pytest_plugin.keys import INFO, MUTANT, SPEC_PATH

if TYPE_CHECKING:
    import pytest


def show_plan(session: pytest.Session) -> None:
    """Print one line a drill and one for what it declares; nothing is run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    drills = [item for item in session.items if INFO in item.stash]
    reporter.section("ops drills: plan", sep="=")
    for item in drills:
        info = item.stash[INFO]
        mutant = item.stash.get(MUTANT, None)
        under = f"  under mutant {mutant}" if mutant else ""
        reporter.write_line(f"{info.area:<12} {info.slug}{under}  [{info.severity.value}]", bold=True)
        reporter.write_line(f"{'':<12} {info.title}")
        for line in _details(item):
            reporter.write_line(f"{'':<12} {line}")
    others = len(session.items) - len(drills)
    plural = "" if len(drills) == 1 else "s"
    reporter.write_line(f"{len(drills)} drill{plural} would run, and {others} other tests; nothing was run")


def _details(item: pytest.Item) -> list[str]:
    info = item.stash[INFO]
    spec = item.stash.get(SPEC_PATH, None)
    lines = {
        "test": item.nodeid,
        "rehearses": ", ".join(info.rehearses),
        "budgets": ", ".join(f"{name} {seconds:g} s" for name, seconds in info.budgets),
        "mutants": ", ".join(mutant.name for mutant in info.mutants) or "NONE: the drill is toothless",
        "known defects": ", ".join(defect.code for defect in info.known_defects),
        "spec": str(spec) if spec else "",
        "runbook": info.runbook or "",
    }
    return [f"{name}: {text}" for name, text in lines.items() if text]
