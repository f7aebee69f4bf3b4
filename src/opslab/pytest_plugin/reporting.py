"""Turns a judged drill into its report file, its session row and its attachments."""

from __future__ import annotations

import hashlib
import os
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opslab.clock import to_stamp
from opslab.errors import one_line
from opslab.pytest_plugin.keys import BEGAN, DRILL, INFO, MUTANT, REHEARSAL, SESSION

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from opslab.contract.drill import DrillReport
    from opslab.drill.drill import Drill
    from opslab.drill.verdict import Judged

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def variant_name(item: pytest.Item) -> str:
    """Return the file name of the item's report: its slug, and what sets it apart from others of the slug."""
    from opslab.ids import fitted_id

    slug = item.stash[INFO].slug
    _, bracket, variant = item.name.partition("[")
    if not bracket:
        return slug
    text = _UNSAFE.sub("-", variant.rstrip("]")).strip("-.")[:60].replace("..", "-")
    mark = hashlib.sha256(variant.encode()).hexdigest()[:6]
    return fitted_id(slug, f"{text}-{mark}")


def report_drill(item: pytest.Item, judged: Judged, outcome: str) -> dict[str, Any]:
    """Write the drill's report, attach the evidence, tell the hooks, and return the session's row.

    What cannot be written or told turns the verdict into an error; it never hides what the drill itself found.
    """
    from opslab.contract.drill import Verdict
    from opslab.drill.verdict import Judged

    path = None
    try:
        report = _report(item, judged, outcome)
        path = _keep(item, report)
        item.config.hook.pytest_opslab_drill_ended(report=report)
    except Exception as error:  # noqa: BLE001 - a full disk, or a hook of somebody else's
        told = one_line(f"{type(error).__name__}: {error}")
        judged = Judged(Verdict.ERROR, f"the drill cannot be reported: {told} (the drill itself: {judged.message})")
        outcome = "error"
    return row_of(item, judged, outcome, path)


def _keep(item: pytest.Item, report: DrillReport) -> Path:
    from opslab.contract.drill import SKIPPED
    from opslab.runs.rehearsal import keep_report

    session, rehearsal, name = item.config.stash[SESSION], item.stash[REHEARSAL], variant_name(item)
    path = keep_report(report, name, rehearsal.bundles, session.drills, rehearsal.clock)
    if item.config.getoption("allure_report_dir", None) and report.outcome != SKIPPED:  # Allure has a word for a skip
        from opslab.report.allure import attach_evidence

        _, bracket, variant = item.name.partition("[")
        title = item.stash[INFO].title + bracket.replace("[", " [") + variant
        attach_evidence(report, title, path, session.drills / f"{name}.journal.jsonl", rehearsal.bundles)
    return path


def _report(item: pytest.Item, judged: Judged, outcome: str) -> DrillReport:
    from opslab.contract.drill import DrillReport
    from opslab.drill.report_fields import report_fields
    from opslab.drill.verdict import recorded

    drill, info, session, rehearsal = (
        item.stash[DRILL],
        item.stash[INFO],
        item.config.stash[SESSION],
        item.stash[REHEARSAL],
    )
    return DrillReport(
        run_id=rehearsal.bundles[0].name if len(rehearsal.bundles) == 1 else variant_name(item),
        drill_name=info.slug,
        ts_utc=to_stamp(rehearsal.clock.now()),
        outcome=recorded(outcome, info.outcome),
        passed=judged.verdict.passed,
        limitations=_limitations(item),
        verdict=judged.verdict,
        message=judged.message,
        area=info.area,
        severity=info.severity,
        rehearses=info.rehearses,
        runbook=info.runbook,
        seed=drill.seed,
        session_id=session.session_id,
        nodeid=item.nodeid,
        runs=tuple(path.name for path in rehearsal.bundles),
        phases=tuple(drill.phases),
        faults=tuple(drill.faults),
        budgets=tuple(drill.budgets),
        known_defects=info.known_defects,
        mutants=tuple(mutant.name for mutant in info.mutants),
        mutant=item.stash.get(MUTANT, None),
        facts_sha256=drill.facts_sha256(),
        **report_fields(drill.findings, drill.facts, rehearsal.bundles),
    )


def _limitations(item: pytest.Item) -> tuple[str, ...]:
    """Say what the evidence cannot show, from what the runs were: always at least three statements."""
    from opslab.errors import OpsLabError
    from opslab.store.reader import Bundle

    bundles, synthetic = item.stash[REHEARSAL].bundles, set[bool]()
    for path in bundles:
        try:
            inputs = Bundle(path).metadata.inputs
        except OpsLabError:
            continue
        synthetic |= {dataset.synthetic for dataset in inputs.datasets} if inputs else set()
    data = {True: "the market data is synthetic", False: "the market data is a recording: it does not react to orders"}
    nothing = "the runs name no market data" if bundles else "no run was made: only recorded facts were judged"
    return (
        "everything ran on this machine; no real venue was reached",
        "backtests run in virtual time: their durations are the machine's, not a venue's",
        *([data[kind] for kind in sorted(synthetic)] or [nothing]),
    )


def row_of(item: pytest.Item, judged: Judged, outcome: str, path: Path | None) -> dict[str, Any]:
    """Return a drill's row: plain data, which xdist carries to the controller.

    Args:
        item: the drill, begun or not.
        judged: its verdict.
        outcome: the verdict, or what became of its mutant.
        path: its report, if there is one.
    """
    info, session, drill = item.stash[INFO], item.config.stash[SESSION], item.stash.get(DRILL, None)
    now = time.clock_gettime(time.CLOCK_REALTIME), time.clock_gettime(time.CLOCK_MONOTONIC)  # freezegun leaves them be
    return {
        "drill": info.slug,
        "name": variant_name(item),
        "title": info.slug + "".join(item.name.partition("[")[1:]),
        "area": info.area,
        "severity": info.severity.value,
        "verdict": judged.verdict.value,
        "outcome": outcome,
        "message": judged.message,
        "mutant": item.stash.get(MUTANT, None),
        "nodeid": item.nodeid,
        "runs": [bundle.name for bundle in item.stash[REHEARSAL].bundles] if drill else [],
        "report": os.path.relpath(path, session.lab.root) if path else "",
        "seed": drill.seed if drill else None,
        "ts_utc": to_stamp(datetime.fromtimestamp(now[0], UTC)),
        "seconds": round(now[1] - item.stash[BEGAN], 3) if drill else 0.0,
        "phases": _phase_seconds(drill) if drill else {},
        "budgets": {budget.budget: [budget.limit_seconds, budget.seconds] for budget in drill.budgets} if drill else {},
        "known_defects": [defect.code for defect in info.known_defects],
        "runbook": info.runbook,
    }


def _phase_seconds(drill: Drill) -> dict[str, float]:
    """Return the seconds of each phase, of one that was entered again the sum."""
    seconds: dict[str, float] = {}
    for timing in drill.phases:
        seconds[timing.phase.value] = round(seconds.get(timing.phase.value, 0.0) + timing.seconds, 6)
    return seconds
