"""What a scrape reads of a bundle's files: only the fields that it shows, each with its type.

The contract's full models forbid what they do not know and cost a hundred times more; a scrape must show bundles of
earlier and later labs, and read thousands of them. JSON is read strictly: no NaN, no infinities, no numbers as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    from opslab.report.metrics.journal import JournalCount

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Text = str | None


class Record(msgspec.Struct, frozen=True, gc=False):
    """Fields that every artifact may have; ``run_id`` says whose it is."""

    schema_version: Literal["v1"] = "v1"
    run_id: Text = None


class KillSwitch(msgspec.Struct, frozen=True, gc=False):
    """``safety.kill_switch`` of the metadata."""

    state: Text = None


class Safety(msgspec.Struct, frozen=True, gc=False):
    """``safety`` of the metadata."""

    kill_switch: KillSwitch | None = None


class Dataset(msgspec.Struct, frozen=True, gc=False):
    """A block that names a dataset."""

    dataset: Text = None


class Head(msgspec.Struct, frozen=True, gc=False):
    """How many lines a journal had when this was written."""

    lines: Count


class Manifest(Record, frozen=True, gc=False, kw_only=True):
    """``manifest.json``: the run has ended, and its journal grows no more."""

    run_id: str
    journal: Head


class Metadata(Record, frozen=True, gc=False, kw_only=True):
    """``metadata.json``, or what the journal's first event says in its place."""

    run_id: str
    mode: Text = None
    engine: Text = None
    status: str
    venue: Text = None
    instrument: Text = None
    data: Dataset | None = None
    created_at_utc: Moment | None = None
    started_at_utc: Moment | None = None
    completed_at_utc: Moment | None = None
    session_id: Text = None
    is_placeholder: bool | None = None
    safety: Safety | None = None
    connectivity_readiness: Readiness | None = None
    connectivity_probe: Probe | None = None
    post: Head | None = None


class Metrics(Record, frozen=True, gc=False):
    """``metrics.json``."""

    is_placeholder: bool | None = None
    engine_executed: bool | None = None
    dataset: Text = None
    scenario_name: Text = None
    scenario_version: Text = None
    strategy_registered: bool | None = None
    deterministic_action_triggered: bool | None = None
    input_candles_count: Count | None = None
    bars_processed: Count | None = None
    bars_seen: Count | None = None
    orders_submitted: Count | None = None
    fills_count: Count | None = None
    engine_duration_ms: Count | None = None
    heartbeat_count: Count | None = None
    synthetic_duration_seconds: Annotated[float, msgspec.Meta(ge=0)] | None = None
    containment_flat: bool | None = None
    containment_detect_ms: Annotated[float, msgspec.Meta(ge=0)] | None = None
    containment_contain_ms: Annotated[float, msgspec.Meta(ge=0)] | None = None
    containment_flat_ms: Annotated[float, msgspec.Meta(ge=0)] | None = None


class Readiness(Record, frozen=True, gc=False):
    """``connectivity_readiness.json``, or its block in the metadata."""

    state: Text = None
    enabled: bool | None = None
    probe_performed: bool | None = None
    missing_required_count: Count | None = None


class Probe(Record, frozen=True, gc=False):
    """``connectivity_probe.json``, or its block in the metadata."""

    state: Text = None
    network_scope: Text = None
    error_class: Text = None
    probe_performed: bool | None = None
    latency_ms: Annotated[float, msgspec.Meta(ge=0)] | None = None
    http_status: Count | None = None


class Summary(msgspec.Struct, frozen=True, gc=False):
    """How many checks of a reconciliation came out how."""

    ok: Count = 0
    warning: Count = 0
    mismatch: Count = 0
    unknown: Count = 0


class OtherResult(Record, frozen=True, gc=False):
    """``other`` of ``reconciliation_result.json``."""

    source: Text = None
    status: Text = None


class Reconciliation(Record, frozen=True, gc=False):
    """``reconciliation_result.json``."""

    status: Text = None
    summary: Summary = Summary()
    ts_utc: Moment | None = None
    source: Text = None
    other: OtherResult | None = None


class Drill(Record, frozen=True, gc=False, kw_only=True, rename={"passed": "pass"}):
    """``drills/<name>.json``."""

    drill_name: str
    passed: Any = None
    outcome: Text = None


class StartedSpec(msgspec.Struct, frozen=True, gc=False):
    """``inputs.spec`` of ``run_started``."""

    venue: Text = None
    instrument: Text = None


class StartedInputs(msgspec.Struct, frozen=True, gc=False):
    """``inputs`` of ``run_started``."""

    spec: StartedSpec = StartedSpec()
    datasets: tuple[Dataset, ...] = ()


class FirstEvent(msgspec.Struct, frozen=True, gc=False):
    """The journal's first line, which says what the run is before there are metadata."""

    event: str
    run_id: str
    status: str
    mode: Text = None
    engine: Text = None
    ts_utc: Moment | None = None
    session_id: Text = None
    inputs: StartedInputs | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything that the metrics of one run are made from.

    Attributes:
        name: the bundle's directory, which is the run's id.
        metadata: what the run is; None when neither the metadata nor the journal say it.
        metrics: what the run counted.
        readiness: the latest readiness check.
        probe: the latest probe.
        reconciliation: the latest reconciliation.
        drills: reports of drills.
        journals: counts of the journal and of what came later.
        problems: what cannot be read: file below the bundle, and why.
    """

    name: str
    metadata: Metadata | None
    metrics: Metrics | None
    readiness: Readiness | None
    probe: Probe | None
    reconciliation: Reconciliation | None
    drills: tuple[Drill, ...]
    journals: tuple[JournalCount, ...]
    problems: tuple[tuple[str, str], ...]


def decoded[Kind: Record](kind: type[Kind], content: bytes, run_id: str | None) -> Kind:
    """Return ``content`` as ``kind``.

    Raises:
        ValueError: not UTF-8, not JSON, a field has another type, or the file belongs to another run.
    """
    content.decode()  # fields that are not shown are skipped unread, and would hide another encoding
    try:
        found = msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if run_id is not None and found.run_id not in (None, run_id):
        raise ValueError(f"belongs to run {found.run_id!r:.80}")
    return found
