"""Checks on a run whose process was killed while it traded, after its record was recovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.drill import Result
from opslab.contract.encoding import sha256_hex
from opslab.contract.events import Status
from opslab.drill.checks.registry import Judgement, check, failed, passed
from opslab.errors import OpsLabError
from opslab.store import layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History, RunHistory

_KILLED = "SIGKILL"


@check("recovery.required_artifacts")
def recovery_required_artifacts(history: History, _spec: RunSpec | None) -> Judgement:
    """The run's directory, metadata, spec, journal and metrics are there, readable, and of this run."""
    run = history.run
    found = {"run_dir_exists": run.bundle.path.is_dir()} | {
        f"{name}_present": _is_readable(run, tell) for name, tell in _ARTIFACTS.items()
    }
    missing = [name for name, is_there in found.items() if not is_there]
    details = f"{', '.join(missing)}: false" if missing else f"all {len(found)} can be read"
    return Judgement(
        Result.FAIL if missing else Result.PASS,
        details,
        "OPS-RECOVERY-ARTIFACT" if missing else "",
        expected=dict.fromkeys(found, True),
        observed=found,
    )


@check("recovery.nothing_lost")
def recovery_nothing_lost(history: History, _spec: RunSpec | None) -> Judgement:
    """Every line of the journal that was acknowledged before the process died is still there.

    Judges the fact ``acknowledged``: ``{event, line, sha256}`` of each line, in order.
    """
    told = history.fact("acknowledged")
    try:
        lines = history.run.bundle.read(layout.JOURNAL).split(b"\n")
    except OpsLabError as error:
        return failed("OPS-RECOVERY-LOST", f"the journal cannot be read: {error.what}", expected=told)
    kept = {number: sha256_hex(line) for number, line in enumerate(lines, 1)}
    if lost := [entry for entry in told if kept.get(entry["line"]) != entry["sha256"]]:
        what = f"{lost[0]['event']} in line {lost[0]['line']} was acknowledged and is gone"
        return failed("OPS-RECOVERY-LOST", what, expected=told, observed=lost)
    if not told:
        return failed("OPS-RECOVERY-NOT-KILLED", "nothing was acknowledged before the process died")
    return passed(f"{len(told)} acknowledged lines kept")


@check("recovery.closed")
def recovery_closed(history: History, _spec: RunSpec | None) -> Judgement:
    """The run is closed as failed, because it was interrupted, and says so in its last event."""
    run = history.run
    try:
        found = [run.metadata.status, run.metadata.failure_reason, run.bundle.journal_chain.events[-1].get("event")]
    except (OpsLabError, IndexError) as error:
        return failed("OPS-RECOVERY-OPEN", f"nobody can tell how the run ended: {error}")
    expected = [Status.FAILED, "interrupted", "run_failed"]
    if found != expected:
        return failed("OPS-RECOVERY-OPEN", "the dead run was not closed", expected=expected, observed=found)
    return passed("failed: interrupted")


@check("recovery.simulation_scope")
def recovery_simulation_scope(history: History, _spec: RunSpec | None) -> Judgement:
    """The process was killed in the middle of its data with a position open; the record does not claim that position.

    Judges the fact ``death``: ``{signal, position, at_ns, first_ns, last_ns}``: what killed the process, the position
    that the engine told of just before, in base units, and where in its market data that was.
    """
    death = history.fact("death")
    position = death["position"]
    if death["signal"] != _KILLED or not position:
        return failed("OPS-RECOVERY-NOT-KILLED", "no process was killed with a position open", observed=death)
    if not death["first_ns"] < death["at_ns"] < death["last_ns"]:
        return failed("OPS-RECOVERY-NOT-KILLED", "the process was not killed in the middle of its data", observed=death)
    metrics = history.run.metrics
    claims = {"fills_count": metrics.fills_count, "events": len(history.run.events), "views": len(history.run.views)}
    if any(claims.values()):
        return failed("OPS-RECOVERY-CLAIM", "the record claims what died with the process", observed=claims)
    held = f"{position['side'].lower()} {position['quantity']} {position['instrument']}"
    return passed(f"a backtest was killed holding {held}; its record was recovered, no live position was")


@check("recovery.runs_again")
def recovery_runs_again(history: History, _spec: RunSpec | None) -> Judgement:
    """The same spec runs again under another id, and completes.

    Judges the fact ``again``: ``{run_id, status, inputs_sha256, problems}`` of the second run.
    """
    again, run = history.fact("again"), history.run
    if again["run_id"] == run.run_id or again["inputs_sha256"] != run.metadata.inputs_sha256:
        return failed("OPS-RECOVERY-NOT-AGAIN", "the second run is not the same spec under another id", observed=again)
    if again["status"] != Status.COMPLETED or again["problems"]:
        what = f"the second run is {again['status']} with {len(again['problems'])} problems"
        return failed("OPS-RECOVERY-NOT-AGAIN", what, expected=Status.COMPLETED, observed=again)
    return passed(f"{again['run_id']} completed")


_ARTIFACTS: dict[str, Callable[[RunHistory], str | None]] = {
    "metadata": lambda run: run.metadata.run_id,
    "run_spec": lambda run: run.run_id if run.spec else None,  # it is the user's, and names its own id
    "journal": lambda run: run.bundle.journal_chain.events[-1].get("run_id"),
    "metrics": lambda run: run.metrics.run_id,
}
"""How each required artifact says whose it is; it raises where it cannot be read."""


def _is_readable(run: RunHistory, tell: Callable[[RunHistory], str | None]) -> bool:
    try:
        return tell(run) == run.run_id
    except (OpsLabError, IndexError):
        return False
