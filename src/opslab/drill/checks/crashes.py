"""Checks on what is left after processes died, raced or ran out of disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

_ENDED = {"completed", "failed"}


@check("runs.recoverable")
def runs_recoverable(history: History, _spec: RunSpec | None) -> Judgement:
    """However a run died, it left nothing or a bundle that recovery closed; nothing acknowledged was lost.

    Judges the fact ``attempts``, one entry a death as found after recovery:
    ``{step, died, is_visible, status, problems, acknowledged, kept, litter}``; ``kept`` counts those of the
    acknowledged lines that are still there, by their digests.
    """
    attempts = history.fact("attempts")
    deaths = [attempt for attempt in attempts if attempt["died"]]
    if not deaths:
        return failed("OPS-CRASH-NONE", "no attempt died: nothing was rehearsed")
    for attempt in attempts:
        if (finding := _judge_attempt(attempt)) is not None:
            return finding
    seen = sum(attempt["is_visible"] for attempt in deaths)
    return passed(f"{len(deaths)} deaths, {seen} of them after the run was visible, each recovered")


def _judge_attempt(attempt: Mapping[str, Any]) -> Judgement | None:
    step = attempt["step"]
    if attempt["acknowledged"] > attempt["kept"]:
        return failed(
            "OPS-CRASH-LOST",
            f"death at {step}: acknowledged events were lost",
            expected=attempt["acknowledged"],
            observed=attempt["kept"],
        )
    if attempt["litter"]:
        return failed("OPS-CRASH-LITTER", f"death at {step} left {attempt['litter'][0]}", observed=attempt["litter"])
    if not attempt["is_visible"]:
        return None
    if attempt["status"] not in _ENDED:
        return failed("OPS-CRASH-OPEN", f"death at {step}: the run is {attempt['status']}", observed=attempt["status"])
    if attempt["problems"]:
        return failed("OPS-CRASH-BROKEN", f"death at {step}: {attempt['problems'][0]}", observed=attempt["problems"])
    return None


@check("runs.one_winner")
def runs_one_winner(history: History, _spec: RunSpec | None) -> Judgement:
    """Of several processes with one run id exactly one ran, and each other said that the id is taken.

    Judges the fact ``racers``: one ``{outcome, message}`` a process, outcome ``won``, ``refused`` or ``crashed``.
    """
    racers = history.fact("racers")
    outcomes = [racer["outcome"] for racer in racers]
    if outcomes.count("won") != 1 or outcomes.count("refused") != len(racers) - 1:
        return failed("OPS-CLAIM-NOT-ONE", "not exactly one process won the run id", observed=racers)
    silent = [racer for racer in racers if racer["outcome"] == "refused" and "is taken" not in racer["message"]]
    if silent:
        return failed("OPS-CLAIM-SILENT", "a process was refused without being told why", observed=silent)
    if history.fact("problems"):
        return failed("OPS-CLAIM-BROKEN", "the winner's bundle is broken", observed=history.fact("problems"))
    return passed(f"{len(racers)} processes, one winner")
