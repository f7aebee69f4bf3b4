"""A session's metrics without run ids, as the catalogue names them: for a textfile, written whole, and for a push."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from opslab.clock import from_stamp
from opslab.contract.drill import SKIPPED, Verdict
from opslab.report.metrics import catalogue as of
from opslab.store.durable import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.contract.drill import SessionReport
    from opslab.report.metrics.family import Family


def write_metrics(report: SessionReport, path: Path) -> None:
    """Write the session's metrics; a session of mutants says nothing about the drills and writes none.

    Raises:
        StoreError: the file cannot be written.
    """
    if not report.mutants:
        write_bytes(path, render(report))


def render(report: SessionReport) -> bytes:
    """Return the textfile, see ``registry_of``."""
    return generate_latest(registry_of(report))


def registry_of(report: SessionReport) -> CollectorRegistry:
    """Return the session's metrics: of several variants of one drill, the worst verdict and the latest time count."""
    registry = CollectorRegistry()
    gauges = {family: Gauge(family.name, family.help, family.labels, registry=registry) for family in of.SESSION}

    def put(family: Family, value: float, *labels: str) -> None:
        gauges[family].labels(*labels).set(value)

    put(of.SESSION_BUILD, 1, report.lab_version, report.engine_version, report.schema_version)
    counts = Counter(_counted_as(row) for row in report.drills)
    for verdict in (*Verdict, SKIPPED):
        put(of.SESSION_DRILLS, counts[str(verdict)], str(verdict))
    latest = _latest(report)
    for row in _worst(report):
        drill, labels = row["drill"], (row["drill"], row["area"], row["severity"])
        put(of.SESSION_PASS, Verdict(row["verdict"]).metric, *labels)
        put(of.SESSION_KNOWN_DEFECT, int(row["verdict"] == Verdict.KNOWN_DEFECT), *labels)
        put(of.SESSION_LAST_RUN, latest[drill], *labels)
        if (passed := (report.last_passed or {}).get(drill)) is not None:
            put(of.SESSION_LAST_PASS, from_stamp(passed).timestamp(), *labels)
        for name, seconds in row["phases"].items():
            put(of.SESSION_PHASE, seconds, drill, name)
        for name, (allowed, used) in row["budgets"].items():
            put(of.SESSION_BUDGET, allowed, drill, name)
            if used is not None:
                put(of.SESSION_USED, used, drill, name)
    return registry


def _counted_as(row: dict[str, Any]) -> str:
    return SKIPPED if row.get("outcome") == SKIPPED else str(row["verdict"])


def _worst(report: SessionReport) -> list[dict[str, Any]]:
    order = list(Verdict)
    worst: dict[str, dict[str, Any]] = {}
    for row in report.drills:
        known = worst.get(row["drill"])
        if known is None or order.index(Verdict(row["verdict"])) > order.index(Verdict(known["verdict"])):
            worst[row["drill"]] = row
    return list(worst.values())


def _latest(report: SessionReport) -> dict[str, float]:
    latest: dict[str, float] = {}
    for row in report.drills:
        latest[row["drill"]] = max(from_stamp(row["ts_utc"]).timestamp(), latest.get(row["drill"], 0.0))
    return latest
