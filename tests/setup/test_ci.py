"""The pipeline of this repository, and the one that the docs offer to a user's."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

TAKEN = ("promtool", "prometheus", "amtool")
STEPS = ["check", "test", "clients", "drills", "mutants -n 4", "docs"]


@pytest.fixture
def pipeline(machine):
    """Run ``.ci/run`` with a ``./dev`` that records its words and fails at ``fails``."""

    def run(fails: str = "none") -> tuple[int, list[str]]:
        script = f'#!/bin/sh\necho "$*" >>"{machine.log}"\ncat >/dev/null\n[ "$1" != {fails} ] || exit 3\n'
        (machine.lab / "dev").write_text(script)
        ran = pipe(machine)
        return ran.returncode, machine.log.read_text().splitlines()

    return run


def pipe(machine) -> subprocess.CompletedProcess[str]:
    """Run ``.ci/run`` with the commands of the machine only."""
    command = [shutil.which("bash"), machine.lab / ".ci/run"]
    return subprocess.run(
        command, cwd=machine.box, env=machine.environ, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_pipeline_runs_every_step_in_order(pipeline):
    assert pipeline() == (0, STEPS)


@pytest.mark.parametrize("position", range(len(STEPS)))
def test_the_pipeline_stops_at_the_first_step_that_fails(pipeline, position):
    assert pipeline(STEPS[position].split()[0]) == (3, STEPS[: position + 1])


@pytest.fixture
def debian(machine):
    """A machine with apt, whose packages hold Prometheus' programs, and a ``./dev`` that looks for them."""
    for name in ("mktemp", "mkdir", "ln", "tar", "id", "rm"):
        (machine.bin / name).unlink(missing_ok=True)
        (machine.bin / name).symlink_to(shutil.which(name))
    machine.command("chromium", ":")
    machine.command("redis-server", ":")
    package = machine.box / "package"
    (package / "usr/bin").mkdir(parents=True)
    (package / "lib/systemd/system").mkdir(parents=True)
    (package / "lib/systemd/system/prometheus.service").touch()
    for name in TAKEN:
        (package / "usr/bin" / name).write_text("#!/bin/sh\necho judged\n")
        (package / "usr/bin" / name).chmod(0o755)
    machine.command("apt-get", f'echo "apt-get $*" >>"{machine.log}"; [ "$1" != download ] || : >prometheus_1_all.deb')
    machine.command("dpkg-deb", f'[ -f "$2" ] && tar -c -C "{package}" ./usr ./lib')
    looks = f'echo "$(promtool) $(prometheus) $(amtool)" >>"{machine.log}"'
    (machine.lab / "dev").write_text(f"#!/bin/sh\n{looks}\n")
    (machine.box / "tmp").mkdir()
    machine.environ["TMPDIR"] = str(machine.box / "tmp")
    return machine


def test_prometheus_is_taken_without_its_service_and_leaves_nothing(debian):
    ran = pipe(debian)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert debian.calls("judged") == ["judged judged judged"] * len(STEPS)
    assert [line for line in debian.calls("apt-get") if " install " in line] == []
    assert list((debian.box / "tmp").iterdir()) == []


def test_a_prometheus_that_is_there_is_not_fetched(debian):
    for name in TAKEN:
        debian.command(name, "echo judged")
    assert pipe(debian).returncode == 0
    assert debian.calls("judged") == ["judged judged judged"] * len(STEPS)
    assert debian.calls("apt-get") == []


@pytest.mark.parametrize("broken", ["apt-get", "dpkg-deb"])
def test_without_promtool_the_pipeline_goes_on_and_says_so(debian, broken):
    debian.command(broken, "echo 'E: no network' >&2; exit 100")
    ran = pipe(debian)
    assert ran.returncode == 0
    assert "E: no network" in ran.stderr
    assert "no promtool: the lines above say why" in ran.stderr
    assert list((debian.box / "tmp").iterdir()) == []


@pytest.fixture
def without_redis(debian):
    """The same machine without redis-server; its package redis-tools would bring the program under another name."""
    (debian.bin / "redis-server").unlink()
    for name in TAKEN:
        debian.command(name, ":")
    debian.command("redis-check-rdb", "echo served")
    (debian.lab / "dev").write_text(f'#!/bin/sh\necho "$(redis-server)" >>"{debian.log}"\n')
    return debian


def test_redis_server_is_taken_without_its_service_and_leaves_nothing(without_redis):
    ran = pipe(without_redis)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert without_redis.calls("served") == ["served"] * len(STEPS)
    installed = [line.split()[-1] for line in without_redis.calls("apt-get") if " install " in line]
    assert installed == ["redis-tools"]
    assert list((without_redis.box / "tmp").iterdir()) == []


def test_without_redis_the_pipeline_goes_on_and_says_so(without_redis):
    without_redis.command("apt-get", "echo 'E: no network' >&2; exit 100")
    ran = pipe(without_redis)
    assert ran.returncode == 0
    assert "E: no network" in ran.stderr
    assert "no redis-server: the lines above say why" in ran.stderr


def test_a_step_that_fails_leaves_nothing_either(debian):
    (debian.lab / "dev").write_text("#!/bin/sh\nexit 3\n")
    assert pipe(debian).returncode == 3
    assert list((debian.box / "tmp").iterdir()) == []


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
