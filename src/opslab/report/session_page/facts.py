"""What the page tells of a session: its record, and what each drill left. What cannot be read is told as such."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opslab.contract.drill import DrillReport
from opslab.contract.encoding import compact_json
from opslab.contract.upgrades import read_artifact
from opslab.errors import OpsLabError, one_line
from opslab.report.outcomes import WORST_FIRST
from opslab.report.session_page.explained import runbooks_for
from opslab.report.session_page.links import Link
from opslab.report.session_page.picture import drawn, sketched
from opslab.root import confined
from opslab.store.journal import read_chain
from opslab.store.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.contract.drill import Finding, SessionReport
    from opslab.report.session_page.links import Places
    from opslab.report.session_page.picture import Picture

MOST_FINDINGS = 60
"""Of more checks the page shows those that did not pass first; all of them are in the drill's report."""


@dataclass(frozen=True)
class Budget:
    """What a drill allowed, and what it took.

    Attributes:
        name: ``detect_within``, ``contain_within`` or ``recover_within``.
        allowed: seconds.
        spent: seconds; None: it was never reached.
    """

    name: str
    allowed: float
    spent: float | None

    @property
    def share(self) -> float:
        """Per cent of the budget that was spent, at most 100; all of it where it was never reached."""
        if self.spent is None or self.allowed <= 0:
            return 100.0
        return min(100.0, 100 * max(self.spent, 0.0) / self.allowed)

    @property
    def is_over(self) -> bool:
        """Whether it took longer than allowed."""
        return self.spent is None or self.spent > self.allowed


@dataclass(frozen=True)
class Check:
    """A check's answer, as text.

    Attributes:
        name: the check.
        phase: when it was asked.
        result: ``pass``, ``fail`` or ``unknown``.
        text: code and details.
        expected: JSON, if there is something to show.
        observed: JSON, if there is something to show.
    """

    name: str
    phase: str
    result: str
    text: str
    expected: str
    observed: str


@dataclass(frozen=True)
class Drill:
    """One drill, one variant of it, or one mutant.

    Attributes:
        row: its row in the session's record, every value as text.
        outcome: one of ``WORST_FIRST``.
        seconds: how long it took.
        budgets: in the order of the record.
        report: how it was judged, if that can be read.
        trouble: why its report cannot be read; empty otherwise.
        checks: the answers that are shown.
        hidden: how many are not.
        picture: its timeline.
        runbooks: the pages to read: the drill's own, else those of what it found, with their codes.
        files: its report and journal.
        runs: the bundles.
        defects: the pages about the defects that it declares.
    """

    row: Mapping[str, str]
    outcome: str
    seconds: float
    budgets: tuple[Budget, ...]
    report: DrillReport | None
    trouble: str
    checks: tuple[Check, ...]
    hidden: int
    picture: Picture | None
    runbooks: tuple[tuple[str, Link], ...]
    files: tuple[Link, ...]
    runs: tuple[tuple[Link, Link], ...]
    defects: tuple[Link, ...]


@dataclass(frozen=True)
class Area:
    """The drills of one area, worst first.

    Attributes:
        name: the area.
        drills: its drills.
        counts: how many came out how, worst first.
    """

    name: str
    drills: tuple[Drill, ...]
    counts: Mapping[str, int]


def areas_of(report: SessionReport, places: Places) -> tuple[Area, ...]:
    """Read what the session's drills left, and return the areas: the one with the worst drill first."""
    by_area: dict[str, list[Drill]] = {}
    for row in report.drills:
        by_area.setdefault(one_line(row.get("area") or "none", 80), []).append(_drill(row, places))
    areas = [
        Area(name, tuple(sorted(drills, key=_place)), counted([drill.outcome for drill in drills]))
        for name, drills in by_area.items()
    ]
    return tuple(sorted(areas, key=lambda area: (WORST_FIRST.index(area.drills[0].outcome), area.name)))


def counted(outcomes: list[str]) -> dict[str, int]:
    """Return how often each outcome is there, worst first, without those that are not."""
    counts = Counter(outcomes)
    return {outcome: counts[outcome] for outcome in WORST_FIRST if counts[outcome]}


def _place(drill: Drill) -> tuple[int, str, str]:
    return WORST_FIRST.index(drill.outcome), drill.row["title"], drill.row["name"]


_TEXTS = ("title", "name", "drill", "severity", "message", "mutant", "nodeid", "seed", "ts_utc")


