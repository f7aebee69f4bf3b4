"""Every name, label and encoding of the contract, section 5, as a dashboard of the earlier lab reads them."""

from __future__ import annotations

import pytest

from opslab.contract.events import TERMINAL_EVENTS, Status
from opslab.report.metrics import catalogue, journal_lines
from opslab.report.metrics.catalogue import FAMILIES, SESSION
from opslab.report.metrics.family import PREFIX, Kind
from opslab.report.metrics.reference import reference

CORE = "run_id mode engine venue instrument"
SCENARIO = "run_id scenario_name scenario_version"
PROBE = f"{CORE} state network_scope error_class"
NAMES = {
    "run_info": f"{CORE} status dataset is_placeholder engine_executed",
    "connectivity_readiness_state": f"{CORE} state",
    "connectivity_readiness_enabled": f"{CORE} state",
    "connectivity_readiness_missing_required_env_total": f"{CORE} state",
    "connectivity_readiness_probe_performed": f"{CORE} state",
    "connectivity_probe_state": PROBE,
    "connectivity_probe_performed": PROBE,
    "connectivity_probe_latency_seconds": PROBE,
    "connectivity_probe_http_status": PROBE,
    "kill_switch_state": "run_id state",
    "run_created_timestamp_seconds": CORE,
    "run_started_timestamp_seconds": CORE,
    "run_completed_timestamp_seconds": CORE,
    "run_duration_seconds": CORE,
    "backtest_input_candles_total": CORE,
    "backtest_bars_processed_total": CORE,
    "backtest_engine_duration_seconds": CORE,
    "backtest_scenario_strategy_registered": SCENARIO,
    "backtest_scenario_deterministic_action_triggered": SCENARIO,
    "backtest_scenario_bars_seen_total": SCENARIO,
    "backtest_scenario_orders_submitted_total": SCENARIO,
    "backtest_scenario_fills_total": SCENARIO,
    "paper_heartbeat_total": CORE,
    "paper_synthetic_duration_seconds": CORE,
    "journal_events_total": CORE,
    "journal_event_total": f"{CORE} event",
    "reconciliation_status": f"{CORE} status",
    "reconciliation_source_status": f"{CORE} source status",
    "reconciliation_checks_total": f"{CORE} severity",
    "reconciliation_last_timestamp_seconds": CORE,
    "failure_drill_executed_total": "run_id drill_name",
    "failure_drill_last_pass": "run_id drill_name",
    "failure_drill_last_outcome": "run_id drill_name",
    "evidence_backtest_vs_paper_status_total": "comparison_status",
    "evidence_backtest_vs_paper_status": "comparison_status",
    "evidence_artifacts_present_total": "side artifact",
    "evidence_known_gaps_total": "",
    "evidence_journal_shared_events_total": "",
    "evidence_compared_fields_total": "classification",
}
ENCODINGS = {
    "connectivity_readiness_state": {"disabled": 0, "configured": 1, "missing_credentials": 2, "invalid_config": 3},
    "connectivity_probe_state": {"probe_ok": 1, "probe_http_error": 2, "probe_timeout": 3, "probe_unreachable": 4},
    "kill_switch_state": {"absent": 0, "cleared": 1, "active": 2},
    "failure_drill_last_pass": {"true": 1, "false": 0},
    "failure_drill_last_outcome": {"expected_warning": 1, "expected_mismatch": 2, "simulated_recovery_ok": 3},
    "evidence_backtest_vs_paper_status": {
        "differences_expected": 1,
        "matched_operational_context": 2,
        "missing_artifacts": 3,
        "incompatible_runs": 4,
    },
}
BY_NAME = {family.suffix: family for family in FAMILIES}


def test_the_catalogue_is_the_contract_and_named_additions():
    assert {name: " ".join(BY_NAME[name].labels) for name in NAMES} == NAMES
    assert {family.suffix for family in FAMILIES if not family.is_addition} == set(NAMES)


@pytest.mark.parametrize("name", ENCODINGS)
def test_states_are_encoded_as_in_the_contract(name):
    assert dict(BY_NAME[name].encoding) == ENCODINGS[name]
    assert BY_NAME[name].encode("something else") == BY_NAME[name].encode("unknown") == -1


def test_every_family_has_a_name_of_its_own_and_a_sentence():
    families = FAMILIES + SESSION
    assert len({family.name for family in families}) == len(families)
    assert all(family.help.endswith(".") for family in families)
    assert all((family.kind is Kind.COUNTER) == family.name.endswith("_total") for family in families)


def test_evidence_comes_last():
    assert [family.suffix.startswith("evidence_") for family in FAMILIES] == sorted(
        family.suffix.startswith("evidence_") for family in FAMILIES
    )


def test_the_states_are_those_of_the_contracts_models():
    assert set(catalogue.STATUSES) == {status.value for status in Status} | {"orphaned"}
    assert journal_lines.TERMINAL_EVENTS == TERMINAL_EVENTS
    assert set(catalogue.STATUSES) - catalogue.ENDED == {"initialized", "running", "orphaned"}


def test_the_sessions_families_are_what_its_textfile_holds():
    from prometheus_client.parser import text_string_to_metric_families

    from opslab.contract.drill import SessionReport
    from opslab.report.session_metrics import render

    row = {"drill": "d", "area": "a", "severity": "normal", "verdict": "pass", "ts_utc": "2026-01-01T00:00:00Z"}
    report = SessionReport(
        session_id="s",
        started_at_utc="2026-01-01T00:00:00Z",
        completed_at_utc=None,
        status="completed",
        seed=1,
        lab_version="1",
        engine_version="1",
        mutants=False,
        verdicts={},
        drills=({**row, "phases": {"steady": 1.0}, "budgets": {"recover_within": [5.0, 1.0]}},),
        runs=(),
        last_passed={"d": "2026-01-01T00:00:00Z"},
    )
    found = {
        family.name: (family.documentation, set(family.samples[0].labels))
        for family in text_string_to_metric_families(render(report).decode())
    }
    assert {family.name: (family.help, set(family.labels)) for family in SESSION} == found


def test_the_reference_names_every_family_once_with_its_labels_and_values():
    page = reference()
    assert all(page.count(f"| `{family.name}` |") == 1 for family in FAMILIES + SESSION)
    assert f"| `{PREFIX}kill_switch_state` | gauge |  | `run_id`, `state` |" in page
    assert "absent 0, cleared 1, active 2, anything else -1" in page
    assert "(`error_class`)" in page
