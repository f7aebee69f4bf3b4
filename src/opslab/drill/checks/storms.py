"""Checks on strategies that go on sending while new risk is forbidden, and on what the engine tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

EVENT = "strategy_stopped"


@check("storm.ended")
def ended(history: History, _spec: RunSpec | None) -> Judgement:
    """The strategy was stopped, the journal tells so by name, and it sent no more from then on.

    Judges the fact ``storm``: ``{strategy, sent, most}``: its name, the orders that it sent after the pull, and how
    many it may have sent at most.
    """
    fact = history.fact("storm")
    told = [event for event in history.run.journal if event["event"] == EVENT]
    if [event["strategy"] for event in told] != [fact["strategy"]]:
        return failed("OPS-STORM-UNTOLD", f"{len(told)} stops of a strategy are told", expected=1, observed=told)
    if fact["sent"] > fact["most"]:
        return failed("OPS-STORM-WENT-ON", f"it sent {fact['sent']} orders", expected=fact["most"], observed=fact)
    return passed(f"stopped after {fact['sent']} orders: {told[0]['detail']}")


@check("containment.states")
def states(history: History, _spec: RunSpec | None) -> Judgement:
    """The engine was told REDUCING, then HALTED, and ACTIVE after the clear, for each pull; only then it trades again.

    Judges the fact ``states``: ``{told, entries}``: the engine's trading states as a strategy is told of them, and what
    became of an entry after each containment and after each clear, in turn.
    """
    fact = history.fact("states")
    pulls = len(fact["entries"]) // 2
    if not pulls or fact["told"] != ["REDUCING", "HALTED", "ACTIVE"] * pulls:
        what = f"the engine was told {', '.join(fact['told']) or 'nothing'}"
        return failed("OPS-CONTAIN-STATE", what, expected=["REDUCING", "HALTED", "ACTIVE"] * pulls, observed=fact)
    if fact["entries"] != ["DENIED", "ACCEPTED"] * pulls:
        what = f"entries were {', '.join(fact['entries'])}"
        return failed("OPS-CONTAIN-ENTRY", what, expected=["DENIED", "ACCEPTED"] * pulls, observed=fact)
    return passed(f"{pulls} pulls, each told, contained and cleared")
