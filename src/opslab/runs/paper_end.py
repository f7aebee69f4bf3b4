"""What a paper run writes down last: how it ended, what its venue's books said then, and what it left there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.contract.events import RunCompleted, RunFailed, Status
from opslab.contract.paper_events import PaperCompleted
from opslab.engine.node.strays import EVENT
from opslab.reconcile.moments import END
from opslab.runs.containing import left_behind
from opslab.runs.failing import end_of, last_books, reason_of

if TYPE_CHECKING:
    from opslab.contract.events import PaperCounters
    from opslab.engine.node.strays import Strays
    from opslab.errors import OpsLabError
    from opslab.runs.heartbeats import Heartbeats
    from opslab.runs.paper_record import PaperRecord
    from opslab.runs.paper_run import EndedBy, PaperRun


def write_completed(run: PaperRun, record: PaperRecord, beats: Heartbeats, ended_by: EndedBy) -> None:
    """Stop node and venue of a run that came to its bound, and write its terminal event.

    Args:
        run: the run.
        record: what it writes down while it lives.
        beats: its heartbeats.
        ended_by: which bound it came to.

    Raises:
        OpsLabError: something did not stop or could not be written.
    """
    beats.beat(1.0, run.node.counters)
    if run.reconciled is not None:
        run.reconciled.settle()
    run.node.stop()
    left = left_behind(run)
    views, books, recorded = run.take_views(END), run.host.books(), run.host.recorded()
    run.node.dispose()
    run.node.require_disposed()
    record.require_whole()
    run.is_ending = True
    run.host.stop()
    facts = record.books(books, recorded)
    if run.reconciled is not None:
        run.reconciled.conclude(books, views)
    if (strays := _tell_strays(run)) is not None:
        strays.require_none()
    run.before_end()
    run.writer.append(
        PaperCompleted(
            **run.life.base(Status.RUNNING),
            heartbeat_count=beats.count,
            counters=run.node.counters(),
            event_stream=record.event_stream(run.plan),
            books=facts,
            ended_by=ended_by,
            left=left,
        )
    )
    run.writer.append(RunCompleted(**run.life.base(Status.COMPLETED)))


def write_failed(
    run: PaperRun,
    record: PaperRecord,
    error: BaseException,
    death: OpsLabError | None,
    counters: PaperCounters | None,
    views: dict[str, dict[str, Any]] | None = None,
) -> None:
    """Stop the venue of a run that failed, and write its terminal event.

    Args:
        run: the run.
        record: what it writes down while it lives.
        error: what ended it.
        death: what was wrong with its venue before it was stopped; None: nothing.
        counters: what its node counted; None for a run that had none.
        views: what was believed last; None where nobody could say.
    """
    left = None if counters is None else left_behind(run)
    books, ending = last_books(run.host), end_of(run.host)
    facts = record.books(books) if books is not None else None
    _tell_strays(run)
    record.close()
    if run.reconciled is not None:
        run.reconciled.conclude_failed(books, views)
    run.writer.append(
        RunFailed(
            **run.life.base(Status.FAILED),
            error=record.masking.text(reason_of(error, death or ending)),
            reason="interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "error",
            counters=counters,
            event_stream=record.event_stream(run.plan),
            books=facts,
            left=left,
        )
    )


def _tell_strays(run: PaperRun) -> Strays | None:
    """Tell the journal what threads and processes outlive the run's node; None for a run that had none."""
    if run.strays is not None and (facts := run.strays.look()) is not None:
        run.tell(EVENT, facts)
    return run.strays
