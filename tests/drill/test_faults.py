"""Faults that the lab brings: what they break, and that it is as before afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.drill.faults import (
    AttributeFault,
    cut_tail,
    deny_reading,
    flip_byte,
    remove_file,
    turn_into_directory,
    turn_into_pipe,
    turn_into_symlink,
)
from opslab.errors import DrillError

BYTES = {"flip": lambda path: flip_byte(path, 3), "cut": lambda path: cut_tail(path, 2), "remove": remove_file}
STAND_INS = {
    "directory": (turn_into_directory, Path.is_dir),
    "symlink": (turn_into_symlink, Path.is_symlink),
    "pipe": (turn_into_pipe, Path.is_fifo),
}
MAKERS = {**BYTES, "deny": deny_reading, **{name: make for name, (make, _) in STAND_INS.items()}}


@pytest.mark.parametrize("name", BYTES)
def test_a_file_is_broken_and_put_back(tmp_path, name) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    fault = BYTES[name](path)
    fault.begin()
    assert fault.fired
    assert not path.exists() or path.read_bytes() != b"0123456789"
    fault.heal()
    assert path.read_bytes() == b"0123456789"


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_that_is_not_there_cannot_be_broken(tmp_path, name) -> None:
    fault = MAKERS[name](tmp_path / "absent")
    with pytest.raises(DrillError, match="cannot be broken"):
        fault.begin()
    fault.heal()
    assert not fault.fired
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("name", STAND_INS)
@pytest.mark.parametrize("is_used", [True, False])
def test_something_else_stands_in_a_files_place_and_goes_again(tmp_path, name, is_used) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    path.chmod(0o640)
    make, stands = STAND_INS[name]
    fault = make(path)
    fault.begin()
    assert fault.fired
    assert stands(path)
    if name == "symlink":
        assert path.read_bytes() == b"0123456789"
        beside = path.readlink().parent
        assert not beside.is_relative_to(tmp_path)
    if is_used and name == "directory":
        (path / "within").touch()
    elif is_used:
        path.unlink()
    fault.heal()
    assert (path.read_bytes(), path.is_symlink(), path.stat().st_mode & 0o777) == (b"0123456789", False, 0o640)
    assert name != "symlink" or not beside.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("is_root", [True, False])
def test_a_file_cannot_be_read_and_can_be_again(tmp_path, monkeypatch, is_root) -> None:
    monkeypatch.setattr(os, "access", lambda *_: is_root)
    path, other = tmp_path / "x", tmp_path / "y"
    for each in (path, other):
        each.write_bytes(b"0123456789")
        each.chmod(0o640)
    fault = deny_reading(path)
    fault.begin()
    assert path.stat().st_mode & 0o777 == 0
    os.close(os.open(other, os.O_RDONLY))
    assert fault.fired is not is_root
    if is_root:
        with pytest.raises(PermissionError):
            os.open(path, os.O_RDONLY)
    assert fault.fired
    fault.heal()
    os.close(os.open(path, os.O_RDONLY))
    assert path.stat().st_mode & 0o777 == 0o640


@given(content=st.binary(max_size=40), offset=st.integers(-100, 100), size=st.integers(0, 60))
def test_a_fault_fired_exactly_if_something_changed(tmp_path_factory, content, offset, size) -> None:
    path = tmp_path_factory.mktemp("f") / "x"
    for fault in (flip_byte(path, offset), cut_tail(path, size)):
        path.write_bytes(content)
        fault.begin()
        assert fault.fired is (path.read_bytes() != content)
        fault.heal()
        assert path.read_bytes() == content


def test_cutting_nothing_cuts_nothing(tmp_path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    fault = cut_tail(path, 0)
    fault.begin()
    assert path.read_bytes() == b"abc"
    assert not fault.fired


class Owner:
    def method(self) -> str:
        return "real"

    @staticmethod
    def static() -> str:
        return "real"

    @classmethod
    def of_class(cls) -> str:
        return "real"


@pytest.mark.parametrize("attribute", ["method", "static", "of_class"])
def test_an_attribute_of_a_class_is_what_it_was(attribute) -> None:
    before = vars(Owner)[attribute]
    fault = AttributeFault("lie", Owner, attribute, lambda *_: "lie")
    fault.begin()
    assert not fault.fired
    assert getattr(Owner(), attribute)() == "lie"
    assert fault.fired
    fault.heal()
    assert vars(Owner)[attribute] is before
    assert getattr(Owner(), attribute)() == "real"


def test_an_inherited_attribute_leaves_no_trace() -> None:
    owner = Owner()
    fault = AttributeFault("lie", owner, "method", lambda: "lie")
    fault.begin()
    assert owner.method() == "lie"
    fault.heal()
    assert vars(owner) == {}


def test_an_attribute_that_is_not_there_cannot_be_broken() -> None:
    with pytest.raises(AttributeError):
        AttributeFault("lie", Owner, "absent", lambda: "lie")
