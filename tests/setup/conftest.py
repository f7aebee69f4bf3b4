"""A machine that the set-up script can be tried on: a PATH with nothing but what the test puts there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
SYSTEM_TOOLS = (
    "cat",
    "cksum",
    "dirname",
    "flock",
    "grep",
    "head",
    "ls",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "sed",
    "sort",
)
SHELL_TOOLS = ("sh", "env", "cp")  # what the recorders below need

# A Python that says it is of another version, makes an environment of recorders, and installs nothing.
PYTHON = """#!/bin/sh
printf '%s\\n' "python $*" >>"{log}"
case "$1 $2" in
"-c "*) exec "{real}" -I -c "import sys; sys.version_info = ({version}, 0, 'final', 0)
$2" ;;
"-V ") echo "Python {version}" ;;
"-m venv")
    rm -rf .venv && mkdir -p .venv/bin && echo "version = {version}" >.venv/pyvenv.cfg && cp "$0" .venv/bin/python
    for name in pytest ruff mypy lint-imports deptry codespell mkdocs tc; do cp "{recorder}" ".venv/bin/$name"; done ;;
"-m pip") [ "$3" = --version ] || . "{pip}" ;;
esac
"""
RECORDER = """#!/bin/sh
printf '%s\\n' "${{0##*/}} $*" >>"{log}"
[ ! -f "{box}/fail-${{0##*/}}" ] || exit "$(cat "{box}/fail-${{0##*/}}")"
"""


@dataclass
class Machine:
    """A copy of the repository's set-up files in ``lab`` and a PATH of its own in ``bin``."""

    box: Path
    environ: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lab, self.bin, self.log = self.box / "the lab", self.box / "bin", self.box / "log"
        self.bin.mkdir()
        self.lab.mkdir()
        self.log.touch()
        (self.box / "recorder").write_text(RECORDER.format(log=self.log, box=self.box))
        (self.box / "recorder").chmod(0o755)
        self.pip(":")
        for name in SYSTEM_TOOLS + SHELL_TOOLS:
            (self.bin / name).symlink_to(shutil.which(name) or pytest.skip(f"this machine has no {name}"))
        for name in ("dev", ".ci/run", "requirements.lock", "pyproject.toml", "reports/allure/allurerc.mjs"):
            (self.lab / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, self.lab / name)
        self.command("uname", "echo Linux x86_64")
        self.command("getconf", "echo glibc 2.36")
        self.environ = {"PATH": str(self.bin), "HOME": str(self.box / "home"), "LC_ALL": "C"}

    def command(self, name: str, body: str) -> None:
        """Put a shell script called ``name`` on PATH."""
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.bin / name).chmod(0o755)

    def python(self, name: str | Path = "python3.13", version: str = "3, 13") -> Path:
        """Put a Python of ``version`` on PATH, or at the path ``name``."""
        path = self.bin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            PYTHON.format(
                log=self.log,
                real=sys.executable,
                version=version,
                recorder=self.box / "recorder",
                pip=self.box / "pip",
            )
        )
        path.chmod(0o755)
        return path

    def pip(self, body: str) -> None:
        """Say what ``pip install`` does, as a piece of shell."""
        (self.box / "pip").write_text(body)

    def fails(self, tool: str, code: int) -> None:
        """Let ``tool`` of the environment end with ``code``."""
        (self.box / f"fail-{tool}").write_text(str(code))

    def start(self, *words: str, script: Path | None = None, **options: object) -> subprocess.Popen[str]:
        """Start ``./dev`` with ``words``."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        arguments = [str(script or self.lab / "dev"), *words]
        where = {"cwd": self.lab, "start_new_session": True, **pipes, **options}
        self.started.append(subprocess.Popen(arguments, env=self.environ, text=True, **where))
        return self.started[-1]

    def stop(self) -> None:
        """End what a failed test left behind, with its children."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()

    def run(self, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run ``./dev`` with ``words`` to its end."""
        process = self.start(*words, **options)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def calls(self, start: str) -> list[str]:
        """Return what was run since the machine was made, as far as it begins with ``start``."""
        return [line for line in self.log.read_text().splitlines() if line.startswith(start)]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine without any Python."""
    made = Machine(tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def plain_environ() -> dict[str, str]:
    """The environment's variables without what points at this repository or its environment."""
    dropped = ("PYTHON", "VIRTUAL_ENV", "TRADINGCHASSIS", "COV_", "PYTEST", "OPSLAB")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
