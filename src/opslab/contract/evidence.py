"""The comparison of a backtest with a paper run: ``backtest_vs_paper_evidence.json``.

Version 1 of the earlier lab's contract (4.10), whose paper runs executed nothing; what real runs allow is added: event
streams, their differences with a cause each, timings.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from opslab.contract.base import Artifact, Sha256, UtcStamp


class ComparisonStatus(StrEnum):
    """What a comparison comes to."""

    MATCHED = "matched_operational_context"
    DIFFERENT = "differences_expected"
    MISSING_ARTIFACTS = "missing_artifacts"
    INCOMPATIBLE = "incompatible_runs"
    UNKNOWN = "unknown"


class Comparable(StrEnum):
    """How far a field of a backtest and one of a paper run can be compared."""

    DIRECT = "direct"
    CONTEXTUAL = "contextual"
    MODE_SPECIFIC = "mode_specific"
    GAP = "gap"
    FUTURE_CANDIDATE = "future_candidate"


class Cause(StrEnum):
    """Where a difference comes from.

    The first group follows from how the two modes execute one intent. ``pace`` and ``venue_filter`` do, too, but the
    strategy then did something else: they keep the comparison from matching. So do ``inputs``, which means that the
    runs were not given the same, and ``unknown``: nobody can tell.
    """

    MODE = "mode"
    PROFILE = "profile"
    FILL_MODEL = "fill_model"
    BOUND = "bound"
    BOOK = "book"
    PACE = "pace"
    VENUE_FILTER = "venue_filter"
    INPUTS = "inputs"
    UNKNOWN = "unknown"


ALIKE = frozenset({Cause.MODE, Cause.PROFILE, Cause.FILL_MODEL, Cause.BOUND, Cause.BOOK})
"""The causes beside which runs still match."""

OF_THE_MODES = ALIKE | {Cause.PACE, Cause.VENUE_FILTER}
"""The causes that explain a difference."""


class Sides(Artifact):
    """What each run says of itself, by name.

    Attributes:
        backtest: of the backtest.
        paper: of the paper run.
    """

    backtest: dict[str, Any]
    paper: dict[str, Any]


class ComparedField(Artifact):
    """One area.

    Attributes:
        area: what is compared.
        backtest: its value there.
        paper: its value there.
        comparable: how far the two can be compared.
        match: whether they are equal; null where that says nothing.
        note: one line for people.
    """

    area: str
    backtest: Any
    paper: Any
    comparable: Comparable
    match: bool | None
    note: str


class ArtifactPresence(Artifact):
    """Which files each bundle has.

    Attributes:
        backtest: by name, of the backtest.
        paper: by name, of the paper run.
    """

    backtest: dict[str, bool]
    paper: dict[str, bool]


class JournalOfSide(Artifact):
    """The events of one journal.

    Attributes:
        event_total: how many there are.
        events: their names, sorted, each once.
    """

    event_total: int
    events: tuple[str, ...]


class JournalSummary(Artifact):
    """Both journals.

    Attributes:
        backtest: the backtest's.
        paper: the paper run's.
        shared_events: the names that stand in both, sorted.
    """

    backtest: JournalOfSide
    paper: JournalOfSide
    shared_events: tuple[str, ...]


class SafetySummary(Artifact):
    """What the kill switch said.

    Attributes:
        paper_kill_switch_state: when the paper run asked.
        paper_lifecycle_outcome: what the gate decided.
        backtest_safety_evaluated: whether the backtest recorded the switch.
    """

    paper_kill_switch_state: str | None
    paper_lifecycle_outcome: str | None
    backtest_safety_evaluated: bool


class ConnectivitySummary(Artifact):
    """The latest states of both runs; null where nobody asked.

    Attributes:
        backtest_readiness: whether the backtest's credentials were there.
        paper_readiness: whether the paper run's were.
        backtest_probe: how the backtest's latest probe ended.
        paper_probe: how the paper run's did.
        backtest_reconciliation: what the backtest's latest reconciliation came to.
        paper_reconciliation: what the paper run's did.
    """

    backtest_readiness: str | None
    paper_readiness: str | None
    backtest_probe: str | None
    paper_probe: str | None
    backtest_reconciliation: str | None
    paper_reconciliation: str | None


class StreamOfSide(Artifact):
    """One event stream.

    Attributes:
        events: lines of it.
        sha256: its digest.
        orders: orders that the strategy made.
        fills: fills of them.
        positions: what the fills add up to, signed base units as text by symbol; flat ones are left out.
    """

    events: int
    sha256: Sha256
    orders: int
    fills: int
    positions: dict[str, str]


class StreamDifference(Artifact):
    """Something that the paper run did otherwise than the backtest.

    Attributes:
        kind: what differs: ``order_missing``, ``order_extra``, ``intent``, ``refused``, ``fill_quantity``,
            ``fill_price``, ``fill_parts``, ``ending`` or ``position``.
        order: the how-manieth order of the strategy, from 1; 0 where it is about the whole run.
        backtest: what the backtest did.
        paper: what the paper run did.
        cause: where it comes from.
        note: one line for people.
    """

    kind: str
    order: int
    backtest: Any
    paper: Any
    cause: Cause
    note: str


class Named(Artifact):
    """A gap, or a goal that is none.

    Attributes:
        id: the contract's name of it.
        description: one line for people.
    """

    id: str
    description: str


class Evidence(Artifact):
    """``backtest_vs_paper_evidence.json``.

    Attributes:
        created_at_utc: when it was made.
        backtest_run_id: the backtest, by its metadata.
        paper_run_id: the paper run, by its metadata.
        comparison_status: what it comes to.
        compared_fields: the contract's areas; empty when artifacts are missing.
        mode_summary: what each run says of itself.
        artifact_presence: which files each bundle has.
        journal_summary: both journals, and the names of events that stand in both.
        safety_summary: what the kill switch said.
        connectivity_summary: the latest states of both runs.
        known_gaps: what this comparison cannot tell.
        notes: lines for people.
        non_goals: what it never claims.
        event_streams: what the streams hold; a run that left none is not in it. Null when artifacts are missing.
        timings: durations of both sides, ms; they are told, not judged.
        differences: the first ones of the event streams, in the order of the orders.
        differences_total: how many there are.
        unexplained_total: how many of them do not follow from how the modes execute.
        not_compared: why orders, fills and ends were not compared; null when they were. An addition.
    """

    schema_version: Literal["v1"] = "v1"
    created_at_utc: UtcStamp
    backtest_run_id: str
    paper_run_id: str
    comparison_status: ComparisonStatus
    compared_fields: tuple[ComparedField, ...]
    mode_summary: Sides
    artifact_presence: ArtifactPresence
    journal_summary: JournalSummary
    safety_summary: SafetySummary
    connectivity_summary: ConnectivitySummary
    known_gaps: tuple[Named, ...]
    notes: tuple[str, ...]
    non_goals: tuple[Named, ...]
    event_streams: dict[str, StreamOfSide] | None = None
    timings: Sides | None = None
    differences: tuple[StreamDifference, ...] = ()
    differences_total: int = 0
    unexplained_total: int = Field(default=0, ge=0)
    not_compared: str | None = None
