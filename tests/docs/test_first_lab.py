"""The walkthrough for a new user works as it stands there, and says which commands have ``--json``."""

from __future__ import annotations

import re

import pytest
import typer
from tests.docs.walk import follow

from opslab.cli.main import app


@pytest.fixture
def page(docs) -> str:
    return (docs / "tutorials" / "first-lab.md").read_text()


@pytest.mark.timeout(240)
def test_every_block_of_the_walkthrough_does_what_it_says(page, tmp_path):
    outside, inside = page.split("```sh\ncd my-lab\n```\n")  # every command is run in a shell of its own
    assert follow(outside, tmp_path) == 2
    assert follow(inside, tmp_path / "my-lab") > 20


def _with_json() -> set[str]:
    def walk(words, command):
        if any("--json" in option.opts for option in command.params):
            yield " ".join(words)
        for name, child in getattr(command, "commands", {}).items():
            yield from walk((*words, name), child)

    return set(walk(("tc",), typer.main.get_command(app)))


def test_the_commands_that_are_said_to_have_json_have_it(page):
    (sentence,) = re.findall(r"Commands that scripts read have `--json`: (.*?)\.\n", page, re.DOTALL)
    named = set(re.findall(r"`(tc [a-z ]+)`", sentence))
    found = {name if not name.startswith("tc drill ") else "tc drill" for name in _with_json()}
    assert named == found
