"""``./dev``: its usage, which Python and machine it takes, what it installs and when."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

INSTALL = "python -m pip install"
COMMANDS = ("drills", "test", "mutants", "check", "bench", "docs", "report", "lock")


# --- usage ---


@pytest.mark.parametrize("words", [(), ("help",), ("--help",)])
def test_help_is_printed_without_any_set_up(machine, words):
    result = machine.run(*words)
    assert (result.returncode, result.stderr) == (0, "")
    assert all(f"  {command} " in result.stdout for command in COMMANDS)
    assert not (machine.lab / ".venv").exists()


@pytest.mark.parametrize("words", [("dirlls",), ("",), ("check", "--fix"), ("report", "now")])
def test_a_wrong_command_prints_usage_on_stderr_and_exits_2(machine, words):
    result = machine.run(*words)
    assert (result.returncode, result.stdout) == (2, "")
    assert "usage: ./dev" in result.stderr


def test_the_script_is_posix_shell(repository):
    assert subprocess.run(["sh", "-n", repository / "dev"], check=False).returncode == 0
    assert (repository / "dev").read_text().startswith("#!/bin/sh\n")
    assert os.access(repository / "dev", os.X_OK)


# --- which Python ---


@pytest.mark.parametrize(("version", "fits"), [("3, 11", False), ("3, 12", True), ("3, 14", True), ("3, 15", False)])
def test_a_python_is_taken_for_its_version_and_not_its_name(machine, version, fits):
    machine.python("python3", version)
    result = machine.run("test")
    assert (result.returncode == 0) is fits
    assert (machine.lab / ".venv").exists() is fits


def test_a_shim_that_fails_is_passed_over_for_the_version_behind_it(machine):
    machine.command("python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    machine.environ["PYENV_ROOT"] = str(machine.box / "pyenv")
    machine.python(machine.box / "pyenv/versions/3.9.18/bin/python", "3, 9")
    machine.python(machine.box / "pyenv/versions/3.12.1/bin/python", "3, 12")
    result = machine.run("test")
    assert result.returncode == 0, result.stderr
    assert "version = 3, 12" in (machine.lab / ".venv/pyvenv.cfg").read_text()


def test_pyenv_in_the_home_directory_is_found_without_its_variable(machine):
    machine.python(machine.box / "home/.pyenv/versions/3.14.0/bin/python", "3, 14")
    assert machine.run("test").returncode == 0


def test_the_variable_python_comes_first(machine):
    machine.python("python3.13", "3, 13")
    machine.environ["PYTHON"] = str(machine.python(machine.box / "mine", "3, 12"))
    assert machine.run("test").returncode == 0
    assert "version = 3, 12" in (machine.lab / ".venv/pyvenv.cfg").read_text()


def test_a_variable_python_that_does_not_fit_is_said_and_passed_over(machine):
    machine.python("python3.13", "3, 13")
    machine.environ["PYTHON"] = str(machine.python(machine.box / "old", "3, 9"))
    result = machine.run("test")
    assert result.returncode == 0
    assert f"$PYTHON is {machine.box / 'old'}" in result.stderr


def test_another_variable_python_makes_the_environment_anew(machine):
    machine.python("python3.13", "3, 13")
    assert machine.run("test").returncode == 0
    machine.environ["PYTHON"] = str(machine.python(machine.box / "mine", "3, 12"))
    assert machine.run("test").returncode == 0
    assert "version = 3, 12" in (machine.lab / ".venv/pyvenv.cfg").read_text()


def test_without_any_python_it_says_in_one_line_what_to_install(machine):
    result = machine.run("drills")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "found no Python 3.12 to 3.14" in result.stderr
    assert not (machine.lab / ".venv").exists()


def test_without_any_python_uv_is_asked_for_one(machine):
    source = machine.python(machine.box / "from-uv", "3, 13")
    machine.command("uv", f'printf "uv %s\\n" "$*" >>"{machine.log}"; exec "{source}" -m venv')
    result = machine.run("test")
    assert result.returncode == 0, result.stderr
    (call,) = machine.calls("uv venv")
    assert "--seed" in call
    assert ">=3.12,<3.15" in call


# --- which machine ---


@pytest.mark.parametrize(
    ("uname", "getconf", "said"),
    [
        ("Linux x86_64", "echo glibc 2.31", "glibc 2.35 or newer; this machine has 2.31"),
        ("Linux aarch64", "echo glibc 2.9", "this machine has 2.9"),
        ("Linux x86_64", "exit 1", "musl"),
        ("Linux riscv64", "echo glibc 2.40", "no wheel for Linux riscv64"),
        ("Darwin x86_64", "exit 1", "no wheel for Darwin x86_64"),
        ("Darwin arm64", "exit 1", "macOS 26 or newer; this machine has 15.7.1"),
    ],
)
def test_a_machine_that_the_engine_has_no_wheel_for_is_told_before_anything_is_fetched(machine, uname, getconf, said):
    machine.python()
    machine.command("uname", f"echo {uname}")
    machine.command("getconf", getconf)
    machine.command("sw_vers", "echo 15.7.1")
    result = machine.run("drills")
    assert result.returncode == 1
    assert said in result.stderr
    assert not machine.calls(INSTALL)
    assert not (machine.lab / ".venv").exists()


@pytest.mark.parametrize(
    ("uname", "glibc"), [("Linux x86_64", "2.35"), ("Linux aarch64", "2.100"), ("Darwin arm64", "")]
)
def test_a_machine_that_the_engine_has_a_wheel_for_is_set_up(machine, uname, glibc):
    machine.python()
    machine.command("uname", f"echo {uname}")
    machine.command("getconf", f"echo glibc {glibc}" if glibc else "exit 1")
    machine.command("sw_vers", "echo 26.0.1")
    result = machine.run("test")
    assert result.returncode == 0, result.stderr


def test_size_and_glibc_are_said_before_the_first_byte_is_fetched(machine):
    machine.python()
    machine.pip("echo PIP >&2")
    said, _, _ = machine.run("test").stderr.partition("PIP")
    assert "MB are fetched" in said
    assert "glibc 2.35 or newer; this machine has 2.36" in said


# --- what is installed, and when ---


def test_the_lock_is_installed_with_hashes_and_the_project_without_a_build_environment(machine):
    machine.python()
    machine.run("test")
    lock, project = machine.calls(INSTALL)
    assert "--require-hashes" in lock
    assert "-r requirements.lock" in lock
    assert "--no-build-isolation" in project
    assert project.endswith("--editable .")


def test_a_second_call_installs_nothing(machine):
    machine.python()
    machine.run("test")
    before = machine.log.read_text()
    assert machine.run("test").stderr == ""
    assert machine.log.read_text().removeprefix(before) == "pytest tests -n 2\n"


def test_a_changed_lock_is_installed_into_the_same_environment(machine):
    machine.python()
    machine.run("test")
    with (machine.lab / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    machine.run("test")
    assert len(machine.calls(f"{INSTALL} --quiet --only-binary")) == 2
    assert len(machine.calls("python -m venv")) == 1


def test_a_changed_project_is_installed_again_and_the_lock_is_not(machine):
    machine.python()
    machine.run("test")
    with (machine.lab / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    machine.run("test")
    assert len(machine.calls(f"{INSTALL} --quiet --only-binary")) == 1
    assert len(machine.calls(f"{INSTALL} --quiet --no-deps")) == 2


def test_a_failed_installation_exits_1_and_is_tried_again(machine):
    machine.python()
    machine.pip("echo 'ERROR: no network' >&2; exit 7")
    result = machine.run("test")
    assert result.returncode == 1
    assert "the installation stopped" in result.stderr
    assert not machine.calls("pytest")
    machine.pip(":")
    assert machine.run("test").returncode == 0
    assert machine.calls("pytest") == ["pytest tests -n 2"]


def test_an_installation_that_is_killed_is_done_again(machine):
    machine.python()
    machine.pip('kill -KILL "$PPID"')
    assert machine.run("test").returncode == -signal.SIGKILL
    machine.pip(":")
    result = machine.run("test")
    assert result.returncode == 0, result.stderr
    assert len(machine.calls(f"{INSTALL} --quiet --only-binary")) == 2


def test_an_environment_that_was_moved_is_made_anew(machine):
    machine.python()
    machine.run("test")
    machine.lab = machine.lab.rename(machine.box / "elsewhere")
    assert machine.run("test").returncode == 0
    assert len(machine.calls("python -m venv")) == 2


def test_an_environment_whose_python_is_gone_is_made_anew(machine):
    machine.python()
    machine.run("test")
    (machine.lab / ".venv/bin/python").unlink()
    (machine.lab / ".venv/bin/python").symlink_to(machine.box / "gone")
    assert machine.run("test").returncode == 0


def test_a_directory_that_is_no_environment_is_left_alone(machine):
    machine.python()
    (machine.lab / ".venv").mkdir()
    (machine.lab / ".venv/diary.txt").write_text("mine")
    result = machine.run("test")
    assert result.returncode == 1
    assert "is no virtual environment: move it away" in result.stderr
    assert (machine.lab / ".venv/diary.txt").read_text() == "mine"


@pytest.mark.parametrize("flock", [True, False], ids=["flock", "without-flock"])
def test_two_at_once_install_once(machine, flock):
    """The first installation waits at a pipe until the second call has said that it waits."""
    machine.python()
    if not flock:
        (machine.bin / "flock").unlink()
    gate, begun = machine.box / "gate", machine.box / "begun"
    os.mkfifo(gate)
    os.mkfifo(begun)
    machine.pip(f'case "$*" in *require-hashes*) echo >"{begun}"; read -r _ <"{gate}" ;; esac')
    first = machine.start("test")
    begun.read_text()
    second = machine.start("test")
    assert second.stderr.readline() == "dev: another ./dev is setting up: waiting for it\n"
    gate.write_text("go\n")
    results = [process.communicate(timeout=60) and process.returncode for process in (first, second)]
    assert results == [0, 0]
    assert len(machine.calls(INSTALL)) == 2
    assert machine.calls("pytest") == ["pytest tests -n 2", "pytest tests -n 2"]
