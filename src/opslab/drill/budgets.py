"""Budgets: the longest a drill allows to detect, contain and recover, judged as a finding like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.drill import Finding, Phase, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opslab.contract.drill import BudgetRecord

_BUDGET_CODES = {
    "detect_within": "OPS-BUDGET-DETECT",
    "contain_within": "OPS-BUDGET-CONTAIN",
    "recover_within": "OPS-BUDGET-RECOVER",
}


def budget_finding(record: BudgetRecord, phase: Phase, findings: Sequence[Finding]) -> Finding:
    """Return whether a budget was kept; where no check failed but one could not tell, nobody knows.

    Args:
        record: the budget and what was measured.
        phase: when the checks were asked.
        findings: the answers that the budget waited for.
    """
    is_kept = record.seconds is not None and record.seconds <= record.limit_seconds
    is_failed = record.seconds is not None or any(finding.result is Result.FAIL for finding in findings)
    took = "was not reached" if record.seconds is None else f"took {record.seconds:.3f} s"
    return Finding(
        check=f"budget.{record.budget}",
        phase=phase,
        result=Result.PASS if is_kept else Result.FAIL if is_failed else Result.UNKNOWN,
        code="" if is_kept else _BUDGET_CODES[record.budget],
        details=f"{took}, allowed are {record.limit_seconds:g} s",
        expected=record.limit_seconds,
        observed=record.seconds,
    )
