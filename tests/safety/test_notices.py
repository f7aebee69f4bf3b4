"""The kernel says at once when something is done to a path, and keeps quiet else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opslab.safety import notices as module
from opslab.safety.notices import Notices


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "lab" / "runtime"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{}")
    return folder


def rewrite(folder):
    with (folder / "state.json").open("r+") as file:
        file.write("[")


def through_another_name(folder):
    other = folder.parent.parent / "link"
    os.link(folder / "state.json", other)
    with other.open("r+") as file:
        file.write("[")


def replace(folder):
    (folder / "new").touch()
    (folder / "new").rename(folder / "state.json")


WAYS = {
    "rewritten in place": rewrite,
    "rewritten through a hard link": through_another_name,
    "replaced": replace,
    "removed": lambda folder: (folder / "state.json").unlink(),
    "touched": lambda folder: os.utime(folder / "state.json"),
    "its rights changed": lambda folder: (folder / "state.json").chmod(0o400),
    "a neighbour appeared": lambda folder: (folder / "run.trip-1").touch(),
    "the directory was moved": lambda folder: folder.rename(folder.parent / "away"),
    "a directory above was moved": lambda folder: folder.parent.rename(folder.parent.parent / "away"),
}


@pytest.mark.parametrize("what", list(WAYS))
def test_what_is_done_is_heard_once(place, what):
    notices = Notices([place / "state.json"])
    assert not notices.heard()
    WAYS[what](place)
    assert notices.heard()
    assert not notices.heard()


def test_reading_is_not_heard(place):
    notices = Notices([place / "state.json"])
    (place / "state.json").read_text()
    list(place.iterdir())
    assert not notices.heard()


def test_what_was_not_there_is_heard_when_it_appears(tmp_path):
    notices = Notices([tmp_path / "a" / "b" / "state.json"])
    assert not notices.heard()
    (tmp_path / "a").mkdir()
    assert notices.heard()


def descriptors():
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_nothing_is_left_open(place):
    before = descriptors()
    notices = Notices([place / "state.json"])
    assert len(descriptors()) == len(before) + 1
    del notices
    assert descriptors() == before


def test_a_kernel_without_is_told(place, monkeypatch):
    class Library:
        @staticmethod
        def inotify_init1(_flags):
            return -1

    monkeypatch.setattr(module.ctypes, "CDLL", lambda *_words, **_more: Library())
    with pytest.raises(OSError, match="inotify_init1"):
        Notices([place / "state.json"])
