"""The three drills of the earlier lab, run as a user runs them: what its readers and its dashboards find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from opslab.report.metrics.catalogue import DRILL_EXECUTED, DRILL_OUTCOME, DRILL_PASS
from opslab.report.metrics.exporter import Exporter, export_run
from opslab.report.metrics.exposition import Format
from opslab.runs.finish import problems_of
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[2]
EARLIER = REPOSITORY / "fixtures" / "bundles" / "v1-lab-0.8" / "earlier-backtest" / "drills"
OUTCOMES = {"stale_market_data": 1, "reconciliation_mismatch": 2, "restart_recovery": 3}
COMPARISONS = {"stale_market_data": "warning", "reconciliation_mismatch": "mismatch"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, apart: Callable[..., Any]) -> Path:
    """The runs of one session of the three drills, in a lab of its own."""
    lab = tmp_path_factory.mktemp("contract")
    (lab / "opslab.toml").write_text("")
    words = ("drills/reconciliation/test_files.py", "drills/runs/test_restart.py", f"--opslab-root={lab}")
    done = apart(REPOSITORY, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return lab / "artifacts" / "runs"


@pytest.fixture(scope="module")
def bundles(runs: Path) -> dict[str, Bundle]:
    """Each drill's bundle, by the name of its report."""
    return {path.stem: Bundle(path.parents[1]) for path in runs.glob("*/drills/*.json")}


def report(bundles: dict[str, Bundle], name: str) -> dict[str, Any]:
    return dict(json.loads((bundles[name].path / "drills" / f"{name}.json").read_bytes()))


def test_each_drill_leaves_its_report_under_its_name(bundles):
    assert set(bundles) == set(OUTCOMES)
    for name, bundle in bundles.items():
        found = report(bundles, name)
        assert (found["drill_name"], found["run_id"], found["status"]) == (name, bundle.run_id, "completed")
        assert problems_of(bundle) == []


@pytest.mark.parametrize("name", ["reconciliation_mismatch", "restart_recovery"])
def test_whatever_the_earlier_report_had_is_there_with_its_type(bundles, name):
    earlier, ours = json.loads((EARLIER / f"{name}.json").read_bytes()), report(bundles, name)
    for key, value in earlier.items():
        assert type(ours[key]) is type(value), key
    for block in ("inputs", "summary"):
        assert {key: type(value) for key, value in earlier[block].items()}.items() <= {
            key: type(value) for key, value in ours[block].items()
        }.items()
    checks = {check["name"]: check for check in ours["checks"]}
    for check in earlier["checks"]:
        assert {**checks[check["name"]], **check, "details": ""} == {**checks[check["name"]], "details": ""}
    assert all(type(check[key]) is str for check in ours["checks"] for key in ("name", "severity", "details"))
    assert all(type(check["matched"]) is bool for check in ours["checks"])
    assert (ours["outcome"], ours["pass"], len(ours["limitations"])) == (earlier["outcome"], True, 3)


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_comparison_is_told_by_its_last_result(bundles, name):
    found, bundle = report(bundles, name), bundles[name]
    result = json.loads((bundle.path / "reconciliation_result.json").read_bytes())
    assert found["reconciliation_status"] == result["status"] == COMPARISONS[name]
    assert (bundle.path.parents[2] / found["reconciliation_result_path"]).samefile(
        bundle.path / "reconciliation_result.json"
    )
    assert {key: found["summary"][key] for key in result["summary"]} == result["summary"]
    compared = {check["name"]: (check["severity"], check["matched"]) for check in result["checks"]}
    told = {check["name"]: (check["severity"], check["matched"]) for check in found["checks"]}
    assert compared.items() <= told.items()


def test_stale_data_are_a_warning_that_still_matches(bundles):
    checks = {check["name"]: check for check in report(bundles, "stale_market_data")["checks"]}
    assert (checks["freshness"]["severity"], checks["freshness"]["matched"]) == ("warning", True)
    assert report(bundles, "stale_market_data")["outcome"] == "expected_warning"


def test_the_record_tells_of_each_drill_as_before(bundles):
    told = {}
    for bundle in bundles.values():
        told |= {event["drill_name"]: event for event in bundle.journal if event["event"] == "failure_drill_executed"}
    assert {name: event["status"] for name, event in told.items()} == dict.fromkeys(OUTCOMES, "completed")
    assert {name: event["reconciliation_status"] for name, event in told.items()} == {
        **COMPARISONS,
        "restart_recovery": None,
    }
    assert {name: event["simulated"] for name, event in told.items()} == {
        **dict.fromkeys(COMPARISONS),
        "restart_recovery": True,
    }


def test_the_restart_drill_says_what_it_did_not_recover(bundles):
    found = report(bundles, "restart_recovery")
    assert "no live position" in found["statement"]
    assert found["inputs"]["run_dir"] == str(bundles["restart_recovery"].path)
    assert bundles["restart_recovery"].metadata.failure_reason == "interrupted"


def samples(text: str) -> dict[tuple[str, str], float]:
    return {
        (family.name, sample.labels["drill_name"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "drill_name" in sample.labels and not sample.name.endswith("_created")
    }


def test_metrics_show_the_outcomes_of_the_contract(runs, bundles):
    exporter = Exporter(runs, runs.with_name("evidence"), only=None, tell=pytest.fail)
    scraped = samples(exporter.scrape(Format.TEXT).content().decode())
    exported: dict[tuple[str, str], float] = {}
    for bundle in bundles.values():
        exported |= samples(export_run(runs, bundle.run_id).decode())
    assert scraped == exported
    for name, value in OUTCOMES.items():
        assert scraped[DRILL_OUTCOME.name, name] == value
        assert scraped[DRILL_PASS.name, name] == 1
        assert scraped[DRILL_EXECUTED.name.removesuffix("_total"), name] == 1
