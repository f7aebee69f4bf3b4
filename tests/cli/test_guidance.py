"""``tc`` shows the way: its help, and the completion of the shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from opslab.cli.first_session import FIRST_SESSION, first_session
from opslab.cli.main import app

TC = Path(sys.executable).with_name("tc")


@pytest.mark.parametrize(("words", "code"), [((), 2), (("--help",), 0)])
def test_tc_alone_and_its_help_show_the_order_of_a_first_session(command, place, words, code):
    told = command(*words)
    assert told.code == code
    shown = "\n".join(told.out)
    assert shown.count(FIRST_SESSION.strip()) == 1
    assert all(len(line) <= 80 for line in FIRST_SESSION.splitlines())


def test_a_plain_help_shows_the_guide_below_the_usage(command, place, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    shown = "\n".join(command("--help").out)
    assert shown.index("Usage:") < shown.index("Commands:") < shown.index("A first session")


@pytest.mark.parametrize("columns", [30, 40, 60, 75])
def test_the_guide_keeps_to_the_width_below_the_usage(command, place, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = "\n".join(command("--help").out)
    assert shown.index("Usage:") < shown.index("A first session")
    guide = first_session(columns)
    assert guide in shown + "\n"
    assert max(map(len, guide.splitlines())) <= columns
    assert "".join(FIRST_SESSION.split()) == "".join(guide.replace("\\\n", "").split())


def test_a_group_shows_its_own_help_alone(command, place):
    assert "A first session" not in "\n".join(command("run", "--help").out)


def _commands() -> dict[str, set[str]]:
    def walk(words, command):
        yield " ".join(words), {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        for name, child in getattr(command, "commands", {}).items():
            yield from walk((*words, name), child)

    return dict(walk(("tc",), typer.main.get_command(app)))


def test_every_command_of_the_first_session_exists_with_its_options():
    known = _commands()
    lines = [line.strip() for line in FIRST_SESSION.splitlines() if line.startswith("  tc ")]
    assert len(lines) > 5
    for line in lines:
        said = re.split(r" {3,}", line)[0]
        name = max((name for name in known if said.startswith(name)), key=len)
        assert name.count(" ") >= 1, said
        assert set(re.findall(r"--[a-z-]+", said)) <= known[name], said


@pytest.mark.parametrize(("typed", "expected"), [("tc ru", "run"), ("tc run back", "backtest"), ("tc drill re", "re")])
def test_the_shell_completes_commands(typed, expected):
    words = typed.split()
    environ = {**os.environ, "_TC_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    ran = subprocess.run([TC], env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert ran.stdout.splitlines()
    assert all(line.startswith(expected) for line in ran.stdout.splitlines())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_of_each_shell_is_shown(shell, tmp_path):
    environ = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path)}
    ran = subprocess.run(
        [TC, "--show-completion", shell], env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, "_TC_COMPLETE" in ran.stdout) == (0, True), ran.stderr
