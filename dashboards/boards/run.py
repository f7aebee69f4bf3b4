"""One run: the contract's fifteen panels, by its names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.report.metrics import catalogue as of

from .panels import board, lines, meanings_of, number, of_run

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

    from .panels import AnyPanel

UID = "tradingchassis-ops-lab-run-observability"


def make() -> Dashboard:
    """Return the dashboard of one run."""
    text = "One run of the lab: what it is, what it did, and what was found out about it."
    panels = [*_engine(), *_safety(), *_judged()]
    return board(UID, "TradingChassis Ops Lab Run Observability", text, panels, run=of.RUN_INFO)


def _engine() -> list[AnyPanel]:
    both = {"input": of_run(of.CANDLES), "processed": of_run(of.BARS)}
    by_type = {"{{event}}": of_run(of.JOURNAL_EVENT)}
    return [
        number(
            "Run Info",
            of_run(of.RUN_INFO),
            "{{mode}} {{status}}: {{dataset}} on {{venue}}",
            text=of.RUN_INFO.help,
            shows_name=True,
        ),
        number("Run Duration (s)", of_run(of.DURATION), text=of.DURATION.help, unit="s"),
        number("Backtest Engine Duration (s)", of_run(of.ENGINE_DURATION), text=of.ENGINE_DURATION.help, unit="s"),
        lines(
            "Backtest Input vs Processed", both, text="Candles that were given, and bars that the engine went through."
        ),
        number("Paper Heartbeats", of_run(of.HEARTBEATS), text=of.HEARTBEATS.help),
        lines("Journal Events by Type", by_type, text=of.JOURNAL_EVENT.help),
    ]


def _safety() -> list[AnyPanel]:
    switch = meanings_of(of.KILL_SWITCH, absent="good", cleared="good", active="bad")
    ready = meanings_of(of.READINESS_STATE, configured="good", missing_credentials="bad", invalid_config="bad")
    probe = meanings_of(
        of.PROBE_STATE, probe_ok="good", probe_http_error="bad", probe_timeout="bad", probe_unreachable="bad"
    )
    return [
        number("Kill Switch State", of_run(of.KILL_SWITCH), text=of.KILL_SWITCH.help, meanings=switch),
        number("Connectivity Readiness", of_run(of.READINESS_STATE), text=of.READINESS_STATE.help, meanings=ready),
        number("Connectivity Probe State", of_run(of.PROBE_STATE), text=of.PROBE_STATE.help, meanings=probe),
        number("Connectivity Probe Latency", of_run(of.PROBE_LATENCY), text=of.PROBE_LATENCY.help, unit="s"),
    ]


def _judged() -> list[AnyPanel]:
    passed = {-1: ("unknown", "doubt"), 0: ("failed", "bad"), 1: ("passed", "good")}
    outcome = meanings_of(of.DRILL_OUTCOME)
    return [
        number(
            "Backtest vs Paper Evidence Status",
            of.EVIDENCE_PAIRS.name,
            "{{comparison_status}}",
            text=of.EVIDENCE_PAIRS.help,
        ),
        number("Evidence Known Gaps", of.EVIDENCE_GAPS.name, text=of.EVIDENCE_GAPS.help),
        number(
            "Reconciliation Status",
            of_run(of.RECONCILIATION_STATUS),
            "{{status}}",
            text=of.RECONCILIATION_STATUS.help,
            shows_name=True,
        ),
        number(
            "Failure Drill Last Pass",
            of_run(of.DRILL_PASS),
            "{{drill_name}}",
            text=of.DRILL_PASS.help,
            meanings=passed,
        ),
        number(
            "Failure Drill Outcome",
            of_run(of.DRILL_OUTCOME),
            "{{drill_name}}",
            text=of.DRILL_OUTCOME.help,
            meanings=outcome,
        ),
    ]
