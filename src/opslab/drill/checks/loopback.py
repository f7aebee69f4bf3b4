"""Checks that nothing of a live node leaves loopback.

They judge the facts ``refusals``: ``[{setting, value, told, built}]``, what became of a node whose address was taken
away, and ``alone``: ``{namespace: [outside, inside], interfaces, outside, status, error, fills}``, a run in a network
namespace of its own, where ``outside`` is what a connection to elsewhere ended with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History


@check("loopback.refused")
def refused(history: History, _spec: RunSpec | None) -> Judgement:
    """A node any of whose addresses is missing or leads elsewhere is refused by name, before it is built."""
    refusals = history.fact("refusals")
    if not refusals:
        return failed("OPS-LOOPBACK-NOTHING", "no address was taken away: nothing was rehearsed")
    for one in refusals:
        if one["built"] or one["told"] is None:
            what = f"a node with {one['setting']} {one['value'] or 'not set'} was built"
            return failed("OPS-LOOPBACK-OPEN", what, expected="refused", observed=one)
        if one["setting"] not in one["told"]:
            what = f"the refusal does not name {one['setting']}: {one['told']}"
            return failed("OPS-LOOPBACK-UNEXPLAINED", what, observed=one)
    return passed(f"{len(refusals)} refused before anything was built")


@check("loopback.alone")
def alone(history: History, _spec: RunSpec | None) -> Judgement:
    """A paper run trades to its end where there is no way out: in a network namespace that has only ``lo``."""
    fact = history.fact("alone")
    outside, inside = fact["namespace"]
    if outside == inside or fact["interfaces"] != ["lo"] or fact["outside"] == "connected":
        what = f"the run was not alone: {fact['why'] or ', '.join(fact['interfaces'])}"
        return failed("OPS-LOOPBACK-NOT-ALONE", what, expected=["lo"], observed=fact)
    if fact["status"] != "completed" or not fact["fills"]:
        what = f"the run ended as {fact['status']} with {fact['fills']} fills: {fact['error'] or 'it never traded'}"
        return failed("OPS-LOOPBACK-NEEDED", what, expected="completed", observed=fact)
    return passed(f"{fact['fills']} fills with no way out but {fact['interfaces'][0]}")
