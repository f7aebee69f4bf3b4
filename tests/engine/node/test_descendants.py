"""Descendants are found by the kernel's own word and ended by id; whoever was there before is left alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from opslab.engine.node import descendants as module
from opslab.engine.node.descendants import adopting, descendants, end_all
from opslab.errors import EngineError

STUBBORN = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\n"
    "time.sleep(100)\n"
)


@pytest.fixture
def children():
    """Start processes that the test leaves; they are gone after it."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(words, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


def is_there(pid):
    """Whether there is such a process, dead ones that nobody waited for included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_is_found_by_its_short_name_without_arguments(children):
    before = descendants()
    child = children("sleep", "100")
    (found,) = descendants() - before
    assert (found.pid, found.command) == (child.pid, "sleep")


def test_a_child_that_is_dead_and_not_waited_for_is_none(children):
    before = descendants()
    child = children("true")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert descendants() == before


def test_one_ends_by_sigterm_and_whoever_was_there_before_lives_on(children):
    first = children("sleep", "100")
    before = descendants()
    second = children("sleep", "100")
    assert {process.pid: how for process, how in end_all(before).items()} == {second.pid: "SIGTERM"}
    assert not is_there(second.pid)
    assert first.poll() is None


def test_one_that_does_not_heed_sigterm_ends_by_sigkill(children, monkeypatch):
    monkeypatch.setattr(module, "TERM_SECONDS", 0.1)
    before = descendants()
    child = children(sys.executable, "-c", STUBBORN)
    assert child.stdout.readline() == b"ready\n"
    assert list(end_all(before).values()) == ["SIGKILL"]
    assert not is_there(child.pid)


def test_an_orphan_is_found_while_this_process_adopts(children):
    before = descendants()
    with adopting():
        child = children("sh", "-c", "sleep 100 & echo $!")
        orphan = int(child.stdout.readline())
        child.wait()
        ended = {process.pid: how for process, how in end_all(before).items()}
    assert ended == {orphan: "SIGTERM"}
    assert not is_there(orphan)


def test_what_an_ended_one_had_started_ends_too(children):
    before = descendants()
    with adopting():
        child = children("sh", "-c", "trap 'exit 0' TERM; sleep 100 & echo $!; wait")
        grandchild = int(child.stdout.readline())
        ended = {process.pid for process in end_all(before)}
    assert {child.pid, grandchild} <= ended
    assert descendants() == before


def test_a_process_of_the_same_id_that_is_another_one_is_left_alone(children):
    child = children("sleep", "100")
    another = module.Process(child.pid, 0, "sleep")
    assert module._end([another]) == {}
    assert child.poll() is None


def test_a_command_with_parentheses_and_blanks_is_read(children, tmp_path):
    before = descendants()
    program = tmp_path / "a) S (b"
    program.symlink_to("/bin/sleep")
    children(str(program), "100")
    (found,) = descendants() - before
    assert found.command == "a) S (b"


def test_without_proc_nobody_knows_and_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_PROC", tmp_path / "none")
    with pytest.raises(EngineError, match="processes cannot be looked at: No such file"):
        descendants()
