"""The table of the engine's own reconciliation: every row that a drill judges is in it, and its drills are real."""

from __future__ import annotations

import re

import pytest

_ROW = re.compile(r'"((?:NT-[A-Z]+-\d|RC-\d|AC-\d|SK-\d)[A-Z0-9+-]*)"')
_LISTED = re.compile(r"^\| ([A-Z]+-[A-Z0-9-]+) \|.*$", re.MULTILINE)
_SLUG = re.compile(r'mark\.drill\(\s*"([a-z0-9_-]+)"')
ELSEWHERE = {"NT-RUN-2", "NT-RUN-3", "NT-START-13"}
"""Rows that drills of other files rehearse, or that the drills of other rows show too."""


@pytest.fixture
def page(docs):
    return (docs / "concepts/engine-reconciliation.md").read_text()


@pytest.fixture
def sources(repository):
    return [path.read_text() for path in sorted((repository / "drills/reconciliation").glob("test_engine_*.py"))]


def _judged(sources) -> set[str]:
    """Return the rows that drills judge; ``rehearses`` names incidents, which are no rows."""
    texts = (re.sub(r"rehearses=\[[^]]*\]", "", source) for source in sources)
    found = {row for text in texts for row in _ROW.findall(text)}
    joined = {row for row in found if "+" in row}
    parts = {f"{row.split('+')[0][:-1]}{number}" for row in joined for number in re.findall(r"\d", row)}
    return (found - joined) | parts


def test_the_table_has_every_row_that_is_judged_and_no_other(page, sources):
    judged, listed = _judged(sources), set(_LISTED.findall(page))
    assert len(judged) > 50
    assert judged - listed == set()
    assert listed - judged == ELSEWHERE


def test_every_drill_of_the_table_is_there(page, repository):
    slugs = {slug for path in (repository / "drills").rglob("test_*.py") for slug in _SLUG.findall(path.read_text())}
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    named = {word for line in rows for word in re.findall(r"`((?:engine|submit)-[a-z-]+)`", line)}
    assert len(named) > 20
    assert named - slugs == set()


def test_every_drill_of_the_rows_is_in_the_table(page, sources):
    assert {slug for source in sources for slug in _SLUG.findall(source) if f"`{slug}`" not in page} == set()
