"""What the files of a run amount to."""

from __future__ import annotations

import json

import pytest

CORE = ("backtest", "nautilus", "binance", "BTCUSDT")


def test_a_completed_backtest_shows_every_number(place):
    place.run("r1")
    found = place.of_run("r1")
    scenario = ("r1", "demo", "0.1.0")
    assert found == {
        ("run_info", "r1", *CORE, "completed", "sample", "false", "true"): 1,
        ("run_status", "r1", *CORE, "completed"): 2,
        ("run_rehearsed", "r1", *CORE): 0,
        ("run_created_timestamp_seconds", "r1", *CORE): 1767225600.000001,
        ("run_started_timestamp_seconds", "r1", *CORE): 1767225601.000001,
        ("run_completed_timestamp_seconds", "r1", *CORE): 1767225603.000001,
        ("run_duration_seconds", "r1", *CORE): 2,
        ("backtest_input_candles_total", "r1", *CORE): 20,
        ("backtest_bars_processed_total", "r1", *CORE): 19,
        ("backtest_engine_duration_seconds", "r1", *CORE): 1.234,
        ("backtest_scenario_strategy_registered", *scenario): 1,
        ("backtest_scenario_deterministic_action_triggered", *scenario): 0,
        ("backtest_scenario_bars_seen_total", *scenario): 18,
        ("backtest_scenario_orders_submitted_total", *scenario): 4,
        ("backtest_scenario_fills_total", *scenario): 3,
        ("journal_events_total", "r1", *CORE): 4,
        **{("journal_event_total", "r1", *CORE, f"{name}"): 1 for name in ("run_started", "run_completed")},
        **{("journal_event_total", "r1", *CORE, f"backtest_{name}"): 1 for name in ("started", "completed")},
    }


def test_labels_stand_in_the_contracts_order_and_whole_numbers_are_plain(place):
    place.run("r1")
    lines = place.text().splitlines()
    core = 'run_id="r1",mode="backtest",engine="nautilus",venue="binance",instrument="BTCUSDT"'
    assert f"tradingchassis_ops_lab_run_duration_seconds{{{core}}} 2" in lines
    assert f"tradingchassis_ops_lab_run_created_timestamp_seconds{{{core}}} 1767225600.000001" in lines


@pytest.mark.parametrize(
    ("status", "value"), [("initialized", 0), ("completed", 2), ("failed", 3), ("safety_blocked", 4), ("odd", -1)]
)
def test_every_end_of_a_run_shows(place, status, value):
    place.run("r1", status=status)
    found = place.samples()
    assert found["run_status", "r1", *CORE, status] == value
    assert found["runs", status] == 1
    assert sum(count for key, count in found.items() if key[0] == "runs") == 1


def test_a_run_that_runs_while_nobody_holds_its_lock_is_orphaned(place):
    from opslab.store.lock import Lock

    path = place.started("r1")
    lock = Lock(path / "run.lock")
    assert lock.acquire()
    assert place.of_run("r1")["run_status", "r1", *CORE, "running"] == 1
    lock.release()
    found = place.samples()
    assert found["run_status", "r1", *CORE, "orphaned"] == 5
    assert found["run_info", "r1", *CORE, "running", "sample", "unknown", "unknown"] == 1
    assert found["run_started_timestamp_seconds", "r1", *CORE] == 1767225605.000001
    assert (found["runs", "orphaned"], found["bundles_unreadable",]) == (1, 0)


def test_a_run_that_died_after_its_terminal_event_shows_it(place):
    place.started("r1", "run_failed")
    assert place.samples()["run_status", "r1", *CORE, "failed"] == 3


def test_what_came_after_the_end_counts_as_events(place):
    place.run("r1")
    place.write("r1/post.jsonl", '{"event":"kill_activated"}\n{"event":"run_started"}\n')
    found = place.of_run("r1")
    assert found["journal_events_total", "r1", *CORE] == 6
    assert found["journal_event_total", "r1", *CORE, "run_started"] == 2


@pytest.mark.parametrize(("state", "value"), [("absent", 0), ("cleared", 1), ("active", 2), (None, -1), ("x", -1)])
def test_the_kill_switch_shows_when_the_metadata_have_it(place, state, value):
    place.run("r1", safety={"kill_switch": {"state": state}})
    place.run("r2")
    found = {key: number for key, number in place.samples().items() if key[0] == "kill_switch_state"}
    assert found == {("kill_switch_state", "r1", state or "unknown"): value}