def _drill(row: Mapping[str, Any], places: Places) -> Drill:
    report, trouble = _report(row, places)
    name = str(row.get("name"))
    outcome = str(row.get("outcome"))
    shown, hidden = _checks(report.checks if report else ())
    journal = _journal(places.page, name)
    return Drill(
        row={key: "" if row.get(key) is None else one_line(row[key]) for key in _TEXTS},
        outcome=outcome if outcome in WORST_FIRST else WORST_FIRST[0],
        seconds=_number(row.get("seconds")) or 0.0,
        budgets=_budgets(row),
        report=report,
        trouble=trouble,
        checks=shown,
        hidden=hidden,
        picture=_picture(row, report, journal),
        runbooks=runbooks_for(row, report, places),
        files=_files(row, places),
        runs=tuple(_run(str(run), places) for run in _items(row.get("runs"))),
        defects=tuple(places.document(defect.reference) for defect in report.known_defects) if report else (),
    )


def _picture(row: Mapping[str, Any], report: DrillReport | None, journal: tuple[dict[str, Any], ...]) -> Picture | None:
    try:
        return drawn(report.phases, report.faults, journal) if report else sketched(_phases(row))
    except (ValueError, OverflowError):  # stamps that are no moments
        return None


def _report(row: Mapping[str, Any], places: Places) -> tuple[DrillReport | None, str]:
    """Return the drill's report, or why there is none."""
    if not row.get("report"):
        return None, ""
    path = Path(os.path.normpath(places.lab.root / str(row["report"])))
    if not any(path.is_relative_to(root) for root in (places.lab.sessions, places.lab.runs)):
        return None, "the drill's report lies outside the lab"
    try:
        return read_artifact(DrillReport, json.loads(read_regular(path)), path.name), ""
    except (OpsLabError, ValueError, RecursionError, OSError) as error:
        return None, one_line(f"the drill's report cannot be read: {error}")


def _journal(page: Path, name: str) -> tuple[dict[str, Any], ...]:
    try:
        return read_chain(read_regular(confined(page / "drills", f"{name}.journal.jsonl"))).events
    except (OpsLabError, ValueError, OSError):
        return ()


def _files(row: Mapping[str, Any], places: Places) -> tuple[Link, ...]:
    name = str(row.get("name"))
    paths = [(places.page / "drills" / f"{name}.journal.jsonl", "journal")]
    if row.get("report"):
        paths.insert(0, (places.lab.root / str(row["report"]), "report"))
    return tuple(link for path, text in paths if (link := _link(path, text, places)).href)


def _run(run_id: str, places: Places) -> tuple[Link, Link]:
    path = places.lab.runs / run_id
    return _link(path, run_id, places), _link(path / "report.md", "report.md", places)


def _link(path: Path, text: str, places: Places) -> Link:
    try:
        return places.file(path, text)
    except (OSError, ValueError):
        return Link(one_line(text))


def _checks(findings: tuple[Finding, ...]) -> tuple[tuple[Check, ...], int]:
    worst = (
        sorted(findings, key=lambda finding: finding.result == "pass") if len(findings) > MOST_FINDINGS else findings
    )
    shown = tuple(
        Check(
            name=one_line(finding.check, 120),
            phase=finding.phase.value,
            result=finding.result.value,
            text=one_line(f"{finding.code} {finding.details}".strip()),
            expected=_json(finding.expected),
            observed=_json(finding.observed),
        )
        for finding in worst[:MOST_FINDINGS]
    )
    return shown, len(findings) - len(shown)


def _json(value: Any) -> str:
    return "" if value is None else one_line(compact_json(value), 600)


def _budgets(row: Mapping[str, Any]) -> tuple[Budget, ...]:
    budgets = row.get("budgets")
    found = []
    for name, pair in budgets.items() if isinstance(budgets, dict) else ():
        allowed, spent = (_number(value) for value in (*_items(pair), None, None)[:2])
        if allowed is not None:
            found.append(Budget(one_line(name, 40), allowed, spent))
    return tuple(found)


def _phases(row: Mapping[str, Any]) -> dict[str, float]:
    phases = row.get("phases")
    pairs = ((str(name), _number(value)) for name, value in phases.items()) if isinstance(phases, dict) else ()
    return {name: seconds for name, seconds in pairs if seconds is not None}


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _items(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()
