"""The plugin's entry point routes and decides nothing; files and functions stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import opslab

SOURCE = Path(opslab.__file__).parent
PLUGIN = SOURCE / "pytest_plugin" / "plugin.py"
MAX_FILE, MAX_FUNCTION, MAX_PLUGIN, MAX_HOOK = 300, 45, 150, 5


def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function's body: its signature and docstring are as long as its contract needs."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_files_and_functions_are_small(path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_FILE
    sizes = {node.name: _lines(node) for node in _functions(path)}
    assert {name: lines for name, lines in sizes.items() if lines > MAX_FUNCTION} == {}


def test_the_entry_point_is_short() -> None:
    assert len(PLUGIN.read_text().splitlines()) <= MAX_PLUGIN


def test_every_hook_delegates() -> None:
    hooks = [node for node in _functions(PLUGIN) if node.name.startswith("pytest_")]
    sizes = {hook.name: len(hook.body) - 1 for hook in hooks}
    assert len(hooks) > 10
    assert {name: size for name, size in sizes.items() if size > MAX_HOOK} == {}
    assert [hook.name for hook in hooks if not ast.get_docstring(hook)] == []


def test_nothing_is_called_utils() -> None:
    banned = {"utils", "helpers", "common", "manager"}
    assert [path for path in SOURCE.rglob("*.py") if banned & set(path.stem.split("_"))] == []
