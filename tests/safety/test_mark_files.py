"""A trip mark as a file: locked before it has its name, counted even when empty, staged again when swept."""

from __future__ import annotations

import fcntl
import os

import pytest

from opslab.safety import marks
from opslab.safety.layout import trips_in
from opslab.safety.marks import is_living, put_mark, remove_mark
from opslab.store.lock import Lock

NAME = "k1.trip-" + "0a" * 16


def test_a_mark_lives_as_long_as_its_process_holds_it(tmp_path):
    mark = put_mark(tmp_path / NAME, b"{}\n")
    assert is_living(mark.path)
    mark.release()
    mark.release()
    assert not is_living(mark.path)
    assert mark.path.read_bytes() == b"{}\n"
    remove_mark(mark.path, None)
    remove_mark(mark.path, None)
    assert not is_living(mark.path)


def test_without_room_a_mark_is_empty_and_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "write", lambda _descriptor, content: len(content) // 2)
    put_mark(tmp_path / NAME, b"{}\n").release()
    assert (tmp_path / NAME).read_bytes() == b""
    assert trips_in(tmp_path) == {"k1": [NAME]}


def test_a_staged_mark_that_somebody_swept_is_staged_again(tmp_path, monkeypatch):
    real, swept = marks._fill, []

    def sweeping(descriptor, content):
        real(descriptor, content)
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()

    monkeypatch.setattr(marks, "_fill", sweeping)
    put_mark(tmp_path / NAME, b"{}\n").release()
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_mark_that_cannot_be_staged_leaves_nothing(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(marks.os, "fsync", refused)
    with pytest.raises(OSError, match="Input/output"):
        put_mark(tmp_path / NAME, b"{}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_not_taken_for_held_when_its_file_was_replaced(tmp_path, monkeypatch):
    lock, real = Lock(tmp_path / "run.lock"), fcntl.flock

    def replaced(descriptor, how):
        real(descriptor, how)
        (tmp_path / "run.lock").unlink()

    monkeypatch.setattr(fcntl, "flock", replaced)
    assert not lock.acquire()
    monkeypatch.setattr(fcntl, "flock", real)
    assert lock.acquire()
    lock.release()
