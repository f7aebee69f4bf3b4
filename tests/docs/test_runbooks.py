"""Runbooks and decisions: complete, of one form, and their commands are real."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

EXAMPLES = {"OPS-X", "OPS-ORD-NONE", "OPS-FILL-LATE", "OPS-FILL"}
"""Codes in docstrings and messages that show the form of a code, and a prefix that is searched for."""

SECTIONS = ["Symptom", "What it means", "What to look at", "What to do", "How to prove it is fixed"]
_CODE = re.compile(r"OPS(?:-[A-Z]+)+(?![A-Z-])")


@pytest.fixture(scope="module")
def runbooks(docs) -> dict[str, str]:
    return {path.stem: path.read_text() for path in sorted((docs / "runbooks").glob("*.md"))}


@pytest.fixture(scope="module")
def codes(repository) -> set[str]:
    """Every finding code in the lab's source."""
    sources = (path.read_text() for path in (repository / "src/opslab").rglob("*.py"))
    return {code for source in sources for code in _CODE.findall(source)} - EXAMPLES


def test_every_code_is_explained(codes, runbooks):
    assert len(codes) > 30
    assert codes - set(_CODE.findall(runbooks["index"])) == set()


def test_no_code_is_explained_that_no_check_gives(codes, runbooks):
    assert {code for text in runbooks.values() for code in _CODE.findall(text)} - codes == set()


def test_the_index_sends_a_code_to_a_page_that_explains_it(runbooks):
    rows = re.findall(r"^\| (`OPS-[^|]+) \|[^|]+\| \[[^]]+\]\(([a-z-]+)\.md\) \|$", runbooks["index"], re.MULTILINE)
    others = re.findall(r"^\| [^|]+ \| \[[^]]+\]\(([a-z-]+)\.md\) \|$", runbooks["index"], re.MULTILINE)
    assert {*others, *(page for _, page in rows)} == set(runbooks) - {"index"}
    for listed, page in rows:
        for code in _CODE.findall(listed):
            assert f"`{code}`: " in runbooks[page], f"{page}.md does not explain {code}"


def test_runbooks_have_one_form(runbooks):
    for name, text in runbooks.items():
        if name != "index":
            assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS, name


def test_decisions_have_five_headings(docs):
    pages = sorted((docs / "adr").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in pages] == list(range(1, len(pages) + 1))
    index = (docs / "adr/index.md").read_text()
    for path in pages:
        text = path.read_text()
        title = text.splitlines()[0]
        assert title.startswith(f"# {path.name[:4]}: ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Status", "Consequences"]
        assert f"[{path.name[:4]}]({path.name}) | {title[8:]} |" in index


def test_every_drill_command_of_the_runbooks_finds_drills(runbooks, repository):
    commands = {
        " ".join(command.split())
        for text in runbooks.values()
        for command in re.findall(r"`(pytest drills[^`]*)`", text)
        if "WORDS" not in command
    }
    assert len(commands) > 5
    paths, words = set(), []
    for command in commands:
        _, path, *rest = shlex.split(command)
        paths.add(path)
        words += [rest[rest.index("-k") + 1]] if "-k" in rest else []
    found = _collected(repository, *sorted(paths))
    assert all((repository / path).exists() for path in paths)
    for word in words:
        assert any(part in line for part in word.split(" or ") for line in found), word


def test_every_drill_has_a_runbook(rendered, generate, runbooks):
    """A drill that is made of a run spec has none of its own: the index sends people on."""
    sections = rendered[generate.REFERENCE / "drills.md"].decode().split("\n### `")[1:]
    pages = {section.partition("`")[0]: re.findall(r"\(\.\./runbooks/([\w-]+)\.md\)", section) for section in sections}
    assert len(pages) > 10
    assert [slug for slug, found in pages.items() if not found and not slug.startswith("run-")] == []
    assert {page for found in pages.values() for page in found} - runbooks.keys() == set()
    assert "| a drill `run-...`, made of a run spec, failed | [A run failed](run-failed.md) |" in runbooks["index"]


def _collected(repository, *paths: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", *paths, "--collect-only", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return [line for line in ran.stdout.splitlines() if "::" in line]


def test_the_concepts_are_listed(docs):
    """In the index of the section, in the order in which they are read."""
    listed = set(re.findall(r"^- \[[^]]+\]\(([a-z-]+)\.md\)", (docs / "concepts/index.md").read_text(), re.MULTILINE))
    assert {path.stem for path in (docs / "concepts").glob("*.md")} == listed | {"index"}
