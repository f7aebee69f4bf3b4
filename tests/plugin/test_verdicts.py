"""The verdict table, from what a drill found to what pytest, JUnit, the report and the metrics say."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

TABLE = '''
KNOWN = dict(versions=">=1", reference="https://example.org/1")

@pytest.mark.drill("passes", severity="critical", detect_within="5s", runbook="docs/x.md")
def test_pass(drill):
    """All is well."""
    drill.steady("demo.passes")
    with drill.inject(Fault()):
        drill.detects("demo.passes")
    drill.recovers("demo.passes")

@pytest.mark.drill("known")
@pytest.mark.known_defect("OPS-DEMO-BAD", **KNOWN)
def test_known(drill):
    drill.holds("demo.fails")
    drill.holds("demo.passes")

@pytest.mark.drill("known-inert")
@pytest.mark.known_defect("OPS-DEMO-BAD", versions="<1", reference="old")
def test_known_inert(drill):
    drill.holds("demo.fails")

@pytest.mark.drill("inert-passes")
@pytest.mark.known_defect("OPS-DEMO-BAD", versions="<1", reference="old")
def test_inert_passes(drill):
    drill.holds("demo.passes")

@pytest.mark.drill("known-absent")
@pytest.mark.known_defect("OPS-DEMO-BAD", **KNOWN)
def test_known_absent(drill):
    drill.holds("demo.passes")

@pytest.mark.drill("known-and-more")
@pytest.mark.known_defect("OPS-DEMO-BAD", **KNOWN)
def test_known_and_more(drill):
    drill.holds("demo.fails")
    drill.holds("demo.fails_otherwise")

@pytest.mark.drill("known-twice")
@pytest.mark.known_defect("OPS-DEMO-BAD", **KNOWN)
@pytest.mark.known_defect("OPS-DEMO-WORSE", **KNOWN)
def test_known_twice(drill):
    drill.holds("demo.fails")
    drill.holds("demo.fails_otherwise")

@pytest.mark.drill("never-fired")
def test_never_fired(drill):
    with drill.inject(Fault(fired=False)):
        drill.holds("demo.passes")

@pytest.mark.drill("crashes")
def test_crashes(drill):
    drill.holds("demo.crashes")

@pytest.mark.drill("facts-missing")
def test_facts_missing(drill):
    drill.holds("demo.needs_fact")

@pytest.mark.drill("no-check")
def test_no_check(drill):
    pass

@pytest.mark.drill("fails")
def test_fails(drill):
    drill.holds("demo.fails")

@pytest.mark.drill("swallowed")
def test_swallowed(drill):
    with pytest.raises(AssertionError):
        drill.holds("demo.fails")

@pytest.mark.drill("fail-then-doubt")
def test_fail_then_doubt(drill):
    with pytest.raises(AssertionError):
        drill.holds("demo.fails")
    drill.holds("demo.unknown")

@pytest.mark.drill("plain-assert")
def test_plain_assert(drill):
    drill.holds("demo.passes")
    assert 1 == 2

@pytest.mark.drill("pytest-fail")
def test_pytest_fail(drill):
    drill.holds("demo.passes")
    pytest.fail("said so")

@pytest.mark.drill("hidden-by-xfail")
def test_hidden(drill):
    drill.holds("demo.passes")
    pytest.xfail("later")

@pytest.mark.drill("lab-error")
def test_lab_error(drill):
    drill.holds("demo.no_such_check")

@pytest.mark.drill("other-error")
def test_other_error(drill):
    raise ZeroDivisionError("oops")

@pytest.mark.drill("sys-exit")
def test_sys_exit(drill):
    raise SystemExit(0)

@pytest.fixture
def broken_setup():
    raise AssertionError("no set-up")

@pytest.mark.drill("setup-error")
def test_setup_error(broken_setup, drill):
    drill.holds("demo.passes")

@pytest.fixture
def broken_teardown():
    yield
    raise RuntimeError("no teardown")

@pytest.mark.drill("teardown-error")
def test_teardown_error(broken_teardown, drill):
    drill.holds("demo.passes")

@pytest.mark.drill("unhealed")
def test_unhealed(drill):
    class Stubborn(Fault):
        def heal(self):
            raise RuntimeError("stuck")
    drill.holds("demo.passes")
    with pytest.raises(Exception):
        with drill.inject(Stubborn()):
            pass

@pytest.mark.drill("skipped")
def test_skipped(drill):
    pytest.skip("not here")
'''

EXPECTED = {
    "passes": ("pass", "passed", "4 checks held"),
    "known": ("known_defect", "passed", "OPS-DEMO-BAD: demo.fails: bad (known: https://example.org/1)"),
    "known-inert": ("fail", "failure", "OPS-DEMO-BAD"),
    "inert-passes": ("pass", "passed", "1 check held"),
    "known-absent": ("fail", "failure", "OPS-DEFECT-ABSENT"),
    "known-and-more": ("fail", "failure", "OPS-DEMO-WORSE"),
    "known-twice": ("known_defect", "passed", "OPS-DEMO-BAD"),
    "never-fired": ("unknown", "failure", "OPS-FAULT-NEVER-FIRED: demo_fault"),
    "crashes": ("unknown", "failure", "OPS-CHECK-CRASHED: demo.crashes: ValueError: boom"),
    "facts-missing": ("unknown", "failure", "OPS-FACTS-MISSING"),
    "no-check": ("unknown", "failure", "OPS-NO-CHECK"),
    "fails": ("fail", "failure", "OPS-DEMO-BAD: demo.fails: bad"),
    "swallowed": ("fail", "failure", "OPS-DEMO-BAD"),
    "fail-then-doubt": ("fail", "failure", "OPS-DEMO-BAD"),
    "plain-assert": ("fail", "failure", "OPS-ASSERTION: "),
    "pytest-fail": ("fail", "failure", "OPS-ASSERTION: said so"),
    "hidden-by-xfail": ("fail", "failure", "known_defect"),
    "lab-error": ("error", "error", "unknown check 'demo.no_such_check'"),
    "other-error": ("error", "error", "ZeroDivisionError: oops"),
    "sys-exit": ("error", "error", "SystemExit"),
    "setup-error": ("error", "error", "setup: AssertionError: no set-up"),
    "teardown-error": ("error", "error", "teardown: RuntimeError: no teardown"),
    "unhealed": ("error", "error", "demo_fault was not healed"),
}
PASSED = {"pass": True, "known_defect": True, "fail": False, "unknown": None, "error": None}
METRIC = {True: 1, False: 0, None: -1}


@pytest.fixture(scope="module")
def table(
    tmp_path_factory: pytest.TempPathFactory,
    checks_text: str,
    apart: Callable[..., subprocess.CompletedProcess[str]],
) -> dict[str, Any]:
    """One session with a drill of every verdict; what each reader saw of it."""
    path = tmp_path_factory.mktemp("table")
    (path / "opslab.toml").write_text("")
    (path / "pytest.toml").write_text('[pytest]\nstrict = true\njunit_family = "xunit2"\n')
    (path / "conftest.py").write_text(checks_text)
    (path / "test_it.py").write_text(f'"""All verdicts."""\nimport pytest\nfrom conftest import Fault\n{TABLE}')
    done = apart(path, "--junitxml=junit.xml", "--alluredir=allure", "-rA")
    (session,) = (path / "artifacts" / "sessions").iterdir()
    record = json.loads((session / "session.json").read_text())
    cases: dict[str, list[ET.Element]] = {}
    for case in ET.parse(path / "junit.xml").getroot().iter("testcase"):
        for found in case.iter("property"):
            if found.get("name") == "opslab.drill":
                cases.setdefault(str(found.get("value")), []).append(case)
    results = [json.loads(file.read_text()) for file in (path / "allure").glob("*-result.json")]
    stories = {label["value"]: one for one in results for label in one["labels"] if label["name"] == "story"}
    return {
        "code": done.returncode,
        "out": done.stdout,
        "path": path,
        "rows": {row["drill"]: row for row in record["drills"]},
        "record": record,
        "junit": cases,
        "allure": stories,
        "metrics": (session / "metrics.prom").read_text(),
    }


def test_the_session_fails(table: dict[str, Any]) -> None:
    assert table["code"] == pytest.ExitCode.TESTS_FAILED
    assert set(table["rows"]) == {*EXPECTED, "skipped"}


@pytest.mark.parametrize("slug", EXPECTED)
def test_row_and_report(table: dict[str, Any], slug: str) -> None:
    verdict, _, message = EXPECTED[slug]
    row = table["rows"][slug]
    assert (row["verdict"], row["outcome"]) == (verdict, verdict)
    assert message in row["message"]
    report = json.loads((table["path"] / row["report"]).read_text())
    assert (report["verdict"], report["pass"]) == (verdict, PASSED[verdict])


@pytest.mark.parametrize("slug", EXPECTED)
def test_junit(table: dict[str, Any], slug: str) -> None:
    verdict, element, _ = EXPECTED[slug]
    (case,) = table["junit"][slug]
    found = {child.tag for child in case} & {"failure", "error", "skipped"}
    assert found == ({element} if element != "passed" else set())
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert properties["opslab.verdict"] == verdict
    assert properties["opslab.report"] == table["rows"][slug]["report"]
    assert list(properties) == list(dict.fromkeys(properties))


@pytest.mark.parametrize("slug", EXPECTED)
def test_pytest_outcome(table: dict[str, Any], slug: str) -> None:
    _, element, _ = EXPECTED[slug]
    name = table["rows"][slug]["nodeid"]
    word = {"passed": "PASSED", "failure": "FAILED", "error": "ERROR"}[element]
    lines = set(re.findall(rf"^(PASSED|FAILED|ERROR) {re.escape(name)}(?: |$)", table["out"], re.MULTILINE))
    assert lines == ({"PASSED", "ERROR"} if slug == "teardown-error" else {word})


@pytest.mark.parametrize("slug", EXPECTED)
def test_allure(table: dict[str, Any], slug: str) -> None:
    verdict, _, message = EXPECTED[slug]
    result = table["allure"][slug]
    statuses = {"pass": "passed", "known_defect": "passed", "unknown": "failed", "fail": "failed", "error": "broken"}
    assert result["status"] == statuses[verdict]
    assert message in result["statusDetails"]["message"]
    tags = {label["value"] for label in result["labels"] if label["name"] == "tag"}
    assert ("known engine defect" in tags) is (verdict == "known_defect")


def test_allure_categories_sort_the_verdicts(table: dict[str, Any]) -> None:
    categories = json.loads((table["path"] / "allure" / "categories.json").read_text())

    def category(result: dict[str, Any]) -> str | None:
        for one in categories:
            matches = re.fullmatch(one.get("messageRegex", ".*"), result["statusDetails"]["message"], re.DOTALL)
            if result["status"] in one["matchedStatuses"] and matches:
                return str(one["name"])
        return None

    wanted = {
        "pass": None,
        "known_defect": "Known engine defect",
        "unknown": "Verdict unknown",
        "fail": "Other finding",
        "error": "The lab itself failed",
    }
    found = {slug: category(table["allure"][slug]) for slug in EXPECTED}
    assert found == {slug: wanted[verdict] for slug, (verdict, _, _) in EXPECTED.items()}


def test_metrics(table: dict[str, Any]) -> None:
    prefix = "tradingchassis_ops_lab_"
    samples = {
        (sample.name.removeprefix(prefix), sample.labels.get("drill") or sample.labels.get("verdict")): sample.value
        for family in text_string_to_metric_families(table["metrics"])
        for sample in family.samples
    }
    for slug, (verdict, _, _) in EXPECTED.items():
        assert samples["drill_pass", slug] == METRIC[PASSED[verdict]]
        assert samples["drill_known_defect", slug] == (verdict == "known_defect")
    counts = {verdict: sum(row[0] == verdict for row in EXPECTED.values()) for verdict in PASSED}
    assert {verdict: samples["session_drills", verdict] for verdict in PASSED} == counts
    assert table["record"]["verdicts"] == {**counts, "skipped": 1}
    assert "run_id" not in table["metrics"]


def test_a_finding_of_the_lab_shows_no_traceback_through_the_lab(table: dict[str, Any]) -> None:
    shown = table["out"].partition("_ test_no_check _")[2].partition("\n___")[0]
    assert "OPS-NO-CHECK" in shown
    assert "site-packages" not in shown
    assert "pytest_plugin" not in shown
    assert "test_it.py:" in shown
    assert "judging.py" not in table["out"].partition("_ test_fails _")[2].partition("\n___")[0]


def test_the_summary_tells_the_worst_first(table: dict[str, Any]) -> None:
    section = table["out"].partition("= ops drills =")[2]
    words = [line.split()[0] for line in section.splitlines() if line[:1].isupper() and line.rstrip().endswith(" s")]
    assert words == sorted(words, key=["UNKNOWN", "ERROR", "FAILED", "SKIPPED", "KNOWN", "PASSED"].index)
    assert words[0] == "UNKNOWN"
    assert "24 drills: 4 unknown, 6 error, 9 failed, 1 skipped, 2 known defect, 2 passed" in section
    assert "runbook" not in section.partition("PASSED")[2]


def test_a_report_says_what_it_cannot_show_without_a_run_too(ops) -> None:
    ops.drills("@pytest.mark.drill('a')\ndef test_it(drill):\n    drill.holds('demo.passes')")
    ops.run()
    limitations = ops.report("a")["limitations"]
    assert len(set(limitations)) == 3
    assert "no run was made: only recorded facts were judged" in limitations
