"""Progress is shown to a person at a terminal, and to nobody else."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import threading

import pytest

from opslab.cli.progress import is_shown, working

WORK = """
import threading
from opslab.cli import progress
from opslab.cli.progress import working
progress.SILENT_SECONDS = 0.0
import rich.progress
shown = threading.Event()
add_task = rich.progress.Progress.add_task
def add(bar, *words, **fields):
    task = add_task(bar, *words, **fields)
    bar.refresh()
    shown.set()
    return task
rich.progress.Progress.add_task = add
with working("drilling [deep]"):
    {wait}
print("done")
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "expected"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {}, True),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_it_is_shown_on_a_terminal_that_nobody_wants_plain(stream, environ, expected):
    assert is_shown(stream, environ) is expected


def on_terminal(script: str, **environ: str) -> tuple[str, str]:
    """Run a script whose stderr is a terminal; return stdout and what the terminal was sent."""
    mine, its = pty.openpty()
    try:
        ran = subprocess.run(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE, stderr=its, check=True, timeout=60,
            env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **environ},
        )  # fmt: skip
        os.close(its)
        return ran.stdout.decode(), drained(mine)
    finally:
        os.close(mine)


def drained(descriptor: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()


def test_a_terminal_is_told_what_is_under_way():
    out, err = on_terminal(WORK.format(wait="assert shown.wait(30)"))
    assert out == "done\n"
    assert "drilling [deep]" in err


def test_no_color_keeps_it_plain():
    assert on_terminal(WORK.format(wait="pass"), NO_COLOR="1") == ("done\n", "")


def test_what_is_quick_shows_nothing():
    assert on_terminal(WORK.replace("SILENT_SECONDS = 0.0", "SILENT_SECONDS = 30").format(wait="pass")) == (
        "done\n",
        "",
    )


def test_a_pipe_gets_nothing(capfd):
    with working("drilling"):
        assert threading.active_count() >= 1
    assert capfd.readouterr() == ("", "")


def test_what_the_block_raises_goes_through(monkeypatch):
    monkeypatch.setattr("opslab.cli.progress.is_shown", lambda *_: True)
    with pytest.raises(KeyboardInterrupt), working("drilling"):
        raise KeyboardInterrupt
    assert not [thread for thread in threading.enumerate() if thread.name.endswith("(_show)")]
