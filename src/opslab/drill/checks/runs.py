"""Checks on how a run went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.events import Status
from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History


@check("run.completed")
def run_completed(history: History, _spec: RunSpec | None) -> Judgement:
    """Every run of the drill completed."""
    others = {
        run.run_id: run.metadata.status.value for run in history.runs if run.metadata.status is not Status.COMPLETED
    }
    if not history.runs:
        return failed("OPS-RUN-NONE", "the drill has no run")
    if others:
        run_id, status = next(iter(others.items()))
        error = next(run.metadata.error for run in history.runs if run.run_id == run_id)
        return failed(
            "OPS-RUN-NOT-COMPLETED", f"run {run_id} is {status}: {error}", expected="completed", observed=others
        )
    return passed(f"{len(history.runs)} of {len(history.runs)} runs completed")


@check("run.failed")
def run_failed(history: History, _spec: RunSpec | None) -> Judgement:
    """The drill's run failed and says why."""
    metadata = history.run.metadata
    if metadata.status is not Status.FAILED:
        return failed(
            "OPS-RUN-NOT-FAILED", f"the run is {metadata.status.value}", expected="failed", observed=metadata.status
        )
    if not metadata.error:
        return failed("OPS-RUN-SILENT", "the run failed without saying why")
    return passed(metadata.error)


@check("run.engine_not_reached")
def engine_not_reached(history: History, _spec: RunSpec | None) -> Judgement:
    """No engine ran, and no order was sent."""
    run = history.run
    if "backtest_started" in run.event_names or run.metrics.engine_executed or run.events:
        return failed("OPS-RUN-ENGINE-REACHED", "the engine ran", expected=[], observed=list(run.event_names))
    return passed("the journal has no backtest_started")


@check("runs.same_events")
def same_events(history: History, _spec: RunSpec | None) -> Judgement:
    """Runs on equal inputs have equal event streams, and each stream holds something."""
    streams = {run.run_id: run.metadata.event_stream for run in history.runs}
    inputs = {run.metadata.inputs_sha256 for run in history.runs}
    if len(streams) < 2 or not all(stream is not None and stream.events for stream in streams.values()):  # noqa: PLR2004
        return failed("OPS-DET-NOTHING", "there are no two runs with events to compare")
    digests = {run_id: stream.sha256 for run_id, stream in streams.items() if stream is not None}
    if len(inputs) != 1:
        return failed("OPS-DET-INPUTS", "the runs do not have equal inputs_sha256", observed=sorted(map(str, inputs)))
    if len(set(digests.values())) != 1:
        return failed("OPS-DET-DIFFERENT", "equal inputs gave different event streams", observed=digests)
    return passed(f"{len(digests)} runs, one event-stream digest")


@check("runs.different_events")
def different_events(history: History, _spec: RunSpec | None) -> Judgement:
    """No two runs have equal inputs or equal event streams."""
    streams = [run.metadata.event_stream for run in history.runs]
    digests = [stream.sha256 for stream in streams if stream is not None]
    inputs = [run.metadata.inputs_sha256 for run in history.runs]
    if len(digests) != len(history.runs) or len(digests) < 2:  # noqa: PLR2004
        return failed("OPS-DET-NOTHING", "there are no two runs with events to compare")
    if len(set(digests)) != len(digests) or len(set(inputs)) != len(inputs):
        return failed("OPS-DET-EQUAL", "different inputs gave equal event streams", observed=digests)
    return passed(f"{len(digests)} runs, {len(digests)} event-stream digests")


@check("run.other_inputs_refused")
def other_inputs_refused(history: History, _spec: RunSpec | None) -> Judgement:
    """A run that is started with other inputs than it is expected to have does not start, and leaves nothing.

    Judges the fact ``second``: ``{expected, refused, is_there}``: the digest, what was said (null: it started), and
    whether there is a bundle.
    """
    fact = history.fact("second")
    if fact["refused"] is None or fact["is_there"]:
        return failed("OPS-RUN-OTHER-INPUTS", "a run with other inputs than expected has started", observed=fact)
    if fact["expected"] not in fact["refused"]:
        return failed("OPS-RUN-UNEXPLAINED", "the refusal does not name the expected digest", observed=fact)
    return passed(fact["refused"])
