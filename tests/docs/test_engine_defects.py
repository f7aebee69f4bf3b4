"""The pages on engine defects: what drills refer to is there, listed, and its reproduction does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.walk import follow

SHOWN = sorted(
    path
    for path in (Path(__file__).parents[2] / "docs" / "engine-defects").glob("*.md")
    if "```python title=" in path.read_text()
)
_REFERENCE = re.compile(r"engine-defects\"?/([a-z-]+\.md)|\{DEFECTS\}/([a-z-]+\.md)")


@pytest.fixture
def pages(docs):
    return {path.name: path for path in (docs / "engine-defects").glob("*.md")}


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_a_reproduction_does_what_the_page_says(page, tmp_path):
    assert follow(page.read_text(), tmp_path) >= 1 or "<!-- not run:" in page.read_text()


def test_most_pages_have_a_reproduction_of_their_own():
    assert len(SHOWN) >= 15


def test_what_a_drill_refers_to_is_there(pages, repository):
    texts = (path.read_text() for path in (repository / "drills").rglob("test_*.py"))
    named = {first or second for text in texts for first, second in _REFERENCE.findall(text)}
    assert named
    assert named - pages.keys() == set()


def test_the_index_lists_every_page(pages):
    listed = set(re.findall(r"\]\(([a-z-]+\.md)\)", pages["index.md"].read_text()))
    assert pages.keys() - listed == {"index.md"}


def test_every_page_says_which_versions_have_it(pages):
    for name in pages.keys() - {"index.md"}:
        assert re.search(r"\*\*Versions\*\*: \d", pages[name].read_text()), name
