"""The session's page: written once at the end, by the controller, named in the summary, whatever came out."""

from __future__ import annotations

import pytest

DRILLS = """
@pytest.mark.drill('good')
def test_good(drill):
    drill.holds('demo.passes')

@pytest.mark.drill('bad', runbook='docs/one.md')
@pytest.mark.mutant('m')
def test_bad(drill):
    drill.holds('demo.fails')

@pytest.mark.drill('left-out')
@pytest.mark.skip(reason='not today')
def test_skipped(drill):
    pass
"""


def page_of(ops) -> str:
    (session,) = ops.sessions
    return (session / "index.html").read_text()


@pytest.mark.parametrize("words", [(), ("-n", "2"), ("-p", "no:allure_pytest")], ids=str)
def test_it_is_written_and_named_once(ops, words):
    ops.drills(DRILLS)
    result = ops.run(*words, apart="-n" in words)
    (session,) = ops.sessions
    told = [line for line in result.outlines if line.startswith("page: ")]
    assert told == [f"page: artifacts/sessions/{session.name}/index.html"]
    page = page_of(ops)
    for text in ("3 drills", "1 failed", "1 passed", "1 skipped", "OPS-DEMO-BAD", 'href="drills/bad.json"'):
        assert text in page


def test_mutants_have_a_page_too(ops):
    ops.drills(DRILLS)
    ops.run("--opslab-mutants")
    assert "Mutants of the drills" in page_of(ops)


def test_an_interrupted_session_has_one(ops):
    ops.drills(DRILLS + "\n@pytest.mark.drill('stop')\ndef test_stop(drill):\n    raise KeyboardInterrupt\n")
    ops.run(apart=True)
    assert "The session was interrupted" in page_of(ops)
    assert "OPS-DEMO-BAD" in page_of(ops)


def test_no_drill_no_page(ops):
    ops.drills("def test_plain(): pass")
    assert "page: " not in ops.run().stdout.str()
    assert ops.sessions == []


IN_THE_WAY = """
import pathlib

@pytest.mark.drill('in-the-way')
def test_in_the_way(drill):
    (session,) = pathlib.Path('artifacts/sessions').iterdir()
    (session / 'index.html').mkdir()
    drill.holds('demo.passes')
"""


def test_a_page_that_cannot_be_written_is_told_and_changes_no_verdict(ops):
    ops.drills(IN_THE_WAY)
    result = ops.run()
    assert result.ret == 0
    assert "the session's page was not written" in result.stdout.str()
    assert {name: row["verdict"] for name, row in ops.rows().items()} == {"in-the-way": "pass"}
    assert (ops.sessions[0] / "metrics.prom").is_file()
