"""``metadata.json`` and ``metrics.json``: every field of the contract with its type, whatever the run's end."""

from __future__ import annotations

import json
import re

import pytest

from opslab.report.metadata import render_metadata, render_metrics

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
ALWAYS = {
    **dict.fromkeys(["schema_version", "run_id", "mode", "engine", "status", "created_at_utc", "spec_path"], str),
    **dict.fromkeys(["artifacts_dir", "config_sha256", "venue", "instrument"], str),
    **dict.fromkeys(["strategy", "data", "risk", "observability"], dict),
    **dict.fromkeys(["started_at_utc", "completed_at_utc", "lifecycle"], str),
    "is_placeholder": bool,
}
EXECUTION = {
    **dict.fromkeys(
        ["status", "engine", "scenario_name", "scenario_version", "nautilus_version", "started_at_utc"], str
    ),
    **dict.fromkeys(["strategy_registered", "deterministic_action_triggered"], bool),
    **dict.fromkeys(["bars_seen", "orders_submitted", "fills_count"], int),
    "completed_at_utc": str,
    "error": type(None),
}
METRICS = {
    **dict.fromkeys(["schema_version", "run_id", "mode", "engine", "status", "dataset"], str),
    **dict.fromkeys(["scenario_name", "scenario_version"], str),
    **dict.fromkeys(
        ["is_placeholder", "engine_executed", "strategy_registered", "deterministic_action_triggered"], bool
    ),
    **dict.fromkeys(["input_candles_count", "bars_processed", "engine_duration_ms", "bars_seen"], int),
    **dict.fromkeys(["orders_submitted", "fills_count"], int),
    "metrics": dict,
}
RUNS = ["completed", "drilled", "failed", "interrupted"]


def wrong(block: dict, fields: dict[str, type]) -> list[str]:
    return [name for name, kind in fields.items() if name not in block or type(block[name]) is not kind]


def stamps(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [text for name, text in value.items() if name.endswith("_utc") and text is not None]
        return own + [stamp for item in value.values() for stamp in stamps(item)]
    return [stamp for item in value for stamp in stamps(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("name", RUNS)
def test_metadata_has_the_contracts_fields(golden, name):
    content = render_metadata(golden(name))
    raw = json.loads(content)
    assert wrong(raw, ALWAYS) == []
    assert (raw["run_id"], raw["lifecycle"], raw["is_placeholder"]) == (name, "backtest_nautilus_smoke", False)
    assert set(raw["strategy"]) == {"name", "version"}
    assert {"dataset", "fingerprint"} <= set(raw["data"])
    assert raw["risk"] == {"profile": "tiny"}
    assert raw["observability"] == {"journal": True, "metrics": True, "report": True}
    assert all(STAMP.fullmatch(stamp) for stamp in stamps(raw))
    assert content == (json.dumps(raw, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def test_engine_execution_has_the_contracts_fields(golden):
    block = json.loads(render_metadata(golden("completed")))["engine_execution"]
    assert wrong(block, EXECUTION) == []
    assert block["status"] == "completed"


def test_a_run_whose_engine_never_ran_has_no_engine_execution(golden):
    assert "engine_execution" not in json.loads(render_metadata(golden("failed")))


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [("completed", "completed", None), ("failed", "failed", "error"), ("interrupted", "failed", "interrupted")],
)
def test_the_end_is_told(golden, name, status, reason):
    raw = json.loads(render_metadata(golden(name)))
    assert (raw["status"], raw.get("failure_reason")) == (status, reason)
    assert bool(raw.get("error")) == (status == "failed")


@pytest.mark.parametrize("name", RUNS)
def test_metrics_have_the_contracts_fields_whatever_the_end(golden, name):
    bundle = golden(name)
    raw = json.loads(render_metrics(bundle))
    assert wrong(raw, METRICS) == []
    assert raw["metrics"] == {}
    assert raw["engine_executed"] == any(event["event"] == "backtest_started" for event in bundle.journal)


def test_counts_are_those_of_the_journal(golden):
    bundle = golden("completed")
    told = next(event for event in bundle.journal if event["event"] == "backtest_completed")
    raw = json.loads(render_metrics(bundle))
    for name in ("input_candles_count", "bars_processed", "bars_seen", "orders_submitted", "fills_count"):
        assert raw[name] == told[name] > 0


def test_later_facts_are_merged(golden):
    raw = json.loads(render_metadata(golden("drilled")))
    assert raw["drills"] == ["golden-drill"]
    assert raw["post"]["lines"] == 1
    assert "post" not in json.loads(render_metadata(golden("completed")))
