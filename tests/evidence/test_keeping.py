"""`tc evidence compare`: its lines, its files, and nothing half written."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest
from tests.evidence.conftest import BACKTEST, PAPER
from typer.testing import CliRunner

from opslab.cli.evidence import app
from opslab.clock import SystemClock
from opslab.contract.evidence import Evidence
from opslab.errors import OpsLabError
from opslab.evidence.comparison import compare
from opslab.report.evidence import render_evidence
from opslab.report.metrics.evidence import EvidenceScanner
from opslab.runs.evidence import compare_runs


@pytest.fixture
def asked(lab, monkeypatch):
    stub = SimpleNamespace(current_lab=lambda: lab, system_clock=SystemClock)
    monkeypatch.setitem(sys.modules, "opslab.cli.main", stub)

    def ask(*more, first=BACKTEST, second=PAPER):
        return CliRunner().invoke(app, ["compare", "--backtest-run-id", first, "--paper-run-id", second, *more])

    return ask


def test_the_contracts_lines_and_files(asked, lab):
    result = asked()
    directory = lab.evidence / f"{BACKTEST}__{PAPER}"
    assert result.exit_code == 0, result.exception
    assert result.stdout.splitlines() == [
        "comparison_status=matched_operational_context",
        f"evidence_dir={directory}",
        f"json={directory / 'backtest_vs_paper_evidence.json'}",
        f"report={directory / 'backtest_vs_paper_evidence.md'}",
    ]
    found = Evidence.model_validate_json((directory / "backtest_vs_paper_evidence.json").read_bytes())
    assert (directory / "backtest_vs_paper_evidence.md").read_bytes() == render_evidence(found)
    assert sorted(path.name for path in directory.iterdir()) == [
        "backtest_vs_paper_evidence.json",
        "backtest_vs_paper_evidence.md",
    ]


def test_json_is_what_was_written(asked, lab):
    result = asked("--json")
    assert json.loads(result.stdout)["comparison_status"] == "matched_operational_context"


def test_other_roots_may_be_named(asked, tmp_path, lab):
    result = asked("--artifacts-root", str(lab.runs), "--evidence-root", str(tmp_path / "elsewhere"))
    assert result.exit_code == 0
    assert list((tmp_path / "elsewhere").iterdir())


def test_the_page_has_the_contracts_headings(lab):
    page = render_evidence(compare_runs(lab.runs, lab.evidence, BACKTEST, PAPER, SystemClock()).found).decode()
    headings = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    assert headings == [
        "Summary",
        "Mode summary",
        "Compared fields",
        "Event streams",
        "Timings",
        "Artifact presence",
        "Journal summary",
        "Safety and connectivity",
        "Known gaps",
        "Non-goals",
        "Notes",
        "Disclaimer",
    ]


def test_hostile_words_are_no_markup(lab):
    path = lab.runs / PAPER / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["strategy"]["name"] = "<script>|x|\n# y"
    path.write_text(json.dumps(metadata))
    page = render_evidence(compare(lab.runs, BACKTEST, PAPER, SystemClock().now())).decode()
    assert "<script>" not in page
    assert "\n# y" not in page


def test_metrics_count_the_comparison(lab):
    compare_runs(lab.runs, lab.evidence, BACKTEST, PAPER, SystemClock())
    samples, problems = EvidenceScanner(lab.evidence).scan()
    assert problems == ()
    assert any("evidence_backtest_vs_paper_status_total" in sample.family.name for sample in samples)


def test_a_directory_that_is_a_symlink_is_refused(asked, lab, tmp_path):
    lab.evidence.mkdir(parents=True)
    (lab.evidence / f"{BACKTEST}__{PAPER}").symlink_to(tmp_path)
    result = asked()
    assert isinstance(result.exception, OpsLabError)
    assert not list(tmp_path.glob("backtest_vs*"))


def test_wrong_usage_is_exit_code_2(asked):
    assert asked("--nope").exit_code == 2
