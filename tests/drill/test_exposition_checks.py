"""The checks on scrapes: each finding, one at a time."""

from __future__ import annotations

from typing import Any

import pytest

from opslab.contract.drill import Phase, Result
from opslab.drill.checks import find_check
from opslab.drill.history import History

LINES = {"count": 3, "sha256": "a" * 64}
SCRAPE = {
    "way": "metadata cut",
    "status": 200,
    "health": 200,
    "neighbours_before": LINES,
    "neighbours_now": LINES,
    "wanted": ["metadata.json"],
    "counted": {"bundles": 1, "files": {"metadata.json": 1}},
}
WHOLE = {**SCRAPE, "way": "whole", "wanted": [], "counted": {"bundles": 0, "files": {}}}


def ask(name: str, *scrapes: dict[str, Any]) -> Any:
    return find_check(f"exposition.{name}").ask(History(facts={"scrapes": list(scrapes)}), None, Phase.VERIFY)


@pytest.mark.parametrize("name", ["isolated", "counted"])
def test_scrapes_as_they_should_be_pass(name):
    assert ask(name, WHOLE, SCRAPE).result is Result.PASS


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": 0}, "OPS-METRICS-DOWN"),
        ({"status": 500}, "OPS-METRICS-DOWN"),
        ({"health": 0}, "OPS-METRICS-DOWN"),
        ({"neighbours_now": {"count": 3, "sha256": "b" * 64}}, "OPS-METRICS-NEIGHBOUR"),
        (
            {"neighbours_before": {**LINES, "count": 0}, "neighbours_now": {**LINES, "count": 0}},
            "OPS-METRICS-NEIGHBOUR",
        ),
    ],
)
def test_a_page_that_suffers_is_named(changes, code):
    finding = ask("isolated", WHOLE, {**SCRAPE, **changes})
    assert (finding.result, finding.code) == (Result.FAIL, code)
    assert "metadata cut" in finding.details


@pytest.mark.parametrize(
    "counted",
    [
        {"bundles": 0, "files": {}},
        {"bundles": 1, "files": {}},
        {"bundles": 1, "files": {"journal.jsonl": 1}},
        {"bundles": 1, "files": {"metadata.json": 1, "journal.jsonl": 1}},
        {"bundles": 2, "files": {"metadata.json": 1}},
        {"bundles": 1, "files": {"metadata.json": 2}},
    ],
    ids=str,
)
def test_what_is_counted_otherwise_is_named(counted):
    finding = ask("counted", WHOLE, {**SCRAPE, "counted": counted})
    assert (finding.result, finding.code) == (Result.FAIL, "OPS-METRICS-UNCOUNTED")


def test_a_whole_bundle_must_not_be_counted():
    assert ask("counted", {**WHOLE, "counted": SCRAPE["counted"]}).code == "OPS-METRICS-UNCOUNTED"


@pytest.mark.parametrize("name", ["isolated", "counted"])
def test_no_scrape_is_a_doubt(name):
    assert ask(name).code == "OPS-FACTS-MISSING"