def test_connectivity_shows_from_its_files(place):
    place.run("r1")
    place.write(
        "r1/connectivity_readiness.json",
        {"state": "missing_credentials", "enabled": True, "probe_performed": False, "missing_required_count": 2},
    )
    probe = {"state": "probe_timeout", "network_scope": "loopback_only", "error_class": "timeout"}
    place.write("r1/connectivity_probe.json", {**probe, "probe_performed": True, "latency_ms": 12.345})
    found = place.of_run("r1")
    readiness = ("r1", *CORE, "missing_credentials")
    assert found["connectivity_readiness_state", *readiness] == 2
    assert found["connectivity_readiness_enabled", *readiness] == 1
    assert found["connectivity_readiness_missing_required_env_total", *readiness] == 2
    assert found["connectivity_readiness_probe_performed", *readiness] == 0
    labels = ("r1", *CORE, "probe_timeout", "loopback_only", "timeout")
    assert found["connectivity_probe_state", *labels] == 3
    assert found["connectivity_probe_latency_seconds", *labels] == 0.012345
    assert not any(key[0] == "connectivity_probe_http_status" for key in found)


def test_connectivity_shows_from_the_metadata_when_its_files_are_gone(place):
    place.run("r1", connectivity_probe={"state": "probe_ok", "network_scope": "loopback_only"})
    assert place.of_run("r1")["connectivity_probe_state", "r1", *CORE, "probe_ok", "loopback_only"] == 1


def test_reconciliation_shows_all_four_severities(place):
    place.run("r1")
    summary = {"ok": 2, "mismatch": 1}
    place.write(
        "r1/reconciliation_result.json", {"status": "mismatch", "summary": summary, "ts_utc": "2026-01-01T00:00:00Z"}
    )
    found = place.of_run("r1")
    counts = {key[-1]: value for key, value in found.items() if key[0] == "reconciliation_checks_total"}
    assert counts == {"ok": 2, "warning": 0, "mismatch": 1, "unknown": 0}
    assert found["reconciliation_status", "r1", *CORE, "mismatch"] == 1
    assert found["reconciliation_last_timestamp_seconds", "r1", *CORE] == 1767225600


@pytest.mark.parametrize("source", ["files", "views"])
@pytest.mark.parametrize(
    ("statuses", "worse"),
    [(("ok", "mismatch"), "mismatch"), (("mismatch", "ok"), "mismatch"), (("warning", "unknown"), "unknown")],
)
def test_of_files_and_views_the_worse_result_counts(place, source, statuses, worse):
    place.run("r1")
    rest = "views" if source == "files" else "files"
    other = {"source": rest, "status": statuses[1], "ts_utc": "2026-01-01T00:00:00Z"}
    place.write("r1/reconciliation_result.json", {"status": statuses[0], "source": source, "other": other})
    found = place.of_run("r1")
    assert [key[-1] for key in found if key[0] == "reconciliation_status"] == [worse]
    assert {key[-2:] for key in found if key[0] == "reconciliation_source_status"} == {
        (source, statuses[0]),
        (rest, statuses[1]),
    }


def test_of_several_reports_of_one_drill_the_worst_counts(place):
    place.run("r1")
    for name, passed in (("a", True), ("b", False), ("c", None)):
        place.write(f"r1/drills/{name}.json", {"drill_name": "d", "pass": passed, "outcome": "expected_mismatch"})
    place.write("r1/drills/e.json", {"drill_name": "e", "pass": "yes"})
    found = place.of_run("r1")
    assert [found[f"failure_drill_{name}", "r1", "d"] for name in ("executed_total", "last_pass", "last_outcome")] == [
        3,
        0,
        2,
    ]
    assert [found[f"failure_drill_{name}", "r1", "e"] for name in ("executed_total", "last_pass", "last_outcome")] == [
        1,
        -1,
        -1,
    ]


def test_a_run_that_ended_before_it_began_took_no_time(place):
    place.run("r1", started_at_utc="2026-01-01T00:00:09Z", completed_at_utc="2026-01-01T00:00:01Z")
    assert place.of_run("r1")["run_duration_seconds", "r1", *CORE] == 0


