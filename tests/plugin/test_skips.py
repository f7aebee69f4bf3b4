"""A skipped drill is no verdict, but nobody loses sight of it; under a mutant it proves nothing."""

from __future__ import annotations

import pytest

BODY = "@pytest.mark.drill('a')\n@pytest.mark.mutant('m')\ndef test_it(drill):\n    {0}\n"
HOLDS = "drill.holds('demo.passes')"
SKIPS = {
    "body": BODY.format("pytest.skip('no venue')"),
    "after a check": BODY.format(HOLDS + "\n    pytest.skip('no venue')"),
    "unittest": "import unittest\n" + BODY.format("raise unittest.SkipTest('no venue')"),
    "fixture": "@pytest.fixture(autouse=True)\ndef venue():\n    pytest.skip('no venue')\n" + BODY.format(HOLDS),
    "marker": "@pytest.mark.skip(reason='no venue')\n" + BODY.format(HOLDS),
    "condition": "@pytest.mark.skipif(True, reason='no venue')\n" + BODY.format(HOLDS),
}


@pytest.mark.parametrize("how", SKIPS)
def test_a_skip_is_told_with_its_reason(ops, how) -> None:
    ops.drills(SKIPS[how])
    result = ops.run("-q")
    result.assert_outcomes(skipped=1)
    assert result.ret == 0
    (row,) = ops.session()["drills"]
    assert (row["outcome"], row["verdict"], row["message"]) == ("skipped", "unknown", "skipped: no venue")
    assert ops.session()["verdicts"] == {"skipped": 1}
    result.stdout.fnmatch_lines(["SKIPPED * a *", "*skipped: no venue", "1 drill: 1 skipped"])
    metrics = (ops.sessions[0] / "metrics.prom").read_text()
    assert 'drill_pass{area="it",drill="a",severity="normal"} -1.0' in metrics
    assert 'session_drills{verdict="skipped"} 1.0' in metrics


@pytest.mark.parametrize("how", SKIPS)
def test_a_skipped_mutant_is_toothless(ops, how) -> None:
    ops.drills(SKIPS[how])
    result = ops.run("--opslab-mutants")
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (row,) = ops.session()["drills"]
    assert row["outcome"] == "toothless"
    assert row["message"] == "OPS-TOOTHLESS: mutant m survived: only this, no check: skipped: no venue"


def test_a_skip_hides_no_finding(ops) -> None:
    caught = "try:\n        drill.holds('demo.fails')\n    except AssertionError:\n        pytest.skip('oh')"
    ops.drills(BODY.format(caught))
    ops.run().assert_outcomes(failed=1)
    assert ops.session()["verdicts"] == {"fail": 1}


@pytest.mark.parametrize("how", ["body", "marker"])
def test_workers_tell_of_skips(ops, how) -> None:
    ops.drills(SKIPS[how])
    ops.run("-n", "1", apart=True).assert_outcomes(skipped=1)
    assert ops.session()["verdicts"] == {"skipped": 1}


def test_a_session_with_skips_can_be_pruned(ops) -> None:
    ops.drills(SKIPS["body"])
    ops.run()
    ops.sessions[0].rename(ops.sessions[0].with_name("20260101t000000z-0000"))
    ops.run("-o", "opslab_keep_sessions=1").stdout.fnmatch_lines(["pruned 1 older sessions"])
    assert len(ops.sessions) == 1


def test_allure_shows_a_skip_as_one(ops) -> None:
    ops.drills(SKIPS["body"])
    ops.run("--alluredir=allure")
    (result,) = (ops.path / "allure").glob("*-result.json")
    assert '"status": "skipped"' in result.read_text()
