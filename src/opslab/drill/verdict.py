"""The verdict: a pure function of what was found. The worst of everything wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.contract.drill import Finding, Result, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opslab.contract.drill import FaultRecord, KnownDefect

NO_MUTANT = "none-declared"
"""Stands for the mutant of a drill that declares none."""


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

    A declared defect counts as absent only where nothing is in doubt: a fault that never fired proves nothing.

    Args:
        findings: every check's answer, budgets included.
        faults: the faults that were injected.
        known_defects: the declared defects that the installed engine version has; others must not be passed.
        error: what went wrong in the lab itself, if anything.
        assertion: what failed in the drill's body without a check, if anything did, beginning with its code.
    """
    if error is not None:
        return Judged(Verdict.ERROR, error)
    if unhealed := [fault.fault for fault in faults if fault.healed_at_utc is None]:
        return Judged(Verdict.ERROR, f"fault {unhealed[0]} was not healed")
    failures = [finding for finding in findings if finding.result is Result.FAIL]
    declared, found = {defect.code for defect in known_defects}, {finding.code for finding in failures}
    if unexpected := [finding for finding in failures if finding.code not in declared]:
        return Judged(Verdict.FAIL, told(unexpected))
    if assertion is not None:
        return Judged(Verdict.FAIL, assertion)
    if doubts := _doubts(findings, faults):
        return Judged(Verdict.UNKNOWN, doubts[0])
    if absent := sorted(declared - found):
        return Judged(
            Verdict.FAIL, f"OPS-DEFECT-ABSENT: the declared defect {absent[0]} did not appear; remove its mark"
        )
    if found:
        references = ", ".join(defect.reference for defect in known_defects)
        return Judged(Verdict.KNOWN_DEFECT, f"{told(failures)} (known: {references})")
    return Judged(Verdict.PASS, f"{len(findings)} check{'' if len(findings) == 1 else 's'} held")


def judge_mutant(
    mutant: str,
    findings: Sequence[Finding],
    known_defects: Sequence[KnownDefect],
    *,
    error: str | None = None,
    assertion: str | None = None,
) -> tuple[Judged, str]:
    """Return the verdict of a drill under a mutant, and the outcome: ``caught``, ``toothless`` or ``error``.

    Only a check of the drill that says ``fail`` catches a mutant: no crash, no doubt, no plain assertion, and no defect
    that the engine has anyway.

    Args:
        mutant: its name; ``NO_MUTANT`` where the drill declares none.
        findings: every check's answer, budgets included.
        known_defects: the declared defects that the installed engine version has.
        error: what crashed, if anything did.
        assertion: what failed without a check, if anything did.
    """
    known = {defect.code for defect in known_defects}
    catches = [finding for finding in findings if finding.result is Result.FAIL and finding.code not in known]
    if mutant == NO_MUTANT:
        return Judged(Verdict.FAIL, "OPS-TOOTHLESS: the drill declares no mutant"), "toothless"
    if error is not None:
        return Judged(Verdict.ERROR, f"mutant {mutant} crashed the drill: {error}"), "error"
    if catches:
        return Judged(Verdict.PASS, f"caught by {told(catches)}"), "caught"
    doubts = [finding for finding in findings if finding.result is Result.UNKNOWN]
    why = f"only this, no check: {assertion}" if assertion else f"only a doubt: {told(doubts)}" if doubts else None
    message = f"OPS-TOOTHLESS: mutant {mutant} survived: {why or 'no check said fail'}"
    return Judged(Verdict.FAIL, message), "toothless"


def recorded(outcome: str, pass_word: str | None) -> str:
    """Return the outcome that a report bears: a pass has the drill's own word for it, if it declares one."""
    return pass_word if pass_word is not None and outcome == Verdict.PASS else outcome


def told(findings: Sequence[Finding]) -> str:
    """Return findings in one line, the first in full."""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{findings[0].code}: {findings[0].check}: {findings[0].details}{more}"


def told_in_full(findings: Sequence[Finding]) -> str:
    """Return findings on a line each, with what was expected and what was observed."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.code}: {finding.check}: {finding.details}")
        if finding.expected is not None or finding.observed is not None:
            lines.append(f"  expected: {finding.expected!r:.300}")
            lines.append(f"  observed: {finding.observed!r:.300}")
    return "\n".join(lines)


def _doubts(findings: Sequence[Finding], faults: Sequence[FaultRecord]) -> list[str]:
    doubts = [told([finding]) for finding in findings if finding.result is Result.UNKNOWN]
    doubts += [f"OPS-FAULT-NEVER-FIRED: {fault.fault} never took effect" for fault in faults if not fault.fired]
    if not findings:
        doubts.append("OPS-NO-CHECK: the drill asked no check")
    return doubts
