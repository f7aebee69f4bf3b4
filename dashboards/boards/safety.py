"""Safety and reconciliation: what must not be overlooked, over all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.report.metrics import catalogue as of

from .panels import board, lines, meanings_of, number, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

    from .panels import AnyPanel

FEED_AGE = "tradingchassis_ops_lab:feed_age:seconds"
OWN = "and on (run_id, instance, lab) tradingchassis_ops_lab:run_own:info"
_BAD = [(1.0, "bad")]
_SWITCH = {"absent": "good", "cleared": "good", "active": "bad"}
_RUN = ("run_id", "mode", "status")


def safety() -> Dashboard:
    """Return the dashboard of kill switches, living runs and the scrape itself."""
    text = (
        "Kill switches, what pulled them and how fast they contained, runs that live, died or were blocked, the age of "
        "their data, and whether the lab can be read."
    )
    panels = [*_switches(), *_contained(), *_runs(), *_scrape()]
    return board("tradingchassis-ops-lab-safety", "TradingChassis Ops Lab Safety", text, panels)


def _switches() -> list[AnyPanel]:
    firing = 'ALERTS{alertname=~"OpsLab.+", alertstate="firing"}'
    return [
        number(
            "Global Kill Switch",
            of.KILL_SWITCH_GLOBAL.name,
            text=of.KILL_SWITCH_GLOBAL.help,
            meanings=meanings_of(of.KILL_SWITCH_GLOBAL, **_SWITCH),
        ),
        rows(
            "Firing Alerts",
            firing,
            text="Alerts of the lab.",
            columns=("alertname", "severity", "run_id", "drill"),
            value="Firing",
        ),
        rows(
            "Kill Switches of Runs",
            f"sort_desc({of.KILL_SWITCH.name})",
            text=of.KILL_SWITCH.help,
            columns=("run_id",),
            value="State",
            meanings=meanings_of(of.KILL_SWITCH, **_SWITCH),
        ),
    ]


def _contained() -> list[AnyPanel]:
    stages = f'{of.CONTAINMENT.name}{{stage="%s"}}'
    guards = f'{of.JOURNAL_EVENT.name}{{event="guard_acted"}}'
    return [
        rows(
            "Triggers Fired",
            of.TRIGGER_FIRED.name,
            text=of.TRIGGER_FIRED.help,
            columns=("run_id", "trigger"),
            value="One",
        ),
        rows(
            "Containment",
            f"sort_desc({of.CONTAINMENT.name})",
            text=of.CONTAINMENT.help,
            columns=("run_id", "stage"),
            value="Took",
            unit="s",
        ),
        rows(
            "Guards Acted",
            f"sort_desc({guards})",
            text="Events of the run's guards: installed, held, released, refused and pulled.",
            columns=("run_id",),
            value="Events",
        ),
        number(
            "Slowest until Contained",
            f"max({stages % 'contain'})",
            text="The longest that new risk was open after a pull, over all runs.",
            unit="s",
        ),
        number(
            "Slowest until Flat",
            f"max({stages % 'flat'})",
            text="The longest until a venue was flat after a pull, over all runs.",
            unit="s",
        ),
        number(
            "Contained, Not Flat",
            f"count({stages % 'contain'} unless on (run_id, instance, lab) {stages % 'flat'}) or vector(0)",
            text="Runs whose venue never was flat after a pull; with on_kill: deny that is meant.",
            limits=[(1.0, "doubt")],
        ),
    ]


def _runs() -> list[AnyPanel]:
    living = of.RUN_STATUS.name + '{status=~"running|orphaned"}'
    statuses = meanings_of(of.RUN_STATUS, running="good", completed="good", failed="bad", orphaned="bad")
    orphaned = f'sum({of.RUNS.name}{{status="orphaned"}})'
    return [
        number("Orphaned Runs", orphaned, text="Runs that say they run while their process is gone.", limits=_BAD),
        number("Runs", of.RUNS.name, "{{status}}", text=of.RUNS.help),
        rows("Living Runs", living, text=of.RUN_STATUS.help, columns=_RUN, value="State", meanings=statuses),
        lines("Age of Feeds", {"{{run_id}} {{feed}}": FEED_AGE}, text="Since the newest market data came.", unit="s"),
        lines("Runs over Time", {"{{status}}": f"sum by (status) ({of.RUNS.name})"}, text=of.RUNS.help),
    ]


def _scrape() -> list[AnyPanel]:
    readable = {0: ("no", "bad"), 1: ("yes", "good")}
    return [
        number(
            "Lab Is Scraped", 'up{job="tradingchassis_ops_lab_metrics"}', text="Whether it answers.", meanings=readable
        ),
        number("Runs Can Be Listed", of.ROOT_READABLE.name, text=of.ROOT_READABLE.help, meanings=readable),
        number("Unreadable Bundles", of.UNREADABLE.name, text=of.UNREADABLE.help, limits=_BAD),
        number("Scan", of.SCAN_DURATION.name, text=of.SCAN_DURATION.help, unit="s"),
    ]


def reconciliation() -> Dashboard:
    """Return the dashboard of reconciliations."""
    text = "The latest reconciliation of each run; those of runs that drills made differ on purpose."
    status, checks = of.RECONCILIATION_STATUS.name, of.RECONCILIATION_CHECKS.name
    bad = f'({status}{{status=~"mismatch|unknown"}} {OWN})'
    panels = [
        number("Reconciled Runs", f"count({status})", text="Runs that were reconciled."),
        number("Do Not Agree", f"count({bad}) or vector(0)", text="Mismatch or unknown, without drills.", limits=_BAD),
        number(
            "On Stale Data",
            f'count({status}{{status="warning"}} {OWN}) or vector(0)',
            text="Made on books that were too old, without drills.",
            limits=[(1.0, "doubt")],
        ),
        number("Checks", f"sum by (severity) ({checks})", "{{severity}}", text=of.RECONCILIATION_CHECKS.help),
        rows("Status", status, text=of.RECONCILIATION_STATUS.help, columns=("run_id", "status"), value="One"),
        rows(
            "Age",
            f"time() - {of.RECONCILIATION_TIME.name}",
            text=of.RECONCILIATION_TIME.help,
            columns=("run_id",),
            value="Age",
            unit="s",
        ),
        rows(
            "What Differed in the Last Hour",
            f"max_over_time({of.VIEWS_DIFFERENCES.name}[1h])",
            text=of.VIEWS_DIFFERENCES.help,
            columns=("run_id", "view", "kind"),
            value="Differences",
        ),
        rows(
            "Views Have Differed Since",
            f"{of.VIEWS_DIFFER_SINCE.name} * 1000",
            text=of.VIEWS_DIFFER_SINCE.help,
            columns=("run_id",),
            value="Since",
            unit="dateTimeAsIso",
            meanings={0: ("they agree", "good")},
        ),
        lines(
            "Checks over Time", {"{{severity}}": f"sum by (severity) ({checks})"}, text=of.RECONCILIATION_CHECKS.help
        ),
        number(
            "Evidence",
            of.EVIDENCE_PAIRS.name,
            "{{comparison_status}}",
            text=of.EVIDENCE_PAIRS.help,
        ),
    ]
    return board("tradingchassis-ops-lab-reconciliation", "TradingChassis Ops Lab Reconciliation", text, panels)
