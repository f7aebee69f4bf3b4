"""``tc connectivity``: the contract's lines, files, events and sections; a refused URL writes nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from tests.connectivity.test_probe import Server, says
from typer.testing import CliRunner

from opslab.cli.connectivity import app
from opslab.clock import SystemClock
from opslab.connectivity.keeping import found_for
from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.registry import standard_registry
from opslab.errors import OpsLabError
from opslab.root import find_lab
from opslab.runs.backtest import initialize, run_backtest
from opslab.runs.finish import problems_of
from opslab.samples import sample_spec
from opslab.store.reader import Bundle

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BLOCK = """
connectivity_readiness:
  enabled: true
  credential_placeholders:
    required_env: [OPSLAB_TEST_KEY, OPSLAB_TEST_SECRET]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("connectivity")
    lab = find_lab(root, {}, [root])
    prepare(lab, "btcusdt-sample")
    spec = root / "spec.yaml"
    spec.write_text(sample_spec().read_text() + BLOCK)
    run_backtest(lab, read_spec(spec), standard_registry())
    return root


@pytest.fixture
def lab(made, tmp_path, monkeypatch):
    root = tmp_path / "lab"
    shutil.copytree(made, root)
    found = find_lab(root, {}, [root])
    stub = SimpleNamespace(current_lab=lambda: found, system_clock=SystemClock)
    monkeypatch.setitem(sys.modules, "opslab.cli.main", stub)
    for name in ("OPSLAB_TEST_KEY", "OPSLAB_TEST_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return found


def asked(lab, *words):
    return CliRunner().invoke(app, [words[0], "--spec", str(lab.root / "spec.yaml"), *words[1:]])


def bundle_of(lab):
    return Bundle(lab.runs / read_spec(lab.root / "spec.yaml").spec.run_id)


def files(lab):
    return {path: path.read_bytes() for path in lab.root.rglob("*") if path.is_file()}


def test_readiness_is_recorded_everywhere_and_holds_no_value(lab, monkeypatch):
    monkeypatch.setenv("OPSLAB_TEST_KEY", "hunter2-hunter2")
    result = asked(lab, "readiness")
    bundle = bundle_of(lab)
    path = bundle.path / "connectivity_readiness.json"
    assert result.exit_code == 0, result.exception
    assert result.stdout.splitlines() == [
        f"run_id={bundle.run_id}",
        "state=missing_credentials",
        f"artifact_path={path}",
        "probe_performed=false",
    ]
    assert "OPSLAB_TEST_SECRET" in result.stderr
    found = json.loads(path.read_text())
    assert found["missing_env"] == ["OPSLAB_TEST_SECRET"]
    assert found["probe_deferred_reason"] == "local_only_no_network"
    assert json.loads((bundle.path / "metadata.json").read_text())["connectivity_readiness"] == {
        "state": "missing_credentials",
        "enabled": True,
        "probe_performed": False,
        "artifact": "connectivity_readiness.json",
    }
    assert bundle.journal[-1]["event"] == "connectivity_readiness_evaluated"
    report = (bundle.path / "report.md").read_text()
    assert report.count("<!-- connectivity_readiness:start -->") == 1
    assert "- state: missing_credentials" in report
    assert not any(b"hunter2" in content for content in files(lab).values())
    assert problems_of(bundle) == []


def test_the_latest_of_two_stands(lab, monkeypatch):
    asked(lab, "readiness")
    for name in ("OPSLAB_TEST_KEY", "OPSLAB_TEST_SECRET"):
        monkeypatch.setenv(name, "x")
    asked(lab, "readiness")
    bundle = bundle_of(lab)
    assert json.loads((bundle.path / "connectivity_readiness.json").read_text())["state"] == "configured"
    assert (bundle.path / "report.md").read_text().count("## Connectivity readiness") == 1
    assert problems_of(bundle) == []


def test_a_probe_is_recorded_whatever_comes(lab):
    with Server(says(OK)) as server:
        good = asked(lab, "probe", "--url", f"http://localhost:{server.port}/health")
    bad = asked(lab, "probe", "--url", f"http://127.0.0.1:{server.port}", "--timeout-ms", "500")
    bundle = bundle_of(lab)
    path = bundle.path / "connectivity_probe.json"
    assert (good.exit_code, bad.exit_code) == (0, 0)
    assert good.stdout.splitlines() == [
        f"run_id={bundle.run_id}",
        "state=probe_ok",
        f"artifact_path={path}",
        "probe_performed=true",
        "network_scope=loopback_only",
    ]
    found = json.loads(path.read_text())
    assert (found["state"], found["http_status"], found["latency_ms"]) == ("probe_unreachable", None, None)
    assert [event["state"] for event in bundle.journal if event["event"] == "connectivity_probe_evaluated"] == [
        "probe_ok",
        "probe_unreachable",
    ]
    assert problems_of(bundle) == []


@pytest.mark.parametrize("url", ["http://user:secret@localhost/", "https://localhost/", "http://example.org/"])
def test_a_refused_url_writes_nothing(lab, url):
    before = files(lab)
    result = asked(lab, "probe", "--url", url)
    assert isinstance(result.exception, OpsLabError)
    assert "secret" not in str(result.exception)
    assert files(lab) == before


@pytest.mark.parametrize("missing", ["metadata.json", "journal.jsonl", None])
def test_a_run_that_is_not_whole_is_one_error(lab, missing):
    bundle = bundle_of(lab)
    if missing is None:
        shutil.rmtree(bundle.path)
    else:
        (bundle.path / missing).unlink()
    result = asked(lab, "readiness")
    assert isinstance(result.exception, OpsLabError)


def test_a_changed_file_shows(lab):
    asked(lab, "readiness")
    bundle = bundle_of(lab)
    path = bundle.path / "connectivity_readiness.json"
    path.write_text(path.read_text().replace("missing_credentials", "configured"))
    assert [problem.path for problem in problems_of(bundle)] == ["connectivity_readiness.json"]


@pytest.mark.parametrize("words", [["readiness"], ["probe", "--url", "http://localhost:9/"]])
def test_a_spec_that_is_not_the_runs_is_refused_and_writes_nothing(lab, words):
    spec = lab.root / "spec.yaml"
    spec.write_text(spec.read_text().replace("OPSLAB_TEST_KEY", "OPSLAB_TEST_OTHER"))
    before = files(lab)
    told = str(asked(lab, *words).exception)
    assert "is not the spec that run" in told
    assert "config_sha256 differs" in told
    assert files(lab) == before


def test_the_runs_own_copy_of_the_spec_serves(lab):
    shutil.copy(bundle_of(lab).path / "run_spec.yaml", lab.root / "spec.yaml")
    assert asked(lab, "readiness").exit_code == 0


def test_a_run_of_a_drill_is_compared_but_for_its_id(lab):
    drilled = lab.runs / "drilled-s-1"
    bundle_of(lab).path.rename(drilled)
    spec = lab.root / "spec.yaml"
    own = read_spec(spec).spec
    spec.write_text(spec.read_text().replace(own.run_id, drilled.name))
    assert found_for(lab, read_spec(spec).spec).run_id == drilled.name


def test_a_run_that_is_not_there_names_the_command_that_makes_it(lab):
    shutil.rmtree(bundle_of(lab).path)
    assert "`tc run backtest --spec FILE`" in str(asked(lab, "readiness").exception)


def test_before_a_run_the_bundle_that_the_hint_names_serves(lab):
    """The hint and docs/concepts/connectivity.md name the same way: a copy of the spec, made and not run."""
    spec = lab.root / "spec.yaml"
    own = read_spec(spec).spec.run_id
    spec.write_text(spec.read_text().replace(f"run_id: {own}", "run_id: connection-check"))
    refused = str(asked(lab, "readiness").exception)
    assert "give a copy of the spec a run_id of its own: `tc run init --spec COPY`" in refused
    initialize(lab, read_spec(spec))
    told = asked(lab, "readiness")
    assert (told.exit_code, told.stdout.splitlines()[1]) == (0, "state=missing_credentials")
    assert asked(lab, "probe", "--url", "http://127.0.0.1:9/").exit_code == 0
    names = {path.name for path in bundle_of(lab).path.iterdir()}
    assert names >= {"connectivity_readiness.json", "connectivity_probe.json"}


@pytest.mark.parametrize("words", [["--timeout-ms", "0"], ["--timeout-ms", "x"], []])
def test_wrong_usage_is_exit_code_2(lab, words):
    words = [*words, "--url", "http://localhost"] if words else words
    assert asked(lab, "probe", *words).exit_code == 2


def test_the_commands_are_light():
    code = "import opslab.cli.connectivity, sys; print(sorted({'pydantic', 'httpx', 'pandas'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "httpx" not in told.stdout
    assert "pandas" not in told.stdout
