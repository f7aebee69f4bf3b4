"""Faults that the lab brings: what they break, and that it is as before afterwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.drill.faults import AttributeFault, cut_tail, flip_byte, remove_file
from opslab.errors import DrillError

MAKERS = {"flip": lambda path: flip_byte(path, 3), "cut": lambda path: cut_tail(path, 2), "remove": remove_file}


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_is_broken_and_put_back(tmp_path, name) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    fault = MAKERS[name](path)
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
