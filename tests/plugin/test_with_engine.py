"""One session with the real engine, seen from every side: fixtures, hooks, scenarios, bundles, Allure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from opslab.runs.finish import problems_of
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from pathlib import Path

CONFTEST = """
import pathlib

def _heard(line):
    with (pathlib.Path(__file__).parent / "heard.txt").open("a") as file:
        file.write(line + "\\n")

def pytest_opslab_strategies():
    return {"my_strategy": "my_strategy:create", "raises": "my_strategy:raises"}

def pytest_opslab_run_ended(bundle):
    _heard(f"run {bundle.run_id} {bundle.metadata.status.value}")

def pytest_opslab_drill_ended(report):
    _heard(f"drill {report.drill_name} {report.verdict.value}")

def pytest_opslab_environment():
    return {"deployment": "staging=1"}
"""

STRATEGY = """
def create(context):
    from opslab.engine.strategies.ops_smoke_demo import create as smoke
    return smoke(context)

def raises(context):
    from nautilus_trader.model.data import BarType
    from nautilus_trader.trading.strategy import Strategy
    class Raises(Strategy):
        def on_start(self):
            self.subscribe_bars(BarType.from_str(context.bar_types[0]))
        def on_bar(self, bar):
            raise ValueError("the indicator broke")
    return Raises()
