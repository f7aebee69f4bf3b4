"""Every command that a page names is there, with every option; whether it does what is said is tested elsewhere."""

from __future__ import annotations

import re
import subprocess

import pytest
from tests.docs.walk import blocks

from opslab.pytest_plugin import options

_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SPLIT = re.compile(r"\s*(?:&&|\|\||[;|&]|\d?>+)\s*")
_WORD = re.compile(r"\"[^\"]*\"|'[^']*'|\S+")
_PATH = re.compile(r"(?:docs|src|tests|drills|scenarios|dashboards|fixtures|benchmarks)/[\w./-]*")


@pytest.fixture(scope="module")
def pages(repository) -> dict[str, str]:
    """Every page that people wrote, without what is told of other versions."""
    written = [path for path in (repository / "docs").rglob("*.md") if path.parent.name not in {"reference", "adr"}]
    written += [repository / "README.md", repository / "CONTRIBUTING.md"]
    return {path.relative_to(repository).as_posix(): path.read_text() for path in written}


@pytest.fixture(scope="module")
def tc(generate) -> dict[tuple[str, ...], set[str]]:
    """The options of each command, by its words."""
    import typer

    from opslab.cli.main import app

    walked = dict(generate.commands.walked(("tc",), typer.main.get_command(app)))
    return {words: {name for option in command.params for name in option.opts} for words, command in walked.items()}


def calls(page: str, program: str) -> list[list[str]]:
    """Return the words of every call of ``program`` in the page's code."""
    lines = [line for block in blocks(page) if block.language == "sh" for line in _joined(block.body)]
    lines += _INLINE.findall(re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE))
    parts = [_WORD.findall(part) for line in lines for part in _SPLIT.split(line.partition(" #")[0])]
    return [words[words.index(program) :] for words in parts if program in words[:3]]


def _joined(body: str) -> list[str]:
    return body.replace("\\\n", " ").splitlines()


def wrong(words: list[str], tc: dict[tuple[str, ...], set[str]]) -> list[str]:
    """Return what of a call of ``tc`` is not there: the word that is no command, and unknown options."""
    command, at = ("tc",), 1
    known, unknown = {*tc["tc",], "--help"}, []
    while at < len(words):
        word, at = words[at], at + 1
        name = word.partition("=")[0]
        is_group = any(len(other) > len(command) and other[: len(command)] == command for other in tc)
        if name.startswith("--"):
            unknown += [] if name in known else [name]
            at += bool(is_group and name == "--root")
        elif is_group and (*command, word) in tc:
            command = (*command, word)
            known |= tc[command]
        elif is_group and re.fullmatch(r"[a-z-]+", word):
            unknown.append(word)
    return unknown


def test_every_call_of_tc_is_of_a_command_that_is_there(pages, tc):
    found = {(page, " ".join(words)): wrong(words, tc) for page, text in pages.items() for words in calls(text, "tc")}
    assert len(found) > 50
    assert {call: unknown for call, unknown in found.items() if unknown} == {}


@pytest.mark.parametrize(
    ("call", "unknown"),
    [
        ("tc run verify --run-id ID", []),
        ("tc --root DIR metrics serve --port=1", []),
        ("tc run prove", ["prove"]),
        ("tc kill status --all --loud", ["--loud"]),
        ("tc nothing", ["nothing"]),
    ],
)
def test_a_call_that_is_wrong_is_noticed(tc, call, unknown):
    (words,) = calls(f"Say `{call}`.", "tc")
    assert wrong(words, tc) == unknown


def test_calls_are_found_wherever_they_stand():
    page = "`tc a`\n\n```sh\nX=1 tc b --c > d && tc e \\\n  --f # tc g\n```\n\n```text\ntc h\n```\n"
    assert calls(page, "tc") == [["tc", "b", "--c"], ["tc", "e", "--f"], ["tc", "a"]]


def test_every_option_of_the_plugin_that_a_page_names_is_there(pages):
    named = {name for text in pages.values() for name in re.findall(r"(?<![\w-])--opslab-[a-z-]+\w", text)}
    assert len(named) > 5
    assert named - {name for name, _ in options.OPTIONS} == set()


def test_every_word_for_dev_that_a_page_names_is_there(pages, repository):
    usage = subprocess.run(["./dev", "help"], cwd=repository, capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^  ([a-z]+) ", usage, re.MULTILINE)) | {"help"}
    named = {words[1] for text in pages.values() for words in calls(text, "./dev") if len(words) > 1}
    assert len(named) > 5
    assert named - known == set()


def test_every_path_that_contributing_names_is_there(repository):
    text = (repository / "CONTRIBUTING.md").read_text()
    named = [path for code in _INLINE.findall(text) for path in _PATH.findall(code)]
    assert len(named) > 10
    assert [path for path in named if not (repository / path).exists()] == []
