"""A drill's own word for a pass: in its report and in the run's record, nowhere else."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

DRILLS = """

@pytest.mark.drill("stale_market_data", outcome="expected_warning")
@pytest.mark.mutant("guard_removed")
def test_stale(drill):
    drill.holds("demo.fails" if drill.mutant else "demo.passes")

@pytest.mark.drill("in_vain", outcome="expected_warning")
def test_in_vain(drill):
    drill.holds("demo.fails")

@pytest.mark.drill("in_doubt", outcome="expected_warning")
def test_in_doubt(drill):
    drill.holds("demo.unknown")

@pytest.mark.drill("not_today", outcome="expected_warning")
def test_not_today(drill):
    pytest.skip("not today")

@pytest.mark.drill("known", outcome="expected_warning")
@pytest.mark.known_defect("OPS-DEMO-BAD", versions=">=1", reference="there")
def test_known(drill):
    drill.holds("demo.fails")
"""
VERDICTS = {"in_vain": "fail", "in_doubt": "unknown", "not_today": "skipped", "known": "known_defect"}


def test_only_a_pass_bears_the_word_and_only_in_the_report(ops):
    ops.drills(DRILLS)
    ops.run("--junitxml=junit.xml")
    reports = {name: ops.report(name) for name in (*VERDICTS, "stale_market_data")}
    assert {name: report["outcome"] for name, report in reports.items()} == {
        **VERDICTS,
        "stale_market_data": "expected_warning",
    }
    assert {report["status"] for report in reports.values()} == {"completed"}
    assert ops.rows()["stale_market_data"]["outcome"] == "pass"
    assert ops.session()["verdicts"] == {"fail": 1, "known_defect": 1, "pass": 1, "skipped": 1, "unknown": 1}
    told = [
        item.get("value") for item in ET.parse("junit.xml").iter("property") if item.get("name") == "opslab.outcome"
    ]
    assert sorted(told) == ["fail", "known_defect", "pass", "skipped", "unknown"]


def test_a_mutant_that_is_caught_does_not_bear_the_word(ops):
    ops.drills(DRILLS)
    ops.run("--opslab-mutants", "-k", "stale")
    ((_, row),) = ops.rows().items()
    report = json.loads((ops.path / row["report"]).read_text())
    assert (row["outcome"], report["outcome"], report["mutant"]) == ("caught", "caught", "guard_removed")


def test_workers_carry_the_word(ops):
    ops.drills(DRILLS)
    ops.run("-n1", "-k", "stale", apart=True)
    assert ops.report("stale_market_data")["outcome"] == "expected_warning"
    assert ops.rows()["stale_market_data"]["outcome"] == "pass"


@pytest.mark.parametrize("word", ["'No Word'", "'pass'", "5"])
def test_a_word_that_is_none_is_a_usage_error(ops, refused, word):
    ops.drills(f"@pytest.mark.drill('a', outcome={word})\ndef test_it(drill):\n    drill.holds('demo.passes')")
    assert "outcome" in refused()
