"""Drills: how each came out last, and for how long that has been so; and what they used of their budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.report.metrics import catalogue as of

from .panels import bars, board, lines, number, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

WORST = "tradingchassis_ops_lab:drill_pass:min"
AGE = "tradingchassis_ops_lab:drill_last_pass_age:seconds"
READY = "tradingchassis_ops_lab:drills_passed:ratio"
USED = "tradingchassis_ops_lab:drill_budget_used:ratio"
VERDICTS = {-1: ("unknown", "doubt"), 0: ("failed", "bad"), 1: ("passed", "good")}
_DRILL = ("drill", "area", "severity")


def overview() -> Dashboard:
    """Return the dashboard of all drills."""
    text = "Every drill that was rehearsed: its last verdict, and when it last passed."
    failed = [(1.0, "bad")]
    panels = [
        number("Drills", f"count({WORST})", text="Drills that a session told of."),
        number("Failed", f"count({WORST} == 0) or vector(0)", text="Drills that failed.", limits=failed),
        number("Unknown", f"count({WORST} == -1) or vector(0)", text="Nobody can tell how they are.", limits=failed),
        number(
            "Longest without a Pass",
            f"max({AGE})",
            text="The age of the oldest last pass.",
            unit="s",
            limits=[(86400, "doubt"), (7 * 86400, "bad")],
        ),
        bars(
            "Passed by Area",
            READY,
            "{{area}}",
            text="Share of the area's drills that passed.",
            unit="percentunit",
        ),
        rows(
            "Last Verdict",
            f"sort({WORST})",
            text=of.SESSION_PASS.help,
            columns=_DRILL,
            value="Verdict",
            meanings=VERDICTS,
        ),
        rows(
            "Since the Last Pass",
            f"sort_desc({AGE})",
            text=of.SESSION_LAST_PASS.help,
            columns=_DRILL,
            value="Age",
            unit="s",
        ),
        rows(
            "Known Engine Defects",
            of.SESSION_KNOWN_DEFECT.name,
            text=of.SESSION_KNOWN_DEFECT.help,
            columns=_DRILL,
            value="Known",
        ),
        lines(
            "Drills by Verdict",
            {"{{verdict}}": f"sum by (verdict) ({of.SESSION_DRILLS.name})"},
            text=of.SESSION_DRILLS.help,
        ),
        number(
            "Judged by",
            of.SESSION_BUILD.name,
            "lab {{version}}, engine {{engine}}",
            text=of.SESSION_BUILD.help,
            shows_name=True,
        ),
    ]
    return board("tradingchassis-ops-lab-drills", "TradingChassis Ops Lab Drills", text, panels)


def budgets() -> Dashboard:
    """Return the dashboard of what drills used of their budgets."""
    text = "How fast trouble is detected, contained and recovered from, against what each drill allows."
    share = [(0.8, "doubt"), (1.0, "bad")]
    panels = [
        number("Budgets", f"count({of.SESSION_BUDGET.name})", text=of.SESSION_BUDGET.help),
        number(
            "Worst Share",
            f"max({USED})",
            text="The largest share of a budget that was used.",
            unit="percentunit",
            limits=share,
        ),
        number(
            "Over Budget",
            f"count({USED} > 1) or vector(0)",
            text="Budgets that were overrun.",
            limits=[(1.0, "bad")],
        ),
        number(
            "Never Got There",
            f"count({of.SESSION_BUDGET.name} unless {of.SESSION_USED.name}) or vector(0)",
            text="Budgets of what was not reached at all.",
            limits=[(1.0, "bad")],
        ),
        bars(
            "Share of Each Budget",
            f"sort_desc({USED})",
            "{{drill}} {{budget}}",
            text="Used time over allowed time.",
            unit="percentunit",
            limits=share,
        ),
        rows(
            "Allowed",
            of.SESSION_BUDGET.name,
            text=of.SESSION_BUDGET.help,
            columns=("drill", "budget"),
            value="Allowed",
            unit="s",
        ),
        rows(
            "Used", of.SESSION_USED.name, text=of.SESSION_USED.help, columns=("drill", "budget"), value="Used", unit="s"
        ),
        lines(
            "Phases over Time",
            {"{{drill}} {{phase}}": f"max by (drill, phase) ({of.SESSION_PHASE.name})"},
            text=of.SESSION_PHASE.help,
            unit="s",
        ),
    ]
    return board("tradingchassis-ops-lab-budgets", "TradingChassis Ops Lab Budgets", text, panels)
