"""The compose file: pinned, on loopback, with the contract's variables; and the script that writes its targets."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml
from tests.dashboards.conftest import PROMETHEUS, REPOSITORY, STACK

SERVICES = yaml.safe_load((STACK / "compose.yaml").read_text())["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_and_on_loopback(name):
    service = SERVICES[name]
    assert re.fullmatch(r"(prom|grafana)/[a-z]+:v?[0-9]+\.[0-9]+\.[0-9]+", service["image"])
    assert service["ports"]
    assert [port for port in service["ports"] if not port.startswith("127.0.0.1:")] == []


def test_the_contracts_variables_and_their_defaults():
    assert (
        SERVICES["prometheus"]["environment"]["TC_METRICS_TARGET"] == "${TC_METRICS_TARGET:-host.docker.internal:8000}"
    )
    assert SERVICES["prometheus"]["ports"] == ["127.0.0.1:${TC_PROMETHEUS_PORT:-9090}:9090"]
    assert SERVICES["grafana"]["ports"] == ["127.0.0.1:${TC_GRAFANA_PORT:-3000}:3000"]


def test_mounts_are_read_only_and_readable_under_selinux():
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ()) if mount.startswith(".")]
    assert len(mounts) > 4
    for mount in mounts:
        source, _, options = mount.rsplit(":", 2)
        assert options == "ro,z"
        assert (STACK / source).exists(), source


def test_grafana_finds_what_the_contract_says():
    source = yaml.safe_load((STACK / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert (source["name"], source["url"], source["isDefault"]) == ("Prometheus", "http://prometheus:9090", True)
    provider = yaml.safe_load((STACK / "grafana/provisioning/dashboards/opslab.yml").read_text())["providers"][0]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    assert "./grafana:/var/lib/grafana/dashboards:ro,z" in SERVICES["grafana"]["volumes"]


def test_prometheus_scrapes_the_contracts_job_as_often_as_it_says():
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    assert config["global"]["scrape_interval"] == "15s"
    assert config["scrape_configs"][0]["job_name"] == "tradingchassis_ops_lab_metrics"


def started(place, **environ: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.environ["PATH"], "TC_TARGETS_DIR": str(place), **environ}
    command = ["/bin/sh", str(PROMETHEUS / "start.sh"), "echo", "began"]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=30, check=False)


def test_the_targets_are_those_of_the_environment(tmp_path):
    addresses = {"TC_METRICS_TARGET": "lab-1.desk:8001", "TC_SESSIONS_TARGET": "[::1]:9091"}
    done = started(tmp_path, **addresses)
    assert (done.returncode, done.stdout, done.stderr) == (0, "began\n", "")
    found = {path.stem: yaml.safe_load(path.read_text()) for path in tmp_path.iterdir()}
    assert found == {
        "lab": [{"targets": ["lab-1.desk:8001"]}],
        "sessions": [{"targets": ["[::1]:9091"]}],
        "alertmanagers": [{"targets": ["127.0.0.1:9093"]}],
    }


def test_without_variables_the_targets_are_the_committed_ones(tmp_path):
    assert started(tmp_path).returncode == 0
    for path in tmp_path.iterdir():
        assert path.read_text() == (PROMETHEUS / "targets" / path.name).read_text()


@pytest.mark.parametrize("address", ['a:1"]\n- x', "a b:1", "http://a:1", "a", "a:", '"'])
def test_an_address_that_is_none_is_refused(tmp_path, address):
    done = started(tmp_path, TC_METRICS_TARGET=address)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("start.sh: lab: ")
    assert list(tmp_path.iterdir()) == []


def has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return (
        subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=30, check=False).returncode == 0
    )


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_compose_accepts_the_file():
    command = ["docker", "compose", "-f", str(STACK / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_dev_container_is_readable_and_pinned():
    found = json.loads((REPOSITORY / ".devcontainer/devcontainer.json").read_text())
    assert re.search(r":3\.1[234]-bookworm$", found["image"])


def test_the_how_to_names_what_there_is():
    text = (REPOSITORY / "docs/how-to/monitoring.md").read_text()
    compose = (STACK / "compose.yaml").read_text()
    assert set(re.findall(r"`(TC_[A-Z_]+)`", text)) == set(re.findall(r"\$\{(TC_[A-Z_]+):-", compose))
    for name in re.findall(r"^\| `([^`]+)`", text, re.MULTILINE):
        if not name.startswith("TC_"):
            assert list(STACK.glob(name)), name
    titles = [json.loads(path.read_text())["title"] for path in (STACK / "grafana").glob("*.json")]
    assert [title for title in titles if f"**{title.removeprefix('TradingChassis Ops Lab ')}**" not in text] == []
