"""``drills/<slug>.json`` and ``session.json``: what was judged, and how it came out."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import ConfigDict, Field

from opslab.contract.base import Artifact, Sha256, UtcStamp
from opslab.contract.events import CheckSeverity


class Phase(StrEnum):
    """The phases of a drill, in order."""

    STEADY = "steady"
    INJECT = "inject"
    OBSERVE = "observe"
    HEAL = "heal"
    VERIFY = "verify"


class Severity(StrEnum):
    """How bad it is when the drill fails, in Allure's words: blocker could lose money or trade unsafely."""

    BLOCKER = "blocker"
    CRITICAL = "critical"
    NORMAL = "normal"
    MINOR = "minor"
    TRIVIAL = "trivial"


class Verdict(StrEnum):
    """How a drill ended, best first; the worst of several wins."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    KNOWN_DEFECT = "known_defect"
    UNKNOWN = "unknown"
    FAIL = "fail"
    ERROR = "error"

    @property
    def passed(self) -> bool | None:
        """The contract's ``pass`` field: true, false, or null where nobody can tell."""
        return {"pass": True, "known_defect": True, "fail": False}.get(self.value)

    @property
    def metric(self) -> int:
        """The contract's encoding: true 1, false 0, null -1."""
        return -1 if self.passed is None else int(self.passed)


SKIPPED = "skipped"
"""The outcome of a drill that was skipped: neither pass nor fail, so its verdict is unknown."""


class Result(StrEnum):
    """What one check said."""

    PASS = "pass"  # noqa: S105 - a result, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


class Finding(Artifact):
    """One check's answer.

    Attributes:
        check: the check's registered name.
        phase: when it was asked.
        result: pass, fail or unknown.
        code: stable code of what was found, such as ``OPS-FILL-SAME-BAR``; empty on a pass.
        details: one line for people.
        expected: what should have been, if it can be shown.
        observed: what was, if it can be shown.
        name: in reports, what the earlier lab calls the check; the check's own name where it had no such check.
        severity: in reports, the result in the earlier lab's words: what a compared part of a reconciliation came out
            as, whatever the drill wants it to be; else ``ok`` for a pass, ``mismatch`` for a fail, ``unknown``.
        matched: in reports, whether the severity is ``ok`` or ``warning``.
    """

    check: str
    phase: Phase
    result: Result
    code: str = ""
    details: str = ""
    expected: Any = None
    observed: Any = None
    name: str | None = None
    severity: CheckSeverity | None = None
    matched: bool | None = None


class PhaseTiming(Artifact):
    """When a phase began, and how long it took."""

    phase: Phase
    started_at_utc: UtcStamp
    seconds: float


class FaultRecord(Artifact):
    """A fault that was injected, and whether it ever took effect."""

    fault: str
    fired: bool
    injected_at_utc: UtcStamp
    healed_at_utc: UtcStamp | None


class BudgetRecord(Artifact):
    """The longest a drill allows, and what it took (null: never reached)."""

    budget: Literal["detect_within", "contain_within", "recover_within"]
    limit_seconds: float
    seconds: float | None


class KnownDefect(Artifact):
    """A declared defect of the engine: the finding's code, the versions that have it, and where it is described."""

    code: str
    versions: str
    reference: str


class DrillReport(Artifact):
    """``drills/<slug>.json``: the contract's fields, then phases, times, faults, seed and mutants.

    Attributes:
        outcome: the verdict, what became of a mutant, or a pass by the word that the drill has for it.
        passed: whether the drill passed, null where nobody can tell; ``pass`` in JSON.
        inputs: names of the recorded facts and of the runs; of a drill that compares files also the last two that were
            compared, ``expected_fixture`` and ``observed_fixture``; of one that recovers a run, its ``run_dir``.
        summary: how many checks said ``pass``, ``fail`` and ``unknown``; of a drill that compares files also how many
            parts of the last comparison came out ``ok``, ``warning``, ``mismatch`` and (added) ``unknown``; of one that
            recovers a run, whether each required artifact could be read.
        limitations: what the evidence cannot show.
        reconciliation_status: what the last comparison of files came out as, where the drill made one.
        reconciliation_result_path: where that result is rendered, below the lab's root.
        statement: of a drill that recovers a run, what was recovered and what was not.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    schema_version: Literal["v1"] = "v1"
    run_id: str
    drill_name: str
    ts_utc: UtcStamp
    status: Literal["completed"] = "completed"
    outcome: str
    passed: bool | None = Field(alias="pass")
    inputs: dict[str, Any]
    checks: tuple[Finding, ...]
    summary: dict[str, int | bool]
    limitations: tuple[str, ...]
    verdict: Verdict
    message: str
    area: str
    severity: Severity
    rehearses: tuple[str, ...]
    runbook: str | None
    seed: int
    session_id: str
    nodeid: str
    runs: tuple[str, ...]
    phases: tuple[PhaseTiming, ...]
    faults: tuple[FaultRecord, ...]
    budgets: tuple[BudgetRecord, ...]
    known_defects: tuple[KnownDefect, ...]
    mutants: tuple[str, ...]
    mutant: str | None
    facts_sha256: Sha256 | None
    reconciliation_status: CheckSeverity | None = None
    reconciliation_result_path: str | None = None
    statement: str | None = None


class SessionReport(Artifact):
    """``session.json``: one pytest session of drills.

    A process that dies leaves it ``running``; one that was stopped before its end leaves it ``interrupted``.

    Attributes:
        last_passed: when each drill last passed, by slug, in this session or an earlier one, which may be pruned. A
            drill that was not run here keeps its time, one that never passed has none. A drill passes in a session that
            came to its end, without mutants, when every variant of it there passed, known defects included. Null: an
            earlier version of the lab wrote this.
    """

    schema_version: Literal["v1"] = "v1"
    session_id: str
    started_at_utc: UtcStamp
    completed_at_utc: UtcStamp | None
    status: Literal["running", "completed", "interrupted"]
    seed: int
    lab_version: str
    engine_version: str
    mutants: bool
    verdicts: dict[str, int]
    drills: tuple[dict[str, Any], ...]
    runs: tuple[str, ...]
    last_passed: dict[str, UtcStamp] | None = None
