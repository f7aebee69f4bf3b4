"""Tables and errors of ``tc``: plain columns and no colour wherever somebody asked for that or nobody looks."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

ID = "a-run-" + "0123456789" * 8
ROWS = (
    f"from opslab.cli.table import print_table; print_table(('run', 'error'), [({ID!r}, None), ('b', 'x\x1by')], 'all')"
)
FAILS = "from opslab.cli.main import main; import sys; sys.argv = ['tc', 'run', 'show', '--run-id', '../x']; main()"
PLAIN = ["all", f"run{' ' * (len(ID) - 3)}  error", f"{ID}  -", f"b{' ' * (len(ID) - 1)}  x\\x1by"]


def shown(code: str, columns: int, **environ: str) -> str:
    """Return what a program writes into a terminal of that width."""
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    ours, theirs = pty.openpty()
    words = {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "50", **environ}
    with os.fdopen(theirs, "wb") as end:
        child = subprocess.Popen([sys.executable, "-c", code], env={**kept, **words}, stdin=end, stdout=end, stderr=end)
    written = b""
    while True:
        try:
            written += (chunk := os.read(ours, 65_536))
        except OSError:  # EIO: the last one who held the other end is gone
            break
        if not chunk:
            break
    os.close(ours)
    child.wait(60)
    return written.decode()


def test_a_pipe_gets_plain_columns():
    ran = subprocess.run([sys.executable, "-c", ROWS], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.splitlines() == PLAIN


def test_a_terminal_with_room_gets_a_box_with_whole_cells():
    told = shown(ROWS, 200)
    assert "┃" in told
    assert ID in told
    assert "x\x1by" not in told


@pytest.mark.parametrize(
    ("columns", "environ"), [(40, {}), (200, {"NO_COLOR": "1"}), (200, {"TERM": "dumb"})], ids=["narrow", "no", "dumb"]
)
def test_a_narrow_or_plain_terminal_gets_what_a_pipe_gets(columns, environ):
    assert shown(ROWS, columns, **environ).splitlines() == PLAIN


def test_an_error_is_red_on_a_terminal():
    assert shown(FAILS, 80).startswith("\x1b[31merror: ")


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_an_error_is_plain_where_somebody_asked_for_that(environ):
    told = shown(FAILS, 80, **environ)
    assert told.startswith("error: ")
    assert "\x1b" not in told
