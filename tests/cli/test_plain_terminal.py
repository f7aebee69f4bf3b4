"""Help and usage errors on a terminal: plain where that is asked for, and whole where there are few columns."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from opslab.cli.main import app
from opslab.cli.progress import NARROW

TC = Path(sysconfig.get_path("scripts")) / "tc"
WORDS = [("--help",), ("run", "verify"), ("runbook", "evidence-compare")]
"""A help, a usage error, and a page."""


def at_a_terminal(words, **environ) -> bytes:
    """Return what ``tc`` prints on a terminal."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "FORCE_COLOR"}}
    with subprocess.Popen([sys.executable, TC, *words], stdout=theirs, stderr=theirs, env=kept | environ):
        os.close(theirs)
        told = b""
        with suppress(OSError):  # Linux tells the end of a terminal so
            while part := os.read(ours, 65536):
                told += part
    os.close(ours)
    return told


@pytest.mark.parametrize("words", WORDS)
def test_a_terminal_shows_styles(words):
    assert b"\x1b[" in at_a_terminal(words, TERM="xterm")


@pytest.mark.parametrize("environ", [{"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.parametrize("words", WORDS)
def test_a_plain_terminal_gets_no_escapes(words, environ):
    told = at_a_terminal(words, **environ)
    assert told
    assert b"\x1b" not in told


def leaves(command, words=()):
    children = getattr(command, "commands", {})
    if not children:
        yield words, command
    for name, child in children.items():
        yield from leaves(child, (*words, name))


@pytest.mark.parametrize("columns", [20, 40, NARROW])
def test_no_option_is_cut_in_a_narrow_terminal(command, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for words, leaf in leaves(typer.main.get_command(app)):
        shown = " ".join(command(*words, "--help").out)
        missing = [
            name for option in leaf.params for name in option.opts if name.startswith("--") and name not in shown
        ]
        assert not missing, words
