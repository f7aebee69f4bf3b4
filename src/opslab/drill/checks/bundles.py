"""Checks on the evidence itself: is a bundle complete, and can nobody doubt it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History


@check("bundle.complete")
def bundle_complete(history: History, _spec: RunSpec | None) -> Judgement:
    """Every run left a complete, sealed, unaltered bundle with one terminal event."""
    if not history.runs:
        return failed("OPS-BUNDLE-NONE", "the drill has no run")
    problems = [f"{run.run_id}/{problem}" for run in history.runs for problem in run.find_problems()]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return failed("OPS-BUNDLE-BROKEN", f"{problems[0]}{more}", expected=[], observed=problems[:20])
    return passed(f"{len(history.runs)} of {len(history.runs)} bundles verified")


@check("bundle.evidence")
def bundle_evidence(history: History, _spec: RunSpec | None) -> Judgement:
    """The bundle's counts agree with its event stream: nothing was counted that is not in evidence."""
    for run in history.some_runs:
        stated = {"orders_submitted": run.metrics.orders_submitted, "fills_count": run.metrics.fills_count}
        counted = {
            "orders_submitted": sum(event["type"] == "OrderSubmitted" for event in run.events),
            "fills_count": sum(event["type"] == "OrderFilled" for event in run.events),
        }
        if stated != counted:
            return failed("OPS-BUNDLE-COUNTS", f"{run.run_id}: counts differ", expected=counted, observed=stated)
    return passed(f"{sum(len(run.events) for run in history.runs)} events counted again")
