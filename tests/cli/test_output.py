"""Standard output that takes nothing: one line on stderr and exit 1, or silence for a reader who went away."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from opslab.store.journal import Journal, read_chain

TC = [sys.executable, "-c", "from opslab.cli.main import main; main()"]
FULL = "error: standard output cannot be written: No space left on device; free some space, or send it elsewhere\n"
CLOSED = "error: standard output cannot be written: Bad file descriptor; free some space, or send it elsewhere\n"
TELLING = [
    ("version",),
    ("--help",),
    ("kill", "status", "--run-id", "k1"),
    ("kill", "status", "--run-id", "k1", "--json"),
    ("data", "list"),
    ("run", "recover"),
    ("spec", "schema"),
]


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "opslab.toml").touch()
    return tmp_path


def told(lab, words, how: str):
    """Run a command whose standard output is full, closed, or a pipe that nobody reads; return its code and stderr."""
    redirected = {"full": ">/dev/full", "closed": ">&-", "both": ">/dev/full 2>/dev/full", "neither": ">&- 2>&-"}
    if how == "pipe":
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [*TC, *words], cwd=lab, stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
        os.close(write)
    else:
        script = f'exec "$@" {redirected[how]}'
        done = subprocess.run(
            ["sh", "-c", script, "sh", *TC, *words], cwd=lab, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", TELLING, ids=" ".join)
def test_a_full_disk_behind_the_output_is_one_line(lab, words):
    assert told(lab, words, "full") == (1, FULL)


def test_a_server_that_cannot_say_where_it_listens_does_not_serve(lab):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert told(lab, ("metrics", "serve", "--port", str(port)), "full") == (1, FULL)


@pytest.mark.parametrize(
    ("how", "stderr"), [("closed", CLOSED), ("pipe", ""), ("both", ""), ("neither", "")], ids=lambda word: word[:7]
)
@pytest.mark.parametrize("words", [TELLING[0], TELLING[2]], ids=" ".join)
def test_a_closed_output_is_one_line_and_a_reader_who_went_away_gets_none(lab, words, how, stderr):
    assert told(lab, words, how) == (1, stderr)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("full", "warning: standard output cannot be written: No space left on device; the switch is active\n"),
        ("closed", "warning: standard output cannot be written: Bad file descriptor; the switch is active\n"),
        ("pipe", ""),
        ("both", ""),
        ("neither", ""),
    ],
    ids=lambda word: word[:7],
)
def test_an_activation_goes_by_the_switch_and_tells_the_run_whatever_takes_the_output(lab, how, why):
    bundle = lab / "artifacts" / "runs" / "k1"
    bundle.mkdir(parents=True)
    Journal(bundle / "journal.jsonl", "k1").append({"event": "run_started"})
    assert told(lab, ("kill", "activate", "--run-id", "k1", "--reason", "x"), how) == (0, why)
    assert read_chain((bundle / "journal.jsonl").read_bytes()).events[-1]["event"] == "kill_activated"
    assert (lab / "runtime" / "kill_switch" / "k1.state.json").exists()


def test_what_was_printed_and_not_flushed_is_told_at_the_end():
    code = (
        "from opslab.cli.output import OutputError, guarded_output\nimport sys\n"
        "try:\n    with guarded_output():\n        sys.stdout.write('x')\n"
        "except OutputError as error:\n    sys.stderr.write(error.what)"
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (0, "standard output cannot be written: No space left on device")


def test_what_fits_is_printed_and_an_error_of_the_command_stays_its_own(lab):
    done = subprocess.run(
        [*TC, "kill", "status", "--run-id", "k1"], cwd=lab, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "run_id=k1\nstate=absent\n", "")
    assert told(lab, ("kill", "status", "--run-id", "../x"), "full")[1].startswith("error: run_id '../x' is not a safe")
