"""``tc`` itself: version, root, exit codes, and what is not imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from opslab import __version__

SPEC = Path(__file__).parents[2] / "scenarios" / "runs" / "btcusdt_backtest.run.yaml"

TC = "from opslab.cli.main import main"
EMPTY = """
import typer
main = typer.Typer()
main.callback()(lambda: None)
main.command("version")(lambda: None)
"""
LOADED = """
import json, sys
sys.argv = ["tc", *sys.argv[1:]]
{load}
try:
    main()
except SystemExit as stop:
    loaded = sorted(set(name.partition(".")[0] for name in sys.modules))
    print(json.dumps(dict(code=stop.code or 0, loaded=loaded)))
"""


def loaded_by(*words: object, load: str = TC) -> set[str]:
    command = [sys.executable, "-c", LOADED.format(load=load), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["code"] == 0, done.stderr
    return set(last["loaded"])


def test_version_is_one_line(command, place):
    told = command("version")
    assert (told.code, told.out, told.err) == (0, [__version__], [])


def test_version_loads_nothing_that_an_empty_typer_app_does_not():
    more = loaded_by("version") - loaded_by("version", load=EMPTY) - sys.stdlib_module_names
    assert more == {"opslab"}


def test_validating_a_spec_loads_no_engine(place):
    assert not loaded_by("spec", "validate", "--spec", SPEC) & {"pandas", "nautilus_trader", "pytest"}


@pytest.mark.parametrize(
    "words",
    [
        (), ("run",), ("spec",), ("bogus",), ("run", "bogus"), ("run", "verify"), ("run", "backtest"),
        ("run", "prune", "--keep", "-1"), ("run", "prune", "--keep", "x"), ("spec", "validate", "more"), ("--bogus",),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2_and_writes_nothing(command, written, words):
    told = command(*words)
    assert told.code == 2
    assert not any("Traceback" in line for line in (*told.out, *told.err))
    assert written() == ["opslab.toml"]


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("run", "--help"), ("spec", "validate", "--help")])
def test_help_is_exit_code_0(command, place, words):
    assert command(*words).code == 0


@pytest.mark.parametrize("root", ["missing", "opslab.toml"])
def test_a_root_that_is_no_directory_is_one_line(command, place, root):
    told = command("--root", root, "run", "recover")
    assert (told.code, told.out) == (1, [])
    assert told.err == [
        f"error: {place / root}: the lab's root is not a directory; make it, or correct what named it (option)"
    ]


def test_the_option_names_the_root(command, place, tmp_path):
    (tmp_path / "other").mkdir()
    assert command("--root", tmp_path / "other", "run", "init", "--spec", SPEC).code == 0
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["artifacts"]


def test_a_root_is_forgotten_by_the_next_command(command, place, tmp_path):
    (tmp_path / "other").mkdir()
    command("--root", tmp_path / "other", "run", "init", "--spec", SPEC)
    assert str(place) in command("run", "init", "--spec", SPEC).out[0]


def test_single_roots_of_the_environment_are_honoured(command, place, monkeypatch):
    monkeypatch.setenv("TRADINGCHASSIS_OPS_LAB_ARTIFACTS_ROOT", "elsewhere")
    assert str(place / "elsewhere") in command("run", "init", "--spec", SPEC).out[0]


def test_a_working_directory_that_is_gone_is_one_line(command, place, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    told = command("run", "recover")
    os.chdir(place)
    assert told.code == 1
    assert told.err == ["error: the working directory is gone; change to one that exists"]


@pytest.mark.parametrize("words", [("run", "recover"), ("version",), ("spec", "validate", "--spec", SPEC)])
def test_ctrl_c_is_one_line(command, place, monkeypatch, words):
    for name in ("opslab.runs.recovery.recover", "opslab.contract.spec_file.read_spec", "typer.echo"):
        monkeypatch.setattr(name, mock.Mock(side_effect=KeyboardInterrupt))
    told = command(*words)
    assert (told.code, told.out, told.err) == (1, [], ["error: stopped by Ctrl-C; start the command again"])


def test_ctrl_c_before_the_command_is_one_line(command, place, monkeypatch):
    monkeypatch.setattr("opslab.cli.main.app", mock.Mock(side_effect=KeyboardInterrupt))
    told = command("version")
    assert (told.code, told.out, told.err) == (1, [], ["error: stopped by Ctrl-C; start the command again"])


def test_the_console_script_tells_errors_in_one_line_without_colour(place):
    tc = Path(sys.executable).with_name("tc")
    done = subprocess.run(
        [tc, "run", "verify", "--run-id", "../x"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: run_id '../x' is not a safe name; use ")
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


def test_a_named_root_does_not_outlive_its_command(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from opslab.cli import main

    named, here = tmp_path / "named", tmp_path / "here"
    for place in (named, here):
        place.mkdir()
        (place / "opslab.toml").touch()
    monkeypatch.chdir(here)
    assert CliRunner().invoke(main.app, ["--root", str(named), "data", "list"]).exit_code == 0
    assert main.current_lab().root == here
