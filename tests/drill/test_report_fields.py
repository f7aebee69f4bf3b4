"""Fields of a report that readers of v1 look for: from findings and facts, and never in the way of a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.drill import Finding, Phase, Result
from opslab.contract.events import CheckSeverity
from opslab.drill.report_fields import report_fields

RESULT = {
    "schema_version": "v1",
    "run_id": "r1",
    "ts_utc": "2026-01-05T00:00:00.000000Z",
    "status": "warning",
    "inputs": {"expected_path": "/place/expected.json", "observed_path": "/place/observed.json"},
    "checks": [
        {"name": "position", "severity": "ok", "matched": True, "details": "agree"},
        {"name": "open_orders", "severity": "ok", "matched": True, "details": "agree"},
        {"name": "freshness", "severity": "warning", "matched": True, "details": "old"},
    ],
    "summary": {"ok": 2, "warning": 1, "mismatch": 0, "unknown": 0},
    "pass": True,
}
COMPARED = {"reconciliations": [{"result": {"status": "ok"}}, {"result": RESULT, "result_path": "runs/r1/result.json"}]}


def finding(check: str, result: Result = Result.PASS, **fields: Any) -> Finding:
    code = "" if result is Result.PASS else "OPS-DEMO-BAD"
    return Finding(check=check, phase=Phase.VERIFY, result=result, code=code, **fields)


def test_every_check_has_a_name_and_a_severity():
    found = report_fields([finding(f"demo.{result}", result) for result in Result], {}, [])
    told = [(check.name, check.severity, check.matched) for check in found["checks"]]
    assert told == [
        ("demo.pass", CheckSeverity.OK, True),
        ("demo.fail", CheckSeverity.MISMATCH, False),
        ("demo.unknown", CheckSeverity.UNKNOWN, False),
    ]
    assert found["summary"] == {"pass": 1, "fail": 1, "unknown": 1}
    assert set(found) == {"inputs", "checks", "summary"}


def test_a_comparison_is_told_as_the_earlier_lab_told_it():
    names = ("position", "open_orders", "freshness")
    found = report_fields([finding(f"reconciliation.{name}") for name in names], COMPARED, [Path("/runs/r1")])
    assert [(check.name, check.severity, check.matched) for check in found["checks"]] == [
        ("position", "ok", True),
        ("open_orders", "ok", True),
        ("freshness", "warning", True),
    ]
    assert {check.result for check in found["checks"]} == {Result.PASS}
    assert found["summary"] == {"pass": 3, "fail": 0, "unknown": 0, "ok": 2, "warning": 1, "mismatch": 0}
    assert found["inputs"]["expected_fixture"] == "expected.json"
    assert found["inputs"]["observed_fixture"] == "observed.json"
    assert found["reconciliation_status"] == "warning"
    assert found["reconciliation_result_path"] == "runs/r1/result.json"


def test_doubts_of_checks_and_of_parts_are_counted_together():
    doubtful = {**RESULT, "summary": {"ok": 2, "warning": 0, "mismatch": 0, "unknown": 1}}
    found = report_fields([finding("demo.x", Result.UNKNOWN)], {"reconciliations": [{"result": doubtful}]}, [])
    assert found["summary"]["unknown"] == 2


def test_a_recovery_is_told_as_the_earlier_lab_told_it():
    flags = {"run_dir_exists": True, "metadata_present": False}
    asked = [
        finding("recovery.required_artifacts", Result.FAIL, observed=flags),
        finding("recovery.simulation_scope", details="a record was recovered"),
    ]
    found = report_fields(asked, {}, [Path("/runs/r1")])
    assert [check.name for check in found["checks"]] == ["required_artifacts", "simulation_scope"]
    assert found["summary"] == {"pass": 1, "fail": 1, "unknown": 0, **flags}
    assert found["inputs"]["run_dir"] == "/runs/r1"
    assert found["statement"] == "a record was recovered"


@pytest.mark.parametrize("observed", [None, "text", [1], 5], ids=repr)
def test_a_recovery_that_crashed_has_no_flags(observed):
    asked = [finding("recovery.required_artifacts", Result.UNKNOWN, observed=observed)]
    assert report_fields(asked, {}, [Path("/runs/r1")])["summary"] == {"pass": 0, "fail": 0, "unknown": 1}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(RESULT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["result", "result_path"]), inner),
    max_leaves=6,
)


@given(anything)
def test_a_fact_of_that_name_that_is_somebody_elses_changes_nothing(fact):
    found = report_fields([finding("demo.x")], {"reconciliations": fact}, [])
    if "reconciliation_status" not in found:
        assert set(found) == {"inputs", "checks", "summary"}
    else:
        assert fact[-1]["result"] == RESULT
        assert found["reconciliation_result_path"] is None or isinstance(found["reconciliation_result_path"], str)
