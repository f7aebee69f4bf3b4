"""Checks on kill switches: does everything doubtful read as active, and is what they said written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History


@check("kill_switch.active")
def kill_switch_active(history: History, _spec: RunSpec | None) -> Judgement:
    """The switch reads as active and says why; judges the fact ``switch``: ``{state, reasons}``."""
    fact = history.fact("switch")
    if fact["state"] != "active":
        return failed("OPS-KILL-OPEN", f"the switch reads as {fact['state']}", expected="active", observed=fact)
    if not fact["reasons"]:
        return failed("OPS-KILL-UNEXPLAINED", "the switch is active without a reason", observed=fact)
    return passed(fact["reasons"][0])


@check("kill_switch.recorded")
def kill_switch_recorded(history: History, _spec: RunSpec | None) -> Judgement:
    """The run wrote down what the switch said when it began; judges the fact ``switch`` against the run's metadata."""
    expected = history.fact("switch")["state"]
    safety = history.run.metadata.safety or {}
    recorded = safety.get("at_start", {}).get("state")
    if recorded != expected:
        return failed("OPS-KILL-NOT-RECORDED", "the run says otherwise", expected=expected, observed=recorded)
    return passed(f"the run says {recorded}")


@check("kill_switch.as_before")
def kill_switch_as_before(history: History, _spec: RunSpec | None) -> Judgement:
    """With everything put back the switch reads as it was left, so that what was broken is what made it active.

    Judges the fact ``healed``: ``{state, reasons, left_as}``.
    """
    fact = history.fact("healed")
    if fact["state"] != fact["left_as"]:
        return failed(
            "OPS-KILL-NOT-HEALED", f"the switch reads as {fact['state']}", expected=fact["left_as"], observed=fact
        )
    return passed(f"the switch reads as {fact['state']} again")


@check("kill_switch.pull_recorded")
def kill_switch_pull_recorded(history: History, _spec: RunSpec | None) -> Judgement:
    """A switch pulled while the run went on is in the run's record, beside what the run found when it began.

    Judges the fact ``pull``: ``{run_id, event_id, before, new_state, reason, warnings}``.
    """
    pull, run = history.fact("pull"), history.run
    told = [event for event in run.journal if event.get("event_id") == pull["event_id"]]
    if len(told) != 1 or pull["warnings"]:
        return failed("OPS-KILL-NOT-TOLD", f"the run tells {len(told)} times of the pull", expected=1, observed=pull)
    safety = run.metadata.safety or {}
    now, start = safety.get("kill_switch") or {}, safety.get("at_start") or {}
    expected = [pull["new_state"], pull["reason"], pull["before"]]
    recorded = [now.get("state"), now.get("last_reason"), start.get("state")]
    if recorded != expected:
        return failed("OPS-KILL-NOT-RECORDED", "the run says otherwise", expected=expected, observed=recorded)
    return passed(f"{start['state']} when the run began, {now['state']} now")


@check("kill_switch.contended")
def kill_switch_contended(history: History, _spec: RunSpec | None) -> Judgement:
    """However many pull at once, none fails, nothing acknowledged is lost, and the switches can be cleared after it.

    Judges the fact ``contention``: ``{callers: [{number, target, event_id, saw, error}], readers: [...],
    switches: {target: {events, broken, state, doubts}}, cleared: [{target, actor, state, last_actor, error}]}``.
    """
    fact = history.fact("contention")
    if not fact["callers"]:
        return failed("OPS-KILL-NOTHING", "nobody pulled: nothing was rehearsed")
    for finding in (*_judge_callers(fact), *_judge_switches(fact), *_judge_cleared(fact)):
        return finding
    return passed(f"{len(fact['callers'])} pulled {len(fact['switches'])} switches, {len(fact['readers'])} looked on")


def _judge_callers(fact: Mapping[str, Any]) -> Iterator[Judgement]:
    for caller in (*fact["callers"], *fact["readers"]):
        if caller["error"]:
            yield failed("OPS-KILL-REFUSED", f"caller {caller['number']}: {caller['error']}", observed=caller)
    for caller in fact["callers"]:
        if set(caller["saw"]) != {"active"}:
            yield failed("OPS-KILL-OPEN", f"caller {caller['number']} saw {caller['saw']} after it pulled")
    for reader in fact["readers"]:
        calm = [number for number, state in enumerate(reader["saw"]) if state != "active"]
        if calm != list(range(len(calm))):  # nobody clears meanwhile
            yield failed("OPS-KILL-OPEN", f"reader {reader['number']} saw {reader['saw']}", observed=reader)


