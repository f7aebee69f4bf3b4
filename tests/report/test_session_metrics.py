"""``metrics.prom`` of a session: readable by Prometheus, the worst verdict counts, labels cannot forge samples."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from opslab.contract.drill import SessionReport, Verdict
from opslab.report.metrics.family import PREFIX
from opslab.report.session_metrics import render, write_metrics


def row(drill: str = "a-drill", verdict: str = "pass", **changes: object) -> dict:
    fields = {"drill": drill, "area": "runs", "severity": "normal", "verdict": verdict}
    return {**fields, "ts_utc": "2026-01-01T00:00:00.123456Z", "phases": {"steady": 0.5}, "budgets": {}, **changes}


def report(*rows: dict, **changes: object) -> SessionReport:
    fields = {
        "session_id": "s",
        "started_at_utc": "2026-01-01T00:00:00Z",
        "completed_at_utc": "2026-01-01T00:00:01Z",
        "status": "completed",
        "seed": 1,
        "lab_version": "0.9.0",
        "engine_version": "1.231.0",
        "mutants": False,
        "verdicts": {"pass": len(rows)},
        "drills": rows,
        "runs": (),
    }
    return SessionReport(**{**fields, **changes})


def samples(*rows: dict, **changes: object) -> dict[tuple, float]:
    families = text_string_to_metric_families(render(report(*rows, **changes)).decode())
    return {
        (sample.name.removeprefix(PREFIX), *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("verdict", "value"), [("pass", 1), ("known_defect", 1), ("unknown", -1), ("fail", 0), ("error", -1)]
)
def test_each_verdict_has_the_contracts_value(verdict, value):
    found = samples(row(verdict=verdict))
    assert found["drill_pass", "runs", "a-drill", "normal"] == value == Verdict(verdict).metric
    assert found["drill_known_defect", "runs", "a-drill", "normal"] == (verdict == "known_defect")


def test_of_several_variants_the_worst_counts():
    found = samples(row(verdict="pass"), row(verdict="fail"), row(verdict="known_defect"), row("b", "unknown"))
    assert found["drill_pass", "runs", "a-drill", "normal"] == 0
    assert found["drill_pass", "runs", "b", "normal"] == -1


def test_of_several_variants_the_latest_time_counts():
    found = samples(row(), row(ts_utc="2026-01-01T00:00:09Z"), row(verdict="fail", ts_utc="2026-01-01T00:00:05Z"))
    assert found["drill_last_run_timestamp_seconds", "runs", "a-drill", "normal"] == 1767225609


def test_the_last_pass_is_that_of_the_record():
    passed = {"a-drill": "2025-12-31T23:59:59.123456Z", "not-run-here": "2025-12-31T00:00:00Z"}
    found = samples(row(verdict="fail"), row("never"), last_passed=passed)
    assert found["drill_last_pass_timestamp_seconds", "runs", "a-drill", "normal"] == 1767225599.123456
    assert [key[2] for key in found if key[0] == "drill_last_pass_timestamp_seconds"] == ["a-drill"]


def test_a_record_of_an_earlier_lab_knows_no_last_pass():
    assert not [key for key in samples(row(), last_passed=None) if "last_pass" in key[0]]


def test_drills_are_counted_by_verdict_and_skipped_ones_apart():
    rows = [row(str(n), v) for n, v in enumerate(["pass", "pass", "fail", "unknown"])]
    found = samples(*rows, row("s", "unknown", outcome="skipped"), row("o", outcome="expected_warning"))
    counts = {key[1]: value for key, value in found.items() if key[0] == "session_drills"}
    assert counts == {"pass": 3, "known_defect": 0, "unknown": 1, "fail": 1, "error": 0, "skipped": 1}


def test_times_keep_their_digits():
    found = samples(row(budgets={"recover_within": [5.0, 1.0]}))
    assert found["drill_last_run_timestamp_seconds", "runs", "a-drill", "normal"] == 1767225600.123456
    assert found["drill_phase_duration_seconds", "a-drill", "steady"] == 0.5
    assert found["drill_budget_seconds", "recover_within", "a-drill"] == 5


def test_a_label_cannot_forge_a_sample():
    hostile = 'x"} 1\nforged 7\\'
    found = samples(row(hostile))
    assert found["drill_pass", "runs", hostile, "normal"] == 1
    assert not any(name[0] == "forged" for name in found)


def test_every_family_has_help_and_type():
    text = render(report(row())).decode()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert names == {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert all(name.startswith(PREFIX) for name in names)


def test_a_session_of_mutants_writes_nothing(tmp_path):
    write_metrics(report(row(), mutants=True), tmp_path / "metrics.prom")
    assert list(tmp_path.iterdir()) == []
    write_metrics(report(row()), tmp_path / "metrics.prom")
    assert (tmp_path / "metrics.prom").read_bytes() == render(report(row()))


def test_what_was_used_of_a_budget_is_shown_unless_it_was_never_reached():
    found = samples(row(budgets={"detect_within": [2.0, 0.5], "recover_within": [5.0, None]}))
    assert {key: value for key, value in found.items() if key[0].startswith("drill_budget")} == {
        ("drill_budget_seconds", "detect_within", "a-drill"): 2.0,
        ("drill_budget_seconds", "recover_within", "a-drill"): 5.0,
        ("drill_budget_used_seconds", "detect_within", "a-drill"): 0.5,
    }
