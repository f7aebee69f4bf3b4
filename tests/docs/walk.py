"""Does what a page tells its reader to do: writes its titled files, runs its commands, compares what they print.

A block with ``title="..."`` is a file. A block ``sh`` is a list of commands, each expected to exit with 0 or with what
its comment ``# exits with N`` says. A block ``text`` after it holds lines that must appear in this order in what the
commands printed; ``...`` stands for anything. A block after the comment ``<!-- not run: reason -->`` is passed over.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\n)?^```(?P<language>\w+)?(?: title=\"(?P<title>[^\"]+)\")?\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_EXIT = re.compile(r"\s*# exits with (\d+)$")


class DisagreementError(AssertionError):
    """A page says what is not so."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str | None
    body: str
    is_skipped: bool


def blocks(page: str) -> list[Block]:
    return [
        Block(found["language"] or "", found["title"], found["body"], bool(found["skip"]))
        for found in _FENCE.finditer(page)
    ]


def follow(page: str, place: Path) -> int:
    """Follow ``page`` in the directory ``place``, and return how many commands were run."""
    said, count = None, 0
    for block in blocks(page):
        if block.is_skipped:
            said = None
        elif block.title:
            (place / block.title).parent.mkdir(parents=True, exist_ok=True)
            (place / block.title).write_text(block.body)
        elif block.language == "sh":
            commands = block.body.replace("\\\n", " ").splitlines()
            said = "".join(_run(command, place) for command in commands)
            count += len(commands)
        elif block.language == "text" and said is not None:
            _compare(block.body, said)
    return count


def _run(line: str, place: Path) -> str:
    told = _EXIT.search(line)
    expected = int(told[1]) if told else 0
    dropped = ("TRADINGCHASSIS", "PYTEST", "COV_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
    environ |= {"PYTEST_ADDOPTS": "-p no:cacheprovider -p no:randomly", "COLUMNS": "200"}
    ran = subprocess.run(
        ["bash", "-c", line], cwd=place, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    if ran.returncode != expected:
        raise DisagreementError(f"{line}\nexits with {ran.returncode}, not {expected}:\n{ran.stdout}\n{ran.stderr}")
    return ran.stdout + ran.stderr


def _compare(shown: str, said: str) -> None:
    rest = said.splitlines()
    for line in shown.splitlines():
        pattern = re.compile(".*".join(re.escape(part) for part in line.rstrip().split("...")))
        for position, other in enumerate(rest):
            if pattern.fullmatch(other.rstrip()):
                rest = rest[position + 1 :]
                break
        else:
            raise DisagreementError(f"the page shows\n{line}\nwhich is not in (the rest of)\n{said}")
