"""Fields of a drill's report that follow from its findings and facts, under the names that readers of v1 look for.

The reports of three drills of the earlier lab had fields of their own: of a comparison of files, and of the recovery of
a run. Here every drill has them that asks the checks ``reconciliation.*`` or ``recovery.*``, filled from what it found.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from opslab.contract.drill import Result
from opslab.contract.events import CheckSeverity
from opslab.contract.reconciliation import ReconciliationResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from opslab.contract.drill import Finding

RECONCILIATIONS = "reconciliations"
"""The fact of a drill that compares files: one mapping a comparison, in order; ``result`` is what was kept of it."""

ARTIFACTS, SCOPE = "recovery.required_artifacts", "recovery.simulation_scope"
_SEVERITIES = {
    Result.PASS: CheckSeverity.OK,
    Result.FAIL: CheckSeverity.MISMATCH,
    Result.UNKNOWN: CheckSeverity.UNKNOWN,
}
_PARTS = {f"reconciliation.{name}": name for name in ("position", "open_orders", "freshness")}
_NAMES = {**_PARTS, **{check: check.partition(".")[2] for check in (ARTIFACTS, SCOPE)}}


def report_fields(findings: Sequence[Finding], facts: Mapping[str, Any], bundles: Sequence[Path]) -> dict[str, Any]:
    """Return the report's ``inputs``, ``checks`` and ``summary``, and the fields that only some drills have.

    Args:
        findings: every check's answer, in order.
        facts: what the drill recorded.
        bundles: the directories of its runs.
    """
    results = [finding.result for finding in findings]
    inputs: dict[str, Any] = {"facts": sorted(facts), "runs": [path.name for path in bundles]}
    summary: dict[str, int | bool] = {result.value: results.count(result) for result in Result}
    fields: dict[str, Any] = {"inputs": inputs, "summary": summary}
    compared, path = _last_comparison(facts)
    if compared is not None:
        inputs["expected_fixture"] = PurePath(compared.inputs.expected_path).name
        inputs["observed_fixture"] = PurePath(compared.inputs.observed_path).name
        for severity, count in compared.summary.model_dump().items():
            summary[severity] = summary.get(severity, 0) + count
        fields["reconciliation_status"] = compared.status
        fields["reconciliation_result_path"] = path
    asked = {finding.check: finding for finding in findings}
    if ARTIFACTS in asked and len(bundles) == 1:
        inputs["run_dir"] = str(bundles[0])
        summary |= _flags(asked[ARTIFACTS].observed)
    if SCOPE in asked:
        fields["statement"] = asked[SCOPE].details
    fields["checks"] = tuple(_in_words_of_v1(finding, compared) for finding in findings)
    return fields


def _last_comparison(facts: Mapping[str, Any]) -> tuple[ReconciliationResult | None, str | None]:
    """Return the last recorded comparison, and where its result is rendered, below the lab's root."""
    try:
        entry = facts[RECONCILIATIONS][-1]
        path = entry.get("result_path")
        return ReconciliationResult.model_validate(entry["result"]), path if isinstance(path, str) else None
    except (LookupError, TypeError, AttributeError, ValidationError):  # none, or somebody's own fact of the same name
        return None, None


def _flags(observed: object) -> dict[str, bool]:
    """Return the flags that a check observed; one that crashed observed none."""
    found = observed if isinstance(observed, dict) else {}
    return {name: value for name, value in found.items() if isinstance(value, bool)}


def _in_words_of_v1(finding: Finding, compared: ReconciliationResult | None) -> Finding:
    name = _NAMES.get(finding.check, finding.check)
    severity = _SEVERITIES[finding.result]
    if compared is not None and finding.check in _PARTS:
        severity = next((part.severity for part in compared.checks if part.name == name), CheckSeverity.UNKNOWN)
    is_matched = severity in (CheckSeverity.OK, CheckSeverity.WARNING)
    return finding.model_copy(update={"name": name, "severity": severity, "matched": is_matched})
