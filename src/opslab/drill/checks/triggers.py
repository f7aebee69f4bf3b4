"""Checks on triggers and guards: what fired or acted, once and for a reason, by the run's journal.

They judge facts: ``expected``: the triggers that had to fire, and ``guard``: ``{name, actions}``: which guard had to do
what, in that order; other actions in between are its own affair.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed, unknown

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

NOT_NAMED = "not named"
_HARMLESS = ("installed", "asked")


@check("trigger.fired_once")
def fired_once(history: History, _spec: RunSpec | None) -> Judgement:
    """Every trigger that had to fire did so exactly once, and no other."""
    expected = list(history.fact("expected"))
    if not expected:
        return unknown("OPS-TRIGGER-NOTHING", "no trigger had to fire: nothing was rehearsed")
    found = _fired(history)
    counts = Counter(event["trigger"] for event in found)
    shown = [f"{event['trigger']}: {event['detail']}" for event in found]
    if silent := [name for name in expected if not counts[name]]:
        return failed("OPS-TRIGGER-SILENT", f"{silent[0]} did not fire", expected=expected, observed=shown)
    if repeated := [name for name, count in counts.items() if count > 1]:
        what = f"{repeated[0]} fired {counts[repeated[0]]} times"
        return failed("OPS-TRIGGER-REPEATED", what, expected=expected, observed=shown)
    return _without_noise(found, expected) or passed("; ".join(shown))


@check("trigger.none_fired")
def none_fired(history: History, _spec: RunSpec | None) -> Judgement:
    """No trigger fired: nothing gave reason to."""
    return _without_noise(_fired(history), []) or passed()


@check("trigger.fired")
def fired(history: History, _spec: RunSpec | None) -> Judgement:
    """A trigger fired."""
    found = _fired(history)
    if not found:
        return failed("OPS-TRIGGER-SILENT", "no trigger fired")
    return passed("; ".join(f"{event['trigger']}: {event['detail']}" for event in found))


@check("trigger.book_as_told")
def book_as_told(history: History, _spec: RunSpec | None) -> Judgement:
    """What was held when a trigger fired is as the spec's ``on_kill`` says: gone, or untouched.

    Judges the fact ``book``: ``{policy, before, after}``, quantities by symbol as text.
    """
    book = history.fact("book")
    wanted = {} if book["policy"] == "flatten" else book["before"]
    after = {symbol: amount for symbol, amount in book["after"].items() if Decimal(amount)}
    if not book["before"]:
        return unknown("OPS-TRIGGER-NOTHING", "nothing was held: nothing was rehearsed")
    if after != wanted:
        what = f"on_kill is {book['policy']}, and the book holds {after or 'nothing'}"
        return failed("OPS-TRIGGER-BOOK", what, expected=wanted, observed=after)
    return passed(f"on_kill is {book['policy']}: {after or 'nothing'} is held")


@check("alert.complete")
def complete(history: History, _spec: RunSpec | None) -> Judgement:
    """People were told once of each trigger: how grave it is, which run, what was done, who is called, and what to do.

    Judges the facts ``expected``, the triggers, and ``alerts``: the lines.
    """
    lines = list(history.fact("alerts"))
    told = {event["trigger"]: event.get("owner") for event in _fired(history)}
    for trigger in history.fact("expected"):
        mine = [line for line in lines if trigger in line]
        if len(mine) != 1:
            return failed("OPS-ALERT-COUNT", f"{len(mine)} alerts tell of {trigger}", expected=1, observed=lines)
        owner = _owner(history)
        words = ("critical", history.run.run_id, "its kill switch is pulled", f"owner: {owner}", "see the runbook")
        if missing := [word for word in words if word not in mine[0]]:
            return failed("OPS-ALERT-INCOMPLETE", f"the alert does not say {missing[0]!r}", observed=mine[0])
        if (told.get(trigger) or NOT_NAMED) != owner:
            what = f"the journal names {told.get(trigger)!r} as the owner of {trigger}"
            return failed("OPS-ALERT-INCOMPLETE", what, expected=owner, observed=told)
    return passed("; ".join(lines)) if lines else unknown("OPS-TRIGGER-NOTHING", "no alert had to be given")


@check("alert.acknowledged")
def acknowledged(history: History, _spec: RunSpec | None) -> Judgement:
    """A pull stands as not acknowledged until a named person clears it with a reason, and then says who and why.

    Judges the fact ``pulls``: ``{before, after, actor, reason}``: what ``tc kill status`` shows before and after that
    person cleared the switch.
    """
    fact = history.fact("pulls")
    if not any(line.startswith("unacknowledged_for=") for line in fact["before"]):
        what = "nothing shows that the pull stands unacknowledged"
        return failed("OPS-ALERT-UNACKNOWLEDGED", what, observed=fact["before"])
    said = next((line for line in fact["after"] if line.startswith("acknowledged=")), "")
    if any(line.startswith("unacknowledged_for=") for line in fact["after"]) or not all(
        word in said for word in (fact["actor"], fact["reason"])
    ):
        return failed("OPS-ALERT-UNACKNOWLEDGED", "nothing shows who acknowledged the pull", observed=fact["after"])
    return passed(said)


@check("guard.acted")
def acted(history: History, _spec: RunSpec | None) -> Judgement:
    """The guard did what it had to, in that order."""
    wanted = history.fact("guard")
    done = [event["action"] for event in _acts(history, wanted["name"])]
    left = iter(done)
    for action in wanted["actions"]:
        if action not in left:
            what = f"guard {wanted['name']} has not {action} as it had to"
            return failed("OPS-GUARD-IDLE", what, expected=wanted["actions"], observed=done)
    return passed(f"{wanted['name']}: {', '.join(done)}")


@check("guard.left_alone")
def left_alone(history: History, _spec: RunSpec | None) -> Judgement:
    """The guard did nothing to the trading: nothing gave reason to."""
    name = history.fact("guard")["name"]
    events = _acts(history, name)
    if not events:
        return unknown("OPS-GUARD-ABSENT", f"guard {name} was not there")
    if noise := [event for event in events if event["action"] not in _HARMLESS]:
        what = f"guard {name} {noise[0]['action']} without a reason: {noise[0]['detail']}"
        return failed("OPS-GUARD-NOISE", what, observed=noise[:20])
    return passed(f"{name} was there, and let the trading be")


def _fired(history: History) -> list[dict[str, Any]]:
    return [event for event in history.run.journal if event["event"] == "trigger_fired"]


def _acts(history: History, name: str) -> list[dict[str, Any]]:
    return [event for event in history.run.journal if event["event"] == "guard_acted" and event["guard"] == name]


def _without_noise(fired: list[dict[str, Any]], expected: list[str]) -> Judgement | None:
    noise = [event for event in fired if event["trigger"] not in expected]
    if not noise:
        return None
    what = f"{noise[0]['trigger']} fired without a reason: {noise[0]['detail']}"
    return failed("OPS-TRIGGER-NOISE", what, expected=expected, observed=noise[:20])


def _owner(history: History) -> str:
    return history.run.spec.risk.owner or NOT_NAMED
