"""What the earlier lab wrote stays readable for ever; what nobody knows is refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from opslab.contract.drill import Result, Verdict
from opslab.contract.manifest import Manifest
from opslab.contract.metadata import Metadata
from opslab.contract.upgrades import read_artifact
from opslab.errors import ContractError, StoreError
from opslab.store.reader import Bundle, list_bundles

GOLDEN = Path(__file__).parents[2] / "fixtures" / "bundles"
EARLIER = GOLDEN / "v1-lab-0.8"


def earlier(name: str) -> Bundle:
    return Bundle(EARLIER / name)


def test_every_golden_bundle_can_be_read():
    names = [bundle.run_id for bundle in list_bundles(EARLIER)]
    assert names == [f"earlier-{end}" for end in ("backtest", "failed", "initialized", "paper", "paper-blocked")]
    for bundle in (*list_bundles(EARLIER), *list_bundles(GOLDEN / "v1-lab-0.9")):
        assert bundle.metadata.run_id == bundle.run_id
        assert bundle.metadata.config_sha256 == bundle.spec.config_sha256()
        assert bundle.journal
        assert bundle.drills is not None
        assert bundle.events is not None


def test_a_backtest_of_the_earlier_lab():
    bundle = earlier("earlier-backtest")
    assert bundle.metadata.status == "completed"
    assert bundle.metadata.spec_run_id == "earlier-backtest"
    assert bundle.metadata.engine_execution.bars_seen == 20
    assert bundle.metadata.safety["kill_switch"]["state"] == "active"
    assert bundle.metrics.engine_duration_ms == 12
    assert [event["event"] for event in bundle.journal[:4]] == [
        "run_started", "backtest_started", "backtest_completed", "run_completed",
    ]  # fmt: skip
    assert bundle.journal[-1]["event"] == "kill_activated"


def test_drill_reports_of_the_earlier_lab():
    mismatch, restart = earlier("earlier-backtest").drills
    assert (mismatch.drill_name, mismatch.passed, mismatch.verdict) == ("reconciliation_mismatch", True, Verdict.PASS)
    assert [finding.result for finding in mismatch.checks] == [Result.FAIL, Result.PASS, Result.PASS]
    assert mismatch.inputs["reconciliation_status"] == "mismatch"
    assert restart.message == "A simulated restart."
    assert restart.summary["metrics_present"] == 1


def test_a_failed_backtest_of_the_earlier_lab_has_its_error_and_no_metrics():
    bundle = earlier("earlier-failed")
    assert (bundle.metadata.status, bundle.metadata.error) == ("failed", "candles file not found")
    with pytest.raises(StoreError, match=r"metrics\.json"):
        _ = bundle.metrics


def test_paper_runs_of_the_earlier_lab():
    paper, blocked = earlier("earlier-paper"), earlier("earlier-paper-blocked")
    assert paper.metrics.heartbeat_count == 3
    assert paper.metadata.connectivity_probe["state"] == "probe_ok"
    assert paper.spec.connectivity_readiness.enabled
    assert (blocked.metadata.status, blocked.metrics.paper_lifecycle) == ("safety_blocked", "blocked_kill_switch")
    assert blocked.terminal["status"] == "safety_blocked"


@pytest.mark.parametrize("version", ["v2", "V1", 1, None, ["v1"]])
def test_another_schema_version_is_refused_by_name(tmp_path, version):
    raw = json.loads((EARLIER / "earlier-backtest" / "metadata.json").read_bytes())
    shutil.copytree(EARLIER / "earlier-backtest", tmp_path / "r")
    (tmp_path / "r" / "metadata.json").write_text(json.dumps({**raw, "schema_version": version}))
    with pytest.raises(ContractError) as caught:
        _ = Bundle(tmp_path / "r").metadata
    told = str(caught.value)
    assert repr(version) in told
    assert "expected 'v1'" in told
    assert str(tmp_path / "r" / "metadata.json") in told


@pytest.mark.parametrize("raw", [None, [], "x", 3])
def test_an_artifact_that_is_no_object_is_refused(raw):
    with pytest.raises(ContractError, match="here: is not a JSON object"):
        read_artifact(Metadata, raw, "here")


@pytest.mark.parametrize("change", [{"surprise": 1}, {"status": "done"}, {"engine_execution": []}, {"run_id": None}])
def test_a_field_that_the_contract_does_not_know_is_refused_by_name(change):
    raw = json.loads((EARLIER / "earlier-backtest" / "metadata.json").read_bytes())
    with pytest.raises(ContractError, match=f"here: {next(iter(change))}"):
        read_artifact(Metadata, {**raw, **change}, "here")


@pytest.mark.parametrize("change", [{"checks": [3]}, {"checks": 3}, {"summary": {"a": []}}, {"pass": "yes"}])
def test_a_malformed_drill_report_is_refused(tmp_path, change):
    shutil.copytree(EARLIER / "earlier-backtest", tmp_path / "r")
    path = tmp_path / "r" / "drills" / "restart_recovery.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}))
    with pytest.raises(ContractError, match="restart_recovery"):
        _ = Bundle(tmp_path / "r").drills


def test_manifest_without_its_own_digest_is_refused():
    raw = json.loads((GOLDEN / "v1-lab-0.9" / "completed" / "manifest.json").read_bytes())
    del raw["content_sha256"]
    with pytest.raises(ContractError, match="content_sha256"):
        read_artifact(Manifest, raw, "here")