def _judge_switches(fact: Mapping[str, Any]) -> Iterator[Judgement]:
    for caller in fact["callers"]:
        kept = fact["switches"].get(caller["target"], {"events": []})["events"]
        if kept.count(caller["event_id"]) != 1:
            yield failed(
                "OPS-KILL-LOST", f"the pull of caller {caller['number']} is recorded not once", observed=caller
            )
    for target, found in fact["switches"].items():
        if trouble := [*found["broken"], *found["doubts"]]:
            yield failed("OPS-KILL-DOUBTFUL", f"{target}: {trouble[0]}", observed=found)


def _judge_cleared(fact: Mapping[str, Any]) -> Iterator[Judgement]:
    for cleared in fact["cleared"]:
        if (cleared["state"], cleared["last_actor"]) != ("cleared", cleared["actor"]):
            yield failed("OPS-KILL-NOT-CLEARED", f"{cleared['target']} cannot be cleared", observed=cleared)


@check("kill_switch.survives")
def kill_switch_survives(history: History, _spec: RunSpec | None) -> Judgement:
    """A command that dies at any step leaves a switch that is active or as it was, and the next activation works.

    Judges the fact ``deaths``, one entry an attempt: ``{case, step, died, before, written, state, again, litter}``;
    ``written`` is what the state file alone says, ``again`` the ``{state, doubts}`` after another activation.
    """
    deaths = history.fact("deaths")
    if not any(death["died"] for death in deaths):
        return failed("OPS-KILL-NOTHING", "no command died: nothing was rehearsed")
    for finding in (finding for death in deaths for finding in _judge_death(death)):
        return finding
    return passed(f"{sum(death['died'] for death in deaths)} deaths, none left a switch less than it was")


@check("kill_switch.clear_never_wins")
def kill_switch_clear_never_wins(history: History, _spec: RunSpec | None) -> Judgement:
    """An activation that comes while somebody clears leaves the switch active, wherever the clear was overtaken.

    Judges the fact ``clears``, one entry an attempt: ``{case, step, stopped, acknowledged, state, reasons, again}``;
    ``again`` is the ``{state, doubts}`` after another activation and another clear.
    """
    clears = history.fact("clears")
    if not any(clear["stopped"] for clear in clears):
        return failed("OPS-KILL-NOTHING", "no clear was overtaken: nothing was rehearsed")
    for finding in (finding for clear in clears for finding in _judge_clear(clear)):
        return finding
    return passed(f"{sum(clear['stopped'] for clear in clears)} clears overtaken, none opened the switch")


def _judge_clear(clear: Mapping[str, Any]) -> Iterator[Judgement]:
    where = f"{clear['case']}, step {clear['step']}"
    if not clear["acknowledged"]:
        yield failed("OPS-KILL-REFUSED", f"{where}: the activation failed", observed=clear)
    elif clear["state"] != "active":
        yield failed("OPS-KILL-OPEN", f"{where}: reads as {clear['state']}", expected="active", observed=clear)
    if (clear["again"]["state"], clear["again"]["doubts"]) != ("cleared", []):
        yield failed("OPS-KILL-NOT-CLEARED", f"{where}: it cannot be cleared afterwards", observed=clear)


def _judge_death(death: Mapping[str, Any]) -> Iterator[Judgement]:
    where, state = f"{death['case']}, step {death['step']}", death["state"]
    is_through = not death["died"]
    allowed = {death["written"]} if is_through else {"active", death["before"]}
    if state not in allowed or (death["written"] == "active" and state != "active"):
        yield failed("OPS-KILL-OPEN", f"{where}: reads as {state}", expected=sorted(map(str, allowed)), observed=death)
    if death["again"]["state"] != "active" or death["again"]["doubts"]:
        yield failed("OPS-KILL-NOT-AGAIN", f"{where}: the next activation did not put it in order", observed=death)
    if death["litter"]:
        yield failed("OPS-KILL-LITTER", f"{where}: {death['litter'][0]} is left", observed=death["litter"])
