"""Rules and configuration, as promtool and amtool judge them; each alert says what is wrong and what to do."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml
from tests.dashboards.conftest import PROMETHEUS, REPOSITORY, STACK, rules

ALERTS = {name: rule for name, rule in rules().items() if "alert" in rule}
WANTED = {
    "OpsLabKillSwitchActive",
    "OpsLabDrillOverdue",
    "OpsLabDrillFailed",
    "OpsLabReconciliationMismatch",
    "OpsLabFeedStale",
    "OpsLabRunOrphaned",
    "OpsLabMetricsAbsent",
}
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt install prometheus)"
)


def asked(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=60, check=False)


@needs_promtool
@pytest.mark.parametrize("name", ["prometheus.yml", "federation.yml"])
def test_promtool_accepts_the_configuration(name):
    done = asked("promtool", "check", "config", PROMETHEUS / name)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("path", sorted((PROMETHEUS / "tests").glob("*.yml")), ids=lambda path: path.stem)
def test_the_rules_pass_their_unit_tests(path):
    done = asked("promtool", "test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_a_rule_that_is_gone_fails_its_unit_test(tmp_path):
    shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
    alerts = tmp_path / "prometheus/rules/alerts.yml"
    alerts.write_text(alerts.read_text().replace("_global_state) == 2", "_global_state) == 3"))
    assert asked("promtool", "test", "rules", tmp_path / "prometheus/tests/safety.yml").returncode == 1


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed (Debian: prometheus-alertmanager)")
def test_amtool_accepts_the_configuration():
    done = asked("amtool", "check-config", STACK / "alertmanager/alertmanager.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_must_not_be_overlooked_has_an_alert():
    assert set(ALERTS) >= WANTED


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_what_to_do(name):
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("critical", "page", "warning")
    assert rule["annotations"]["summary"]
    runbook = rule["annotations"]["runbook"]
    assert runbook.startswith("docs/runbooks/")
    assert (REPOSITORY / runbook).is_file()


def test_the_runbook_of_alerts_names_each_of_them():
    text = (REPOSITORY / "docs/runbooks/alerts.md").read_text()
    assert [name for name in ALERTS if f"`{name}`" not in text] == []


def test_each_alert_is_shown_to_fire_and_to_be_silent():
    fires, silent = set(), set()
    for path in (PROMETHEUS / "tests").glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case["exp_alerts"] else silent).add(case["alertname"])
                # An alert that fires for some of the series that a test has is silent for the others.
                if case["exp_alerts"] and len(test["input_series"]) > len(case["exp_alerts"]) + 1:
                    silent.add(case["alertname"])
    assert fires == silent == set(ALERTS)
