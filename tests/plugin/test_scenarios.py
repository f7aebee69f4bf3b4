"""``*.run.yaml`` as items: collected where pytest is pointed and through ``Scenarios``; bad ones are usage errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opslab.pytest_plugin.scenarios import PAPER_CHECKS, STANDARD_CHECKS

PAPER = """
spec_version: v1
run_id: paper-scenario
mode: paper
engine: nautilus
venue: binance
instrument: BTCUSDT
strategy: {name: ops_round_trip, version: 0.1.0, params: {every: 1}}
data: {dataset: btcusdt-sample}
risk: {profile: none}
execution: {market: futures, profile: fast, pace: 240, max_bars: 3, max_seconds: 30}
observability: {journal: true}
"""
SCENARIOS = "from opslab import Scenarios\nscenarios = Scenarios('{0}')\n"


@pytest.fixture
def lab(ops, spec_text):
    ops.write("scenarios/one.run.yaml", spec_text)
    ops.write("scenarios/deep/two.run.yml", spec_text)
    ops.write("scenarios/not_one.yaml", "what: ever")
    ops.write("drills/test_scenarios.py", SCENARIOS.format("../scenarios"))
    return ops


def _collected(result) -> list[str]:
    return [line for line in result.outlines if "::" in line]


def test_where_pytest_is_pointed_at_them(lab) -> None:
    assert _collected(lab.run("--collect-only", "-q", "scenarios")) == [
        "scenarios/deep/two.run.yml::run",
        "scenarios/one.run.yaml::run",
    ]
    assert _collected(lab.run("--collect-only", "-q", "scenarios/one.run.yaml")) == ["scenarios/one.run.yaml::run"]


def test_through_a_module(lab) -> None:
    both = ["drills/test_scenarios.py::deep/two.run.yml::run", "drills/test_scenarios.py::one.run.yaml::run"]
    assert _collected(lab.run("--collect-only", "-q", "drills")) == both
    assert _collected(lab.run("--collect-only", "-q", *both)) == both
    assert _collected(lab.run("--collect-only", "-q", both[1])) == [both[1]]


def test_both_ways_at_once_run_each_once(lab) -> None:
    assert len(_collected(lab.run("--collect-only", "-q", "drills", "scenarios"))) == 2


def test_by_keyword(lab) -> None:
    assert _collected(lab.run("--collect-only", "-q", "drills", "-k", "two")) == [
        "drills/test_scenarios.py::deep/two.run.yml::run"
    ]


def test_with_mutants(lab) -> None:
    found = _collected(lab.run("--collect-only", "-q", "scenarios", "--opslab-mutants"))
    assert found[-1] == "scenarios/one.run.yaml::run[mutant:journal-tail-cut]"


def test_last_failed_finds_them_beside_other_failures(lab) -> None:
    lab.write("drills/test_a.py", "def test_fails(): assert False\ndef test_passes(): pass\n")
    lab.write("drills/test_z.py", "def test_passes(): pass\n")
    (lab.path / ".pytest_cache/v/cache").mkdir(parents=True)
    lab.write(
        ".pytest_cache/v/cache/lastfailed",
        '{"drills/test_a.py::test_fails": true, "drills/test_scenarios.py::one.run.yaml::run": true}',
    )
    result = lab.pytester.runpytest_inprocess("-p", "no:randomly", "--collect-only", "-q", "--lf", "drills")
    assert _collected(result) == ["drills/test_a.py::test_fails", "drills/test_scenarios.py::one.run.yaml::run"]


EDITS = {
    "unknown strategy": ("name: ops_smoke_demo", "name: nobody", "unknown strategy name 'nobody'"),
    "unknown venue": ("venue: binance", "venue: nowhere", "one.run.yaml:6: unknown venue 'nowhere'"),
    "unknown instrument": ("instrument: BTCUSDT", "instrument: NOPE", "one.run.yaml:7: unknown instrument 'NOPE'"),
    "unknown key": ("mode: backtest", "mode: backtest\nsede: 1", "seed"),
    "no yaml": ("mode: backtest", "mode: [", "one.run.yaml:"),
    "twice": ("mode: backtest", "mode: backtest\nmode: paper", "one.run.yaml:5"),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("way", ["scenarios", "drills"])
def test_a_bad_scenario_is_a_usage_error(lab, refused, spec_text, name, way) -> None:
    old, new, told = EDITS[name]
    lab.write("scenarios/one.run.yaml", spec_text.replace(old, new))
    assert told in refused(way)


@pytest.mark.parametrize("name", ["empty", "binary"])
def test_a_scenario_that_is_no_text(lab, refused, name) -> None:
    (lab.path / "scenarios/one.run.yaml").write_bytes({"empty": b"", "binary": b"\x00\xff\xfe"}[name])
    assert "one.run.yaml" in refused("scenarios")


def test_under_xdist_too(lab, refused) -> None:
    lab.write("scenarios/one.run.yaml", "a: 1")
    assert "one.run.yaml" in refused("drills", "-n", "2")


def test_a_missing_directory_is_a_usage_error(lab, refused) -> None:
    lab.write("drills/test_scenarios.py", SCENARIOS.format("../scenaros"))
    assert "test_scenarios.py: scenarios: there is no directory '../scenaros'" in refused("drills")


def test_two_files_of_one_name_need_two_names(lab, refused, spec_text) -> None:
    lab.write("scenarios/deep/one.run.yaml", spec_text)
    assert "drill 'run-one' is declared twice" in refused("scenarios")


def test_a_class_of_ones_own_called_scenarios_is_left_alone(ops) -> None:
    ops.drills("class Scenarios: pass\nscenarios = Scenarios()\ndef test_it(): pass")
    ops.run().assert_outcomes(passed=1)


def test_names_that_hold_no_letter_of_a_slug(ops, spec_text) -> None:
    for name in ("日本", "___", "x" * 200):
        ops.write(f"scenarios/{name}.run.yaml", spec_text)
    result = ops.run("--opslab-plan", "scenarios")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["3 drills would run*"])


def test_a_paper_run_installs_its_sample_and_is_held_against_the_venues_books(ops, apart) -> None:
    ops.write("paper.run.yaml", PAPER)
    result = apart(ops.path, "-rA", "paper.run.yaml", PYTHONPATH=str(Path(__file__).parents[2] / "src"))
    assert result.returncode == 0, result.stdout + result.stderr
    (report,) = ops.path.glob("artifacts/runs/*/drills/*.json")
    checks = {row["check"]: row["result"] for row in json.loads(report.read_text())["checks"]}
    assert checks == dict.fromkeys((*STANDARD_CHECKS, *PAPER_CHECKS), "pass")
