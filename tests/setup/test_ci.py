"""The pipeline of this repository, and the one that the docs offer to a user's."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

STEPS = ["check", "test -n 2", "drills", "mutants", "docs"]


@pytest.fixture
def pipeline(machine):
    """Run ``.ci/run`` with a ``./dev`` that records its words and fails at ``fails``."""

    def run(fails: str = "none") -> tuple[int, list[str]]:
        script = f'#!/bin/sh\necho "$*" >>"{machine.log}"\ncat >/dev/null\n[ "$1" != {fails} ] || exit 3\n'
        (machine.lab / "dev").write_text(script)
        ran = subprocess.run(["bash", machine.lab / ".ci/run"], cwd=machine.box, capture_output=True, check=False)
        return ran.returncode, machine.log.read_text().splitlines()

    return run


def test_the_pipeline_runs_every_step_in_order(pipeline):
    assert pipeline() == (0, STEPS)


@pytest.mark.parametrize("position", range(len(STEPS)))
def test_the_pipeline_stops_at_the_first_step_that_fails(pipeline, position):
    assert pipeline(STEPS[position].split()[0]) == (3, STEPS[: position + 1])


@pytest.fixture(scope="module")
def workflow(repository) -> dict:
    """The workflow that docs/how-to/ci.md offers."""
    (block,) = re.findall(
        r"^```yaml\n(.*?)^```", (repository / "docs/how-to/ci.md").read_text(), re.MULTILINE | re.DOTALL
    )
    return yaml.safe_load(block)


@pytest.fixture(scope="module")
def lines(workflow) -> list[list[str]]:
    """The command lines of the workflow, as words."""
    steps = workflow["jobs"]["drills"]["steps"]
    return [shlex.split(line) for step in steps for line in step.get("run", "").splitlines()]


def options_of(*words: str) -> set[str]:
    """Return the options that a command of this environment names in its help."""
    tool = str(Path(sys.executable).parent / words[0])
    said = subprocess.run(
        [tool, *words[1:], "--help"], capture_output=True, text=True, check=False, env={"COLUMNS": "200"}
    )
    assert said.returncode == 0, said.stderr
    return set(re.findall(r"--[a-z][a-z-]*", said.stdout))


def options(words: list[str]) -> list[str]:
    return [word.split("=")[0] for word in words if word.startswith("--")]


def test_the_recipe_runs_drills_and_their_mutants_and_keeps_the_evidence(workflow, lines):
    assert ["pytest", "drills/", "--opslab-mutants"] in lines
    steps = workflow["jobs"]["drills"]["steps"]
    (kept,) = [step for step in steps if "upload-artifact" in step.get("uses", "")]
    assert kept["if"] == "${{ !cancelled() }}"
    assert {"artifacts/", "reports/"} <= set(kept["with"]["path"].split())


def test_the_recipe_uses_no_command_that_a_runner_does_not_have(lines):
    assert {line[0] for line in lines} == {"python", "tc", "pytest", "npx", "sed"}


def test_every_tc_command_and_option_of_the_recipe_exists(lines):
    for line in (line for line in lines if line[0] == "tc"):
        command = [word for word in line[:3] if not word.startswith("-")]
        assert not [option for option in options(line) if option not in options_of(*command)]


def test_every_pytest_option_of_the_recipe_exists(lines):
    known = options_of("pytest")
    asked = [option for line in lines if line[0] == "pytest" for option in options(line)]
    assert asked
    assert not [option for option in asked if option not in known]


def test_the_recipe_takes_the_allure_that_dev_takes(lines, repository):
    (pinned,) = re.findall(r"^allure=(\S+)$", (repository / "dev").read_text(), re.MULTILINE)
    assert [line[2] for line in lines if line[0] == "npx"] == [pinned]
