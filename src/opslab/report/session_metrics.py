"""``metrics.prom`` of a session: a Prometheus textfile without run ids, written whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from opslab.clock import from_stamp
from opslab.contract.drill import SKIPPED, Verdict
from opslab.store.durable import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.contract.drill import SessionReport

PREFIX = "tradingchassis_ops_lab_"
_DRILL = ("drill", "area", "severity")


def write_metrics(report: SessionReport, path: Path) -> None:
    """Write the session's metrics; a session of mutants says nothing about the drills and writes none.

    Raises:
        StoreError: the file cannot be written.
    """
    if not report.mutants:
        write_bytes(path, render(report))


def render(report: SessionReport) -> bytes:
    """Return the textfile: of several variants of one drill, the worst verdict counts."""
    registry = CollectorRegistry()

    def gauge(name: str, text: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(PREFIX + name, text, labels, registry=registry)

    last_pass = gauge("drill_pass", "Verdict of the drill: 1 passed, 0 failed, -1 unknown or error.", _DRILL)
    known = gauge("drill_known_defect", "1 when the drill passed only because its finding is a known defect.", _DRILL)
    last_run = gauge("drill_last_run_timestamp_seconds", "When the drill was judged.", _DRILL)
    phase = gauge("drill_phase_duration_seconds", "How long a phase of the drill took.", ("drill", "phase"))
    limit = gauge("drill_budget_seconds", "The longest that the drill allows.", ("drill", "budget"))
    total = gauge("session_drills", "Drills of the session, by verdict.", ("verdict",))
    build = gauge("build_info", "What produced this file.", ("version", "engine", "contract"))
    build.labels(report.lab_version, report.engine_version, "v1").set(1)
    for verdict in (*(verdict.value for verdict in Verdict), SKIPPED):
        total.labels(verdict).set(report.verdicts.get(verdict, 0))
    for row in _worst(report):
        labels = [row[name] for name in _DRILL]
        last_pass.labels(*labels).set(Verdict(row["verdict"]).metric)
        known.labels(*labels).set(int(row["verdict"] == Verdict.KNOWN_DEFECT))
        last_run.labels(*labels).set(from_stamp(row["ts_utc"]).timestamp())
        for name, seconds in row["phases"].items():
            phase.labels(row["drill"], name).set(seconds)
        for name, (allowed, _) in row["budgets"].items():
            limit.labels(row["drill"], name).set(allowed)
    return generate_latest(registry)


def _worst(report: SessionReport) -> list[dict[str, Any]]:
    order = list(Verdict)
    worst: dict[str, dict[str, Any]] = {}
    for row in report.drills:
        known = worst.get(row["drill"])
        if known is None or order.index(Verdict(row["verdict"])) > order.index(Verdict(known["verdict"])):
            worst[row["drill"]] = row
    return list(worst.values())
