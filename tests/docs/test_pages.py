"""What the pages tell a reader to do works as it stands there."""

from __future__ import annotations

import re

import pytest
from tests.docs.walk import DisagreementError, blocks, follow

PAGES = [
    "quickstart.md",
    "how-to/own-strategy.md",
    "how-to/own-dataset.md",
    "how-to/own-check.md",
    "how-to/own-drill.md",
    "how-to/own-node.md",
    "how-to/drill-your-bot.md",
    "how-to/flatten.md",
    "how-to/dead-man.md",
    "concepts/containment.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_the_page_does_what_the_page_says(docs, tmp_path, page):
    assert follow((docs / page).read_text(), tmp_path) > 0


def test_every_how_to_is_followed(docs):
    found = {path.relative_to(docs).as_posix() for path in docs.glob("how-to/*.md")}
    elsewhere = {"how-to/ci.md", "how-to/monitoring.md"}  # tests/setup and tests/dashboards
    assert found - elsewhere == {page for page in PAGES if page.startswith("how-to/")}


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```sh\nfalse\n```\n", "exits with 1, not 0"),
        ("```sh\ntrue # exits with 1\n```\n", "exits with 0, not 1"),
        ("```sh\necho one\n```\n\n```text\ntwo\n```\n", "the page shows\ntwo"),
        ("```sh\necho one; echo two\n```\n\n```text\ntwo\none\n```\n", "the page shows\none"),
    ],
)
def test_a_page_that_is_wrong_is_noticed(tmp_path, page, complaint):
    with pytest.raises(DisagreementError, match=complaint):
        follow(page, tmp_path)


def test_a_file_is_written_and_a_command_reads_it(tmp_path):
    page = '```text title="in/a.txt"\nhere\n```\n\n```sh\ncat in/a.txt\n```\n\n```text\nh...e\n```\n'
    assert follow(page, tmp_path) == 1


def test_a_block_that_is_not_to_be_run_is_not_run(tmp_path):
    assert follow("<!-- not run: it would fail -->\n```sh\nfalse\n```\n", tmp_path) == 0


@pytest.fixture
def first_drill(repository) -> str:
    """The drill of the README, exactly as it stands there."""
    (block,) = [block for block in blocks((repository / "README.md").read_text()) if block.language == "python"]
    return block.body


def test_the_readme_drill_is_short(first_drill):
    assert len(first_drill.splitlines()) <= 10


@pytest.mark.parametrize(("words", "word"), [((), "PASSED"), (("--opslab-mutants",), "CAUGHT")])
def test_the_readme_drill_runs_as_it_stands(pytester, first_drill, words, word):
    pytester.path.joinpath("opslab.toml").touch()
    pytester.makepyfile(test_first=first_drill)
    result = pytester.runpytest_subprocess("-p", "no:randomly", *words)
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"{word}*first*orders-at-next-open*"])


def test_the_readme_starts_with_two_commands(repository):
    first = blocks((repository / "README.md").read_text())[0]
    assert [line.split("#")[0].strip() for line in first.body.splitlines()] == ["./dev drills", "./dev test"]


def test_the_readme_shows_a_summary_of_these_drills(repository, rendered, generate):
    """The summary is part of a recorded one: its numbers are of that run, its drills must still be there."""
    text = (repository / "README.md").read_text()
    shown = re.search(r"<!-- summary:begin -->(.*?)<!-- summary:end -->", text, re.DOTALL)[1]
    catalogue = rendered[generate.REFERENCE / "drills.md"].decode()
    slugs = set(re.findall(r"^### `([a-z0-9_-]+)`", catalogue, re.MULTILINE))
    rows = re.findall(r"^(?:PASSED|KNOWN DEFECT) +[\w-]+ +(\S+)", shown, re.MULTILINE)
    assert len(rows) > 5
    assert re.search(r"^\d+ drills: \d+ known defect, \d+ passed$", shown, re.MULTILINE)
    assert [row for row in rows if not any(row.startswith(slug) for slug in slugs)] == []


def test_every_picture_of_the_readme_is_there(repository):
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (repository / "README.md").read_text())
    assert pictures
    for picture in pictures:
        assert (repository / picture).read_bytes().startswith(b"\x89PNG")
