"""``tc run page``: the page of a session, made anew from what lies on disk."""

from __future__ import annotations

import json

import pytest

RECORD = {
    "schema_version": "v1",
    "started_at_utc": "2026-01-01T00:00:00Z",
    "completed_at_utc": None,
    "status": "running",
    "seed": 1,
    "lab_version": "0.9.0",
    "engine_version": "1.231.0",
    "mutants": False,
    "verdicts": {},
    "runs": [],
    "drills": [{"drill": "d", "name": "d", "outcome": "fail", "runbook": "books/d.md"}],
}


@pytest.fixture
def sessions(place):
    def write(name: str, content: str | None = None):
        path = place / "artifacts" / "sessions" / name
        path.mkdir(parents=True)
        (path / "session.json").write_text(json.dumps({**RECORD, "session_id": name}) if content is None else content)
        return path

    return write


def test_the_newest_session_gets_its_page(command, sessions):
    sessions("20260101t000000z-0001")
    newest = sessions("20260102t000000z-0001")
    told = command("run", "page")
    assert (told.code, told.out, told.err) == (0, [f"page={newest / 'index.html'}"], [])
    assert "not told of its end" in (newest / "index.html").read_text()


def test_the_page_is_told_as_json(command, sessions):
    newest = sessions("20260102t000000z-0001")
    told = command("run", "page", "--json")
    assert (told.code, json.loads("\n".join(told.out)), told.err) == (0, {"page": str(newest / "index.html")}, [])


def test_a_session_and_a_base_of_runbooks_can_be_named(command, sessions):
    older = sessions("20260101t000000z-0001")
    sessions("20260102t000000z-0001")
    words = ("--session", older.name, "--runbook-base", "https://example.org/")
    assert command("run", "page", *words).out == [f"page={older / 'index.html'}"]
    assert 'href="https://example.org/books/d.md"' in (older / "index.html").read_text()


@pytest.mark.parametrize("name", ["20260101t000000z-9999", "..", "", "../../../etc", "\x1b[31m"])
def test_a_session_that_is_not_there_is_one_line(command, sessions, name):
    sessions("20260101t000000z-0001")
    told = command("run", "page", "--session", name)
    assert told.code == 1
    (line,) = told.err
    assert line.startswith("error: ")
    assert "there is no session of drills" in line


def test_without_any_session_it_says_what_to_run(command, place):
    told = command("run", "page")
    assert told.code == 1
    assert "run `pytest drills/` first" in told.err[0]


@pytest.mark.parametrize("content", ["{", "[]", '{"schema_version": "v9"}'])
def test_a_record_that_cannot_be_read_is_one_line_and_leaves_no_page(command, sessions, content):
    path = sessions("20260101t000000z-0001", content)
    told = command("run", "page")
    assert told.code == 1
    assert len(told.err) == 1
    assert not (path / "index.html").exists()
