"""What becomes known after a run's end is added, told in ``post.jsonl``, and rewrites nothing that was sealed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from opslab.errors import StoreError
from opslab.runs.finish import problems_of
from opslab.runs.rehearsal import keep_report
from opslab.store.reader import Bundle
from opslab.store.writer import append_post

MAKER = Path(__file__).parents[2] / "fixtures" / "bundles" / "make_current.py"
FACTS = ("run_spec.yaml", "journal.jsonl", "metrics.json", "events.jsonl", "views.jsonl", "manifest.json")


@pytest.fixture(scope="module")
def report_of():
    specification = importlib.util.spec_from_file_location("make_current", MAKER)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module._report


def test_reports_are_added_beside_the_only_run(lab, run, clock, report_of):
    bundle = run()
    before = {name: bundle.read(name) for name in FACTS}
    for name in ("one", "two"):
        report = report_of(bundle).model_copy(update={"drill_name": name})
        assert keep_report(report, name, [bundle.path], lab.sessions, clock) == bundle.path / "drills" / f"{name}.json"
    fresh = Bundle(bundle.path)
    assert {name: fresh.read(name) for name in FACTS} == before
    assert fresh.metadata.drills == ("one", "two")
    assert fresh.metadata.post.lines == 2
    assert [event["drill_name"] for event in fresh.journal[-2:]] == ["one", "two"]
    assert b"drills/two.json" in fresh.read("report.md")
    assert problems_of(fresh) == []


def test_reports_of_no_run_or_several_go_to_the_session(lab, run, clock, report_of):
    one, two = run("r1"), run("r2")
    for number, paths in enumerate(([], [one.path, two.path])):
        assert keep_report(report_of(one), f"n{number}", paths, lab.sessions, clock) == lab.sessions / f"n{number}.json"
    mutant = report_of(one).model_copy(update={"mutant": "m"})
    assert keep_report(mutant, "m", [one.path], lab.sessions, clock).parent == lab.sessions
    assert not one.has("post.jsonl")


def test_an_unsealed_run_takes_no_later_facts(run, clock, report_of):
    bundle = run()
    (bundle.path / "manifest.json").unlink()
    with pytest.raises(StoreError, match="has no manifest"):
        append_post(bundle.path, bundle, clock)
