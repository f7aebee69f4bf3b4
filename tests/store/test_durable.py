"""Writes are whole or absent, and what stops them is told in one line."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opslab.errors import StoreError
from opslab.store import durable


def names(path):
    return sorted(entry.name for entry in path.iterdir())


def test_a_write_replaces_the_file_whole(tmp_path):
    durable.write_bytes(tmp_path / "a", b"old")
    durable.write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    durable.write_bytes(tmp_path / "a", b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((durable.os, "fsync", full) if step == "fsync" else (type(tmp_path), "replace", full)))
    with pytest.raises(StoreError, match="No space left") as caught:
        durable.write_bytes(tmp_path / "a", b"new")
    assert str(tmp_path / "a") in str(caught.value)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_write_reaches_the_disk_before_its_name(tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(
        durable.os, "fsync", lambda number: steps.append(f"fsync {Path(f'/proc/self/fd/{number}').readlink()}")
    )
    replace = type(tmp_path).replace
    monkeypatch.setattr(
        type(tmp_path), "replace", lambda path, target: steps.append("replace") or replace(path, target)
    )
    durable.write_bytes(tmp_path / "a", b"x")
    assert len(steps) == 3
    assert ".staging-" in steps[0]
    assert steps[1:] == ["replace", f"fsync {tmp_path}"]


def test_a_symlink_is_not_written_through(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "other")
    with pytest.raises(StoreError, match="symlink"):
        durable.write_bytes(tmp_path / "a", b"x")
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("below", ["missing/a", "file/a"])
def test_a_directory_that_is_none_is_told(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        durable.write_bytes(tmp_path / below, b"x")
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("below", ["file", "file/deeper", "x" * 300])
def test_a_directory_that_cannot_be_made_is_told(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        durable.make_directory(tmp_path / below)


def test_one_of_two_installations_wins(tmp_path):
    for name in ("one", "two"):
        durable.make_directory(tmp_path / name / "deep")
        durable.write_bytes(tmp_path / name / "deep" / "f", name.encode())
    durable.install_directory(tmp_path / "one", tmp_path / "target")
    with pytest.raises(FileExistsError):
        durable.install_directory(tmp_path / "two", tmp_path / "target")
    assert (tmp_path / "target" / "deep" / "f").read_bytes() == b"one"


def test_an_installation_over_a_file_is_refused(tmp_path):
    durable.make_directory(tmp_path / "one")
    (tmp_path / "target").write_text("mine")
    with pytest.raises(FileExistsError):
        durable.install_directory(tmp_path / "one", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "mine"


def test_an_installation_that_cannot_be_synced_is_told(tmp_path, monkeypatch):
    durable.make_directory(tmp_path / "one")

    def broken(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(durable.os, "fsync", broken)
    with pytest.raises(StoreError, match="Input/output error"):
        durable.install_directory(tmp_path / "one", tmp_path / "target")


def test_a_tree_is_removed_and_links_are_not_followed(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "f").write_text("")
    durable.make_directory(tmp_path / "tree")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    assert durable.remove_tree(tmp_path / "tree")
    assert durable.remove_tree(tmp_path / "link")
    assert not durable.remove_tree(tmp_path / "tree")
    assert names(tmp_path) == ["kept"]
    assert names(tmp_path / "kept") == ["f"]


def test_a_full_disk_leaves_the_old_file():
    # RLIMIT_FSIZE makes the kernel refuse to write on, as a full disk does.
    script = """
import resource, signal, sys, pathlib
from opslab.errors import StoreError
from opslab.store.durable import write_bytes
import tempfile
place = pathlib.Path(tempfile.mkdtemp())
write_bytes(place / "a", b"old")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    write_bytes(place / "a", b"x" * 10_000)
except StoreError as error:
    print(error.what, [entry.name for entry in place.iterdir()], (place / "a").read_bytes())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "cannot be written: File too large ['a'] b'old'\n"
