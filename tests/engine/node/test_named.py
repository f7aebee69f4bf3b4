"""A function named as text: found, or refused in one line."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.engine.node.named import named_function, read_config
from opslab.errors import EngineError


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module beside which the user stands; forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"nodes_of_{tmp_path.name.replace('-', '_')}"
    text = "class Nodes:\n    @staticmethod\n    def live():\n        return 1\n\nNUMBER = 7\n"
    (tmp_path / f"{name}.py").write_text(text)
    yield name
    sys.modules.pop(name, None)


def test_a_function_in_a_class_is_found_beside_the_user(module, tmp_path):
    assert named_function(f"{module}:Nodes.live", tmp_path)() == 1


def test_what_is_missing_or_no_function_is_named(module, tmp_path):
    with pytest.raises(EngineError, match=rf"module {module} has no Nodes\.dead"):
        named_function(f"{module}:Nodes.dead", tmp_path)
    with pytest.raises(EngineError, match="is not a function"):
        named_function(f"{module}:NUMBER", tmp_path)


def test_a_module_that_raises_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "raises_at_import.py").write_text("raise RuntimeError('a\\nb')\n")
    with pytest.raises(EngineError, match=r"cannot be imported: RuntimeError: a\\nb"):
        named_function("raises_at_import:x", tmp_path)


@given(st.text(max_size=60).filter(lambda text: ":" not in text or not text.replace(":", "").isidentifier()))
def test_any_malformed_text_is_refused_in_one_line(text):
    with pytest.raises(EngineError) as caught:
        named_function(f"{text}:1")
    assert "\n" not in str(caught.value)


def test_a_function_of_the_wrong_kind_is_refused():
    with pytest.raises(EngineError, match="gives a int, not a TradingNodeConfig"):
        read_config(lambda: 3, "x:y")


def exits():
    sys.exit(3)


async def waits():
    return None


@pytest.mark.parametrize(("function", "told"), [(exits, "raised SystemExit: 3"), (waits, "is a coroutine function")])
def test_a_function_that_exits_or_must_be_awaited_is_told_in_one_line(function, told, recwarn):
    with pytest.raises(EngineError, match=f"node mine: {told}"):
        read_config(function, "mine")
    assert not recwarn.list


def test_a_module_that_exits_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "exits_at_import.py").write_text("import sys\nsys.exit('no licence')\n")
    with pytest.raises(EngineError, match="cannot be imported: SystemExit: no licence"):
        named_function("exits_at_import:x", tmp_path)
