"""Turns a judged drill into its report file, its session row and its attachments."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, Any

from opslab.pytest_plugin.keys import BEGAN, DRILL, INFO, MUTANT, REHEARSAL, SESSION

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from opslab.contract.drill import DrillReport
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
    """Write the drill's report, attach the evidence, tell the hooks, and return the session's row."""
    from opslab.runs.rehearsal import keep_report

    session, rehearsal = item.config.stash[SESSION], item.stash[REHEARSAL]
    report = _report(item, judged, outcome)
    name = variant_name(item)
    directory = session.lab.sessions / session.session_id / "drills"
    path = keep_report(report, name, rehearsal.bundles, directory, rehearsal.clock)
    if item.config.getoption("allure_report_dir", None):
        from opslab.report.allure import attach_evidence

        attach_evidence(report, path, directory / f"{name}.journal.jsonl", rehearsal.bundles)
    item.config.hook.pytest_opslab_drill_ended(report=report)
    seconds = round(rehearsal.clock.monotonic() - item.stash[BEGAN], 3)
    return _row(report, path, name, session.lab.root, seconds)


def _report(item: pytest.Item, judged: Judged, outcome: str) -> DrillReport:
    from opslab.clock import to_stamp
    from opslab.contract.drill import DrillReport, Result

    drill, info, session, rehearsal = (
        item.stash[DRILL],
        item.stash[INFO],
        item.config.stash[SESSION],
        item.stash[REHEARSAL],
    )
    results = [finding.result for finding in drill.findings]
    return DrillReport(
        run_id=rehearsal.bundles[0].name if len(rehearsal.bundles) == 1 else variant_name(item),
        drill_name=info.slug,
        ts_utc=to_stamp(rehearsal.clock.now()),
        outcome=outcome,
        passed=judged.verdict.passed,
        inputs={"facts": sorted(drill.facts), "runs": [path.name for path in rehearsal.bundles]},
        checks=tuple(drill.findings),
        summary={result.value: results.count(result) for result in Result},
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
    )


def _limitations(item: pytest.Item) -> tuple[str, ...]:
    """Say what the evidence cannot show, from what the runs were."""
    from opslab.errors import OpsLabError
    from opslab.store.reader import Bundle

    synthetic: set[bool] = set()
    for path in item.stash[REHEARSAL].bundles:
        try:
            inputs = Bundle(path).metadata.inputs
        except OpsLabError:
            continue
        synthetic |= {dataset.synthetic for dataset in inputs.datasets} if inputs else set()
    data = {True: "the market data is synthetic", False: "the market data is a recording: it does not react to orders"}
    return (
        "everything ran on this machine; no real venue was reached",
        "backtests run in virtual time: their durations are the machine's, not a venue's",
        *(data[kind] for kind in sorted(synthetic)),
    )


def _row(report: DrillReport, path: Path, name: str, root: Path, seconds: float) -> dict[str, Any]:
    return {
        "drill": report.drill_name,
        "name": name,
        "area": report.area,
        "severity": report.severity.value,
        "verdict": report.verdict.value,
        "outcome": report.outcome,
        "message": report.message,
        "mutant": report.mutant,
        "nodeid": report.nodeid,
        "runs": list(report.runs),
        "report": os.path.relpath(path, root),
        "seed": report.seed,
        "ts_utc": report.ts_utc,
        "seconds": seconds,
        "phases": {timing.phase.value: timing.seconds for timing in report.phases},
        "budgets": {budget.budget: [budget.limit_seconds, budget.seconds] for budget in report.budgets},
        "known_defects": [defect.code for defect in report.known_defects],
        "runbook": report.runbook,
    }
