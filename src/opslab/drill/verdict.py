"""The verdict: a pure function of what was found. The worst of everything wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.contract.drill import Finding, Result, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opslab.contract.drill import FaultRecord, KnownDefect


@dataclass(frozen=True)
class Judged:
    """A verdict and the one line that explains it."""

    verdict: Verdict
    message: str


def judge(
    findings: Sequence[Finding],
    faults: Sequence[FaultRecord],
    known_defects: Sequence[KnownDefect],
    *,
    error: str | None = None,
    assertion: str | None = None,
) -> Judged:
    """Return the verdict of a drill.

    Args:
        findings: every check's answer, budgets included.
        faults: the faults that were injected.
        known_defects: the declared defects that the installed engine version has; others must not be passed.
        error: what went wrong in the lab itself, if anything.
        assertion: the message of a plain assertion that failed in the drill's body, if one did.
    """
    if error is not None:
        return Judged(Verdict.ERROR, error)
    failures = [finding for finding in findings if finding.result is Result.FAIL]
    declared, found = {defect.code for defect in known_defects}, {finding.code for finding in failures}
    if unexpected := [finding for finding in failures if finding.code not in declared]:
        return Judged(Verdict.FAIL, told(unexpected))
    if assertion is not None:
        return Judged(Verdict.FAIL, f"OPS-ASSERTION: {assertion}")
    if absent := sorted(declared - found):
        return Judged(
            Verdict.FAIL, f"OPS-DEFECT-ABSENT: the declared defect {absent[0]} did not appear; remove its mark"
        )
    if doubts := _doubts(findings, faults):
        return Judged(Verdict.UNKNOWN, doubts[0])
    if found:
        references = ", ".join(defect.reference for defect in known_defects)
        return Judged(Verdict.KNOWN_DEFECT, f"{told(failures)} (known: {references})")
    return Judged(Verdict.PASS, f"{len(findings)} checks held")


def told(findings: Sequence[Finding]) -> str:
    """Return findings in one line, the first in full."""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{findings[0].code}: {findings[0].check}: {findings[0].details}{more}"


def _doubts(findings: Sequence[Finding], faults: Sequence[FaultRecord]) -> list[str]:
    doubts = [told([finding]) for finding in findings if finding.result is Result.UNKNOWN]
    doubts += [f"OPS-FAULT-NEVER-FIRED: {fault.fault} never took effect" for fault in faults if not fault.fired]
    if not findings:
        doubts.append("OPS-NO-CHECK: the drill asked no check")
    return doubts