def test_missing_labels_are_unknown(place):
    place.write("r1/metadata.json", {"run_id": "r1", "status": "failed", "venue": ""})
    assert place.of_run("r1")["run_info", "r1", *["unknown"] * 4, "failed", *["unknown"] * 3] == 1


def test_evidence_is_summed_over_all_pairs(place):
    def pair(name: str, **changes: object) -> None:
        presence = {"backtest": {"metadata.json": True, "report.md": False}, "paper": {"metadata.json": True}}
        fields = [{"comparable": "direct"}, {"comparable": "direct"}, {"comparable": "gap"}, {"comparable": "odd"}]
        content = {
            "comparison_status": "differences_expected",
            "artifact_presence": presence,
            "journal_summary": {"shared_events": ["a", "b"]},
            "known_gaps": [{"id": 1}, "two", None],
            "compared_fields": fields,
        }
        path = place.evidence / name / "backtest_vs_paper_evidence.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({**content, **changes}))

    assert not any(key[0].startswith("evidence") for key in place.samples())
    pair("a__b")
    pair("c__d", comparison_status="missing_artifacts", compared_fields=[])
    pair("e__f", comparison_status="what")
    (place.evidence / "broken").mkdir()
    (place.evidence / "broken" / "backtest_vs_paper_evidence.json").write_text("{")
    found = {key: value for key, value in place.samples().items() if key[0].startswith("evidence")}
    assert found == {
        ("evidence_backtest_vs_paper_status_total", "differences_expected"): 1,
        ("evidence_backtest_vs_paper_status_total", "missing_artifacts"): 1,
        ("evidence_backtest_vs_paper_status_total", "unknown"): 1,
        ("evidence_backtest_vs_paper_status", "differences_expected"): 1,
        ("evidence_backtest_vs_paper_status", "missing_artifacts"): 3,
        ("evidence_backtest_vs_paper_status", "unknown"): -1,
        ("evidence_artifacts_present_total", "backtest", "metadata.json"): 3,
        ("evidence_artifacts_present_total", "backtest", "report.md"): 0,
        ("evidence_artifacts_present_total", "paper", "metadata.json"): 3,
        ("evidence_known_gaps_total",): 9,
        ("evidence_journal_shared_events_total",): 6,
        ("evidence_compared_fields_total", "direct"): 4,
        ("evidence_compared_fields_total", "gap"): 2,
        ("evidence_compared_fields_total", "unknown"): 2,
        ("evidence_unreadable",): 1,
    }
    assert any("broken/backtest_vs_paper_evidence.json" in line for line in place.told)


def test_what_differs_between_the_views_is_counted_by_kind(place):
    place.run("r1")
    rows = [{"view": "engine", "kind": "missing_local", "subject": name, "key": "K"} for name in ("order", "fill")]
    rows.append({"view": "strategy", "kind": "quantity", "subject": "position", "key": "K"})
    change = {"event": "views_differed", "ts_utc": "2026-01-01T00:00:02Z", "agree": False, "since_ms": 500}
    lines = [{"event": "run_started"}, {**change, "differences": rows[:1]}, {**change, "differences": rows}]
    place.write("r1/journal.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    found = place.of_run("r1")
    assert found["views_differences", "r1", *CORE, "engine", "missing_local"] == 2
    assert found["views_differences", "r1", *CORE, "strategy", "quantity"] == 1
    assert found["views_differ_since_timestamp_seconds", "r1", *CORE] == 1767225601.5


def test_views_that_agree_again_have_differed_since_never(place):
    place.run("r1")
    change = {"event": "views_differed", "ts_utc": "2026-01-01T00:00:02Z", "agree": True, "since_ms": 500}
    place.write("r1/journal.jsonl", json.dumps({**change, "differences": []}) + "\n")
    found = place.of_run("r1")
    assert found["views_differ_since_timestamp_seconds", "r1", *CORE] == 0
    assert not [key for key in found if key[0] == "views_differences"]


@pytest.mark.parametrize("odd", [{"differences": 7}, {"ts_utc": "now"}, {"since_ms": "long"}])
def test_a_change_of_the_views_that_cannot_be_read_is_passed_over(place, odd):
    place.run("r1")
    change = {"event": "views_differed", "ts_utc": "2026-01-01T00:00:02Z", "since_ms": 1, "differences": []} | odd
    place.write("r1/journal.jsonl", json.dumps(change) + "\n")
    assert not [key for key in place.of_run("r1") if key[0].startswith("views_")]
