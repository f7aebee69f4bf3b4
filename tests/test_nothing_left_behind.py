"""What a test may not leave behind is named, and put right for the next one."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from fixtures import litter
from fixtures.litter import SIGNALS, Surroundings


def deafen():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def rename():
    os.environ["OPSLAB_LEFT"] = "1"


def forget():
    del os.environ["PATH"]


def move():
    os.chdir("/")


def open_up():
    os.umask(0o000)


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (deafen, "a handler of SIGTERM: <Handlers.SIG_IGN: 1>"),
        (rename, "the environment variable OPSLAB_LEFT"),
        (forget, "the environment variable PATH"),
        (move, "the working directory /"),
        (open_up, "the umask 0000"),
    ],
)
def test_what_was_changed_is_named_and_put_right(act, told):
    before = Surroundings.now()
    act()
    assert before.restore() == [told]
    assert Surroundings.now() == before
    assert before.restore() == []


def test_a_working_directory_that_is_gone_is_left(tmp_path, monkeypatch):
    before = Surroundings.now()
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    assert before.restore() == ["the working directory None"]
    assert str(Path.cwd()) == before.directory


def test_a_thread_that_keeps_the_process_is_named_once_it_had_its_time(monkeypatch):
    monkeypatch.setattr(litter, "THREAD_SECONDS", 0.01)
    before, over = Surroundings.now(), threading.Event()
    threads = [
        threading.Thread(target=over.wait, name=f"t-{is_daemon}", daemon=is_daemon) for is_daemon in (True, False)
    ]
    for thread in threads:
        thread.start()
    try:
        assert before.restore() == ["the thread t-False"]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert before.restore() == []


@pytest.mark.parametrize("number", SIGNALS)
def test_every_signal_that_is_watched_may_be_handled(number):
    before = signal.getsignal(number)
    assert signal.signal(number, before) == before


def test_every_test_is_watched(request):
    assert "_nothing_left_behind" in request.fixturenames


LEAVES = """
import os, signal
pytest_plugins = ["fixtures.litter"]
def test_leaves(): os.environ["OPSLAB_LEFT"] = "1"
def test_next(): assert "OPSLAB_LEFT" not in os.environ
def test_cleans(monkeypatch): monkeypatch.setenv("OPSLAB_LEFT", "1")
"""


def test_who_leaves_something_fails_and_the_next_does_not_notice(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(litter.__file__).parents[1]))
    pytester.makeconftest('pytest_plugins = ["fixtures.litter"]')
    pytester.makepyfile(test_it=LEAVES.replace('pytest_plugins = ["fixtures.litter"]\n', ""))
    result = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:opslab")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["left behind: the environment variable OPSLAB_LEFT"])