"""

DRILLS = '''
"""Runs and what they leave. More text."""
import pytest

pytestmark = pytest.mark.spec("demo.yaml")

@pytest.mark.drill("uses-bundle", rehearses=["OP-11"], severity="critical", runbook="docs/b.md")
def test_bundle(bundle, dataset, run_spec, drill):
    """A bundle is complete."""
    assert bundle.run_id.startswith("demo-") and bundle.metadata.spec_run_id == "demo"
    assert dataset.name == run_spec.spec.data.dataset == "btcusdt-sample"
    drill.holds("run.completed", "bundle.complete", "bundle.evidence")

@pytest.mark.drill("two-runs")
def test_two_runs(run, drill):
    first, second = run({"strategy.name": "my_strategy"}), run(spec="other/spec.yaml")
    assert first.run_id != second.run_id
    assert second.metadata.spec_run_id == "other"
    drill.holds("run.completed", "bundle.complete")

@pytest.mark.drill("may-fail")
def test_may_fail(run, drill):
    assert "the indicator broke" in run({"strategy.name": "raises"}, may_fail=True).metadata.error
    drill.holds("run.failed", "bundle.complete")

@pytest.mark.drill("run-fails")
def test_run_fails(run, drill):
    run({"strategy.name": "raises"})

@pytest.mark.drill("teardown-breaks")
def test_teardown_breaks(bundle, drill, breaks):
    drill.holds("run.completed")

@pytest.fixture
def breaks():
    yield
    raise RuntimeError("later")

@pytest.mark.drill("bad-change")
def test_bad_change(run, drill):
    run({"mode": "paper", "strategy.name": "nobody"})

@pytest.mark.drill("frozen")
def test_frozen(frozen_clock, drill):
    from opslab.clock import SystemClock
    assert SystemClock().now().isoformat() == "2026-01-05T00:00:00+00:00"
    frozen_clock.tick(90)
    assert SystemClock().now().isoformat() == "2026-01-05T00:01:30+00:00"
    drill.record("healthy", True)
    drill.holds("demo.needs_fact")
'''


@dataclass
class Seen:
    path: Path
    out: str
    code: int
    record: dict[str, Any]

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["drill"]: row for row in self.record["drills"]}

    @property
    def allure(self) -> dict[str, dict[str, Any]]:
        results = [json.loads(file.read_text()) for file in (self.path / "allure").glob("*-result.json")]
        return {label["value"]: one for one in results for label in one["labels"] if label["name"] == "story"}

    def bundle(self, slug: str) -> Bundle:
        return Bundle(self.path / "artifacts" / "runs" / self.rows[slug]["runs"][0])


@pytest.fixture(scope="module")
def seen(tmp_path_factory, checks_text, spec_text, apart) -> Seen:
    path = tmp_path_factory.mktemp("engine")
    files = {
        "opslab.toml": "",
        "pytest.toml": '[pytest]\nopslab_runbook_base = "https://example.org/"\nfilterwarnings = ["ignore"]\n',
        "conftest.py": checks_text + CONFTEST,
        "my_strategy.py": STRATEGY,
        "test_runs.py": DRILLS,
        "demo.yaml": spec_text,
        "other/spec.yaml": spec_text.replace("run_id: demo", "run_id: other"),
        "drills/test_scenarios.py": "from opslab import Scenarios\nscenarios = Scenarios('../scenarios')\n",
        "scenarios/smoke.run.yaml": spec_text.replace("run_id: demo", "run_id: smoke"),
        "scenarios/deep/raises.run.yml": spec_text.replace("ops_smoke_demo", "raises"),
    }
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    done = apart(path, "-n", "2", "--alluredir=allure", "test_runs.py", "drills", "scenarios", GITHUB_ACTIONS="")
    (session,) = (path / "artifacts" / "sessions").iterdir()
    return Seen(path, done.stdout, done.returncode, json.loads((session / "session.json").read_text()))


def test_verdicts(seen) -> None:
    assert {slug: row["verdict"] for slug, row in seen.rows.items()} == {
        "uses-bundle": "pass",
        "two-runs": "pass",
        "may-fail": "pass",
        "run-fails": "fail",
        "teardown-breaks": "error",
        "bad-change": "error",
        "frozen": "pass",
        "run-smoke": "pass",
        "run-raises": "fail",
    }


def test_run_ids_are_unique_and_the_session_s(seen) -> None:
    runs = seen.record["runs"]
    assert len(runs) == len(set(runs)) == 8
    assert all(f"-{seen.record['session_id']}-gw" in run_id for run_id in runs)
    assert {path.name for path in (seen.path / "artifacts" / "runs").iterdir()} == set(runs)


@pytest.mark.parametrize("slug", ["uses-bundle", "may-fail", "teardown-breaks", "run-smoke", "run-raises"])
def test_a_report_beside_its_only_run_leaves_the_bundle_whole(seen, slug) -> None:
    bundle = seen.bundle(slug)
    assert problems_of(bundle) == []
    (report,) = bundle.drills
    assert (report.drill_name, report.verdict.value) == (slug, seen.rows[slug]["verdict"])


def test_a_report_on_two_runs_lies_in_the_session(seen) -> None:
    assert seen.rows["two-runs"]["report"].startswith("artifacts/sessions/")
    assert (seen.path / seen.rows["two-runs"]["report"]).is_file()


def test_a_failed_run_fails_its_drill_in_its_own_words(seen) -> None:
    assert seen.rows["run-fails"]["message"].startswith("OPS-RUN-FAILED: run demo-")


def test_a_bad_change_is_one_clear_line(seen) -> None:
    assert "unknown strategy 'nobody'" in seen.rows["bad-change"]["message"]


def test_the_hooks_heard_everything(seen) -> None:
    heard = (seen.path / "heard.txt").read_text().splitlines()
    runs = [line.split() for line in heard if line.startswith("run ")]
    assert {run_id for _, run_id, _ in runs} == set(seen.record["runs"])
    assert sorted(status for _, _, status in runs) == ["completed"] * 5 + ["failed"] * 3
    assert {line.split()[1] for line in heard if line.startswith("drill ")} == set(seen.rows)


def test_a_frozen_clock_does_not_freeze_the_session_s_own_times(seen) -> None:
    row = seen.rows["frozen"]
    assert row["ts_utc"] >= seen.record["started_at_utc"]
    assert 0 <= row["seconds"] < 60
    report = json.loads((seen.path / row["report"]).read_text())
    assert report["phases"][0]["started_at_utc"] == "2026-01-05T00:01:30.000000Z"


def test_a_scenario_is_collected_once_and_shows_its_yaml_line(seen) -> None:
    assert seen.out.count("OPS-RUN-NOT-COMPLETED: run.completed") >= 1
    line = (seen.path / "scenarios/deep/raises.run.yml").read_text().splitlines().index("strategy:") + 1
    assert f"scenarios/deep/raises.run.yml:{line}: raises.run.yml completes and leaves a bundle" in seen.out
    assert "FAILED drills/test_scenarios.py::deep/raises.run.yml::run - " in seen.out
    assert "site-packages" not in seen.out.partition("_ run _")[2].partition("\n___")[0]


def _labels(result: dict[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for label in result["labels"]:
        found.setdefault(label["name"], set()).add(label["value"])
    return found


def test_allure_labels_links_and_title(seen) -> None:
    result = seen.allure["uses-bundle"]
    labels = _labels(result)
    assert (labels["epic"], labels["feature"], labels["story"]) == (
        {"Runs"},
        {"Runs and what they leave. More text"},
        {"uses-bundle"},
    )
    assert labels["severity"] == {"critical"}
    assert "OP-11" in labels["tag"]
    assert result["name"] == "A bundle is complete"
    assert {"type": "link", "url": "https://example.org/docs/b.md", "name": "runbook"} in result["links"]


def test_allure_steps_are_phases_with_checks_inside(seen) -> None:
    (phase,) = seen.allure["uses-bundle"]["steps"]
    assert phase["name"] == "verify: what remains"
    assert [step["name"].partition(":")[0] for step in phase["steps"]] == [
        "run.completed",
        "bundle.complete",
        "bundle.evidence",
    ]
    (phase,) = seen.allure["run-raises"]["steps"]
    assert phase["status"] == "failed"
    statuses = {step["name"].partition(":")[0]: step["status"] for step in phase["steps"]}
    assert statuses["run.completed"] == "failed"
    assert statuses["bundle.complete"] == "passed"


@pytest.mark.parametrize("slug", ["uses-bundle", "run-smoke"])
def test_allure_attachments_have_their_types(seen, slug) -> None:
    attached = {one["name"]: one for one in seen.allure[slug]["attachments"]}
    kinds = {
        "run_spec.yaml": "application/yaml",
        "metadata.json": "application/json",
        "journal.jsonl": "text/plain",
        "metrics.json": "application/json",
        "report.md": "text/markdown",
        f"drill {slug}.json": "application/json",
        f"drill {slug}.journal.jsonl": "text/plain",
    }
    assert {name: one["type"] for name, one in attached.items()} == kinds
    assert all((seen.path / "allure" / one["source"]).stat().st_size for one in attached.values())


def test_allure_side_files(seen) -> None:
    directory = seen.path / "allure"
    environment = (directory / "environment.properties").read_text()
    assert "nautilus_trader=1." in environment
    assert "deployment=staging\\=1" in environment
    assert json.loads((directory / "executor.json").read_text())["type"] == "local"
    assert json.loads((directory / "categories.json").read_text())[0]["name"] == "Known engine defect"


def test_a_session_can_be_repeated_and_its_scenario_fails_under_its_mutant(tmp_path, spec_text, apart) -> None:
    (tmp_path / "opslab.toml").write_text("")
    (tmp_path / "pytest.toml").write_text('[pytest]\nopslab_keep_sessions = "1"\nfilterwarnings = ["ignore"]\n')
    (tmp_path / "demo.run.yaml").write_text(spec_text)
    runs = []
    for number in range(2):
        done = apart(tmp_path, "demo.run.yaml")
        assert done.returncode == 0, done.stdout
        runs.append(sorted(path.name for path in (tmp_path / "artifacts" / "runs").iterdir()))
        if number == 0:
            (session,) = (tmp_path / "artifacts" / "sessions").iterdir()
            early = "20260101t000000z-0000"
            (tmp_path / "artifacts" / "runs" / runs[0][0]).rename(
                tmp_path / "artifacts" / "runs" / runs[0][0].replace(session.name, early)
            )
            session.rename(session.with_name(early))
    assert "pruned 1 older sessions" in done.stdout
    assert len(runs[0]) == len(runs[1]) == 1
    assert runs[0] != runs[1]
    done = apart(tmp_path, "demo.run.yaml", "--opslab-mutants")
    assert "1 mutant: 1 caught" in done.stdout
    assert done.returncode == 0
