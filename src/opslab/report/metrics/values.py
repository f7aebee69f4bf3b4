"""What the files of a run amount to in numbers: pure functions from records to samples."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from opslab.report.metrics import catalogue as of
from opslab.report.metrics.exposition import label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opslab.report.metrics.family import Family
    from opslab.report.metrics.records import Drill, Metadata, Metrics, Probe, Readiness, RunRecord

RUNNING = "running"
ORPHANED = "orphaned"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Sample(NamedTuple):
    """One number.

    Attributes:
        family: what it is.
        value: finite.
        labels: values of the family's extra labels, in order; optional ones may be missing at the end.
    """

    family: Family
    value: float
    labels: tuple[str, ...] = ()


_WORSE = ("ok", "warning", "unknown", "mismatch")
"""Statuses of a reconciliation, the worst last."""


def status_of(metadata: Metadata, *, is_alive: bool) -> str:
    """Return where a run is in its life: what it says, except that one that runs needs a living process."""
    return ORPHANED if metadata.status == RUNNING and not is_alive else label(metadata.status)


def core_labels(record: RunRecord) -> tuple[str, ...]:
    """Return the values of the labels that every run's samples begin with, in the catalogue's order."""
    found = record.metadata
    if found is None:
        return (record.name, *[label(None)] * 4)
    return (record.name, label(found.mode), label(found.engine), label(found.venue), label(found.instrument))


def run_samples(record: RunRecord, status: str, *, include_journal: bool = True) -> Iterator[Sample]:
    """Yield the samples of one run, in no particular order.

    Args:
        record: the run; one without metadata has no samples.
        status: where it is in its life, see ``status_of``.
        include_journal: whether the journal's counts belong to it.
    """
    metadata, metrics = record.metadata, record.metrics
    if metadata is None:
        return
    yield _info(metadata, metrics)
    yield Sample(of.RUN_STATUS, of.RUN_STATUS.encode(status), (status,))
    yield Sample(of.REHEARSED, int(metadata.session_id is not None))
    yield from _times(metadata)
    if metadata.safety is not None:
        state = label(
            _living_switch(record, status) or (found.state if (found := metadata.safety.kill_switch) else None)
        )
        yield Sample(of.KILL_SWITCH, of.KILL_SWITCH.encode(state), (state,))
    if metrics is not None:
        yield from _counted(metrics)
        yield from _scenario(metrics)
        yield from _containment(metrics)
    if readiness := record.readiness or metadata.connectivity_readiness:
        yield from _readiness(readiness)
    if probe := record.probe or metadata.connectivity_probe:
        yield from _probe(probe)
    yield from _reconciliation(record)
    yield from _views(record)
    yield from _triggers(record)
    yield from _drills(record.drills)
    if include_journal:
        yield from _journal(record)


def _info(metadata: Metadata, metrics: Metrics | None) -> Sample:
    dataset = (metrics.dataset if metrics else None) or (metadata.data.dataset if metadata.data else None)
    placeholder = metadata.is_placeholder
    if placeholder is None and metrics is not None:
        placeholder = metrics.is_placeholder
    executed = metrics.engine_executed if metrics else None
    return Sample(of.RUN_INFO, 1, (label(metadata.status), label(dataset), _truth(placeholder), _truth(executed)))


def _times(metadata: Metadata) -> Iterator[Sample]:
    begun, ended = metadata.started_at_utc, metadata.completed_at_utc
    for family, moment in ((of.CREATED, metadata.created_at_utc), (of.STARTED, begun), (of.COMPLETED, ended)):
        if moment is not None:
            yield Sample(family, unix_seconds(moment))
    if begun is not None and ended is not None:
        yield Sample(of.DURATION, max(0, (ended - begun) // _MICROSECOND) / 1_000_000)


def _counted(metrics: Metrics) -> Iterator[Sample]:
    for family, value in (
        (of.CANDLES, metrics.input_candles_count),
        (of.BARS, metrics.bars_processed),
        (of.HEARTBEATS, metrics.heartbeat_count),
        (of.PAPER_DURATION, metrics.synthetic_duration_seconds),
    ):
        if value is not None:
            yield Sample(family, value)
    if metrics.engine_duration_ms is not None:
        yield Sample(of.ENGINE_DURATION, metrics.engine_duration_ms / 1000)


def _scenario(metrics: Metrics) -> Iterator[Sample]:
    if metrics.scenario_name is None:
        return
    labels: tuple[str, ...] = (label(metrics.scenario_name),)
    if metrics.scenario_version is not None:
        labels += (label(metrics.scenario_version),)
    for family, value in (
        (of.REGISTERED, metrics.strategy_registered),
        (of.TRIGGERED, metrics.deterministic_action_triggered),
        (of.BARS_SEEN, metrics.bars_seen),
        (of.ORDERS, metrics.orders_submitted),
        (of.FILLS, metrics.fills_count),
    ):
        if value is not None:
            yield Sample(family, int(value), labels)


def _readiness(found: Readiness) -> Iterator[Sample]:
    state = label(found.state)
    yield Sample(of.READINESS_STATE, of.READINESS_STATE.encode(state), (state,))
    for family, value in (
        (of.READINESS_ENABLED, found.enabled),
        (of.READINESS_MISSING, found.missing_required_count),
        (of.READINESS_PROBED, found.probe_performed),
    ):
        if value is not None:
            yield Sample(family, int(value), (state,))


def _probe(found: Probe) -> Iterator[Sample]:
    state = label(found.state)
    labels: tuple[str, ...] = (state, label(found.network_scope))
    if found.error_class is not None:
        labels += (label(found.error_class),)
    yield Sample(of.PROBE_STATE, of.PROBE_STATE.encode(state), labels)
    if found.probe_performed is not None:
        yield Sample(of.PROBE_PERFORMED, int(found.probe_performed), labels)
    if found.latency_ms is not None:
        yield Sample(of.PROBE_LATENCY, float(Decimal(repr(found.latency_ms)).scaleb(-3)), labels)
    if found.http_status is not None:
        yield Sample(of.PROBE_HTTP_STATUS, found.http_status, labels)


def _badness(status: str | None) -> int:
    """Return how bad a status is; a word that nobody knows is unknown."""
    return _WORSE.index(status) if status in _WORSE else _WORSE.index("unknown")


def _reconciliation(record: RunRecord) -> Iterator[Sample]:
    found = record.reconciliation
    if found is None:
        return
    latest = [(found.source or "files", found.status)]
    if found.other is not None:
        latest.append((found.other.source or "files", found.other.status))
    worst = max((status for _, status in latest), key=_badness)
    yield Sample(of.RECONCILIATION_STATUS, 1, (label(worst),))
    for source, status in latest:
        yield Sample(of.RECONCILIATION_SOURCE, 1, (label(source), label(status)))
    for severity in of.SEVERITIES:
        yield Sample(of.RECONCILIATION_CHECKS, getattr(found.summary, severity), (severity,))
    if found.ts_utc is not None:
        yield Sample(of.RECONCILIATION_TIME, unix_seconds(found.ts_utc))


def _views(record: RunRecord) -> Iterator[Sample]:
    """Yield what differed last: since when is 0 when the views agree again; a run that is over goes on differing."""
    told = [journal.views for journal in record.journals if journal.views is not None]
    if not told:
        return
    last = told[-1]
    counts = Counter((item.view, item.kind) for item in last.differences)
    for view, kind in sorted(counts):
        yield Sample(of.VIEWS_DIFFERENCES, counts[view, kind], (label(view), label(kind)))
    since = unix_seconds(last.ts_utc - timedelta(milliseconds=last.since_ms)) if last.differences else 0
    yield Sample(of.VIEWS_DIFFER_SINCE, since)


def _containment(metrics: Metrics) -> Iterator[Sample]:
    for stage in ("detect", "contain", "flat"):
        if (taken := getattr(metrics, f"containment_{stage}_ms")) is not None:
            yield Sample(of.CONTAINMENT, taken / 1000, (stage,))


def _triggers(record: RunRecord) -> Iterator[Sample]:
    for name in dict.fromkeys(name for journal in record.journals for name in journal.triggers):
        yield Sample(of.TRIGGER_FIRED, 1, (name,))


def _drills(drills: tuple[Drill, ...]) -> Iterator[Sample]:
    """Of several reports of one drill (variants of its test), the worst counts: failed, then unknown, then passed."""
    by_name: dict[str, list[Drill]] = {}
    for drill in drills:
        by_name.setdefault(label(drill.drill_name), []).append(drill)
    for name, reports in by_name.items():
        worst = min(reports, key=lambda report: (0, -1, 1).index(_passed(report)))
        yield Sample(of.DRILL_EXECUTED, len(reports), (name,))
        yield Sample(of.DRILL_PASS, _passed(worst), (name,))
        yield Sample(of.DRILL_OUTCOME, of.DRILL_OUTCOME.encode(label(worst.outcome)), (name,))


def _passed(drill: Drill) -> int:
    return of.DRILL_PASS.encode(_truth(drill.passed if isinstance(drill.passed, bool) else None))


def _living_switch(record: RunRecord, status: str) -> str | None:
    """Return what became of the switch of a run that lives: its metadata still tell how it began."""
    if status != RUNNING:
        return None
    return next((journal.switch for journal in reversed(record.journals) if journal.switch), None)


def _journal(record: RunRecord) -> Iterator[Sample]:
    if not record.journals:
        return
    for journal in record.journals:
        for feed, moment in sorted(journal.heard.items()):
            yield Sample(of.MARKET_DATA, unix_seconds(moment), (label(feed),))
    events: dict[str, int] = {}
    for journal in record.journals:
        for event, count in journal.events.items():
            events[event] = events.get(event, 0) + count
    yield Sample(of.JOURNAL_EVENTS, sum(journal.lines for journal in record.journals))
    for event in sorted(events):
        yield Sample(of.JOURNAL_EVENT, events[event], (event,))


def _truth(value: bool | None) -> str:  # noqa: FBT001 - a value, not a switch
    return label(None) if value is None else str(value).lower()


def unix_seconds(moment: datetime) -> float:
    """Return seconds since 1970, with every digit of the microseconds that a double holds."""
    return ((moment - _EPOCH) // _MICROSECOND) / 1_000_000
