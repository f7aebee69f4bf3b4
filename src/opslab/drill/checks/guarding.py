"""Checks on what guards of a node owe: cancels that arrive, no new risk while something is in doubt, and else quiet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

_OPEN = ("NEW", "PARTIALLY_FILLED")


@check("guard.nothing_rests")
def nothing_rests(history: History, _spec: RunSpec | None) -> Judgement:
    """No order is open at the venue."""
    resting = [dict(row) for row in history.run.latest_views["venue"]["orders"] if row["status"] in _OPEN]
    if resting:
        return failed("OPS-ORDER-LEFT", f"{len(resting)} orders are open at the venue", expected=[], observed=resting)
    return passed("no order is open at the venue")


@check("guard.risk_held")
def risk_held(history: History, _spec: RunSpec | None) -> Judgement:
    """While nobody knows what became of an order, no further one leaves.

    Judges the fact ``second``: the engine's status of an order that was placed meanwhile, as text.
    """
    status = history.fact("second")
    if status != "DENIED":
        return failed("OPS-RISK-UNHELD", f"the second order is {status}", expected="DENIED", observed=status)
    return passed("the second order was denied")


@check("guard.installed")
def installed(history: History, spec: RunSpec | None) -> Judgement:
    """Each guard that the spec names stands around the node, in each of its processes, by the run's journal."""
    acted = _acted(history)
    asked = [guard.value for guard in spec.execution.guards] if spec is not None else []
    if not asked:
        return failed("OPS-GUARD-ABSENT", "the spec names no guard: nothing was rehearsed")
    told = Counter(event["guard"] for event in acted if event["action"] == "installed")
    starts = max(1, sum(event["event"] == "node_started" for event in history.run.journal))
    if missing := [name for name in asked if told[name] < starts]:
        what = f"{missing[0]} told {told[missing[0]]} times that it stands, of {starts} starts"
        return failed("OPS-GUARD-ABSENT", what, expected=asked, observed=dict(told))
    return passed(f"{len(asked)} guards stand")


@check("guard.quiet")
def quiet(history: History, _spec: RunSpec | None) -> Judgement:
    """No guard did anything but take its place: where nothing is broken, nothing is put right."""
    done = [event for event in _acted(history) if event["action"] != "installed"]
    if done:
        first = done[0]
        what = f"{len(done)} acts, the first: {first['guard']} {first['action']}: {first['detail']}"
        return failed("OPS-GUARD-LOUD", what, expected=[], observed=[dict(event) for event in done[:20]])
    return passed("no guard did anything")


def _acted(history: History) -> list[Mapping[str, Any]]:
    return [event for event in history.run.journal if event["event"] == "guard_acted"]
