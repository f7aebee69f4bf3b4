"""Which faults of the venue a test's code names: its own, and that of the functions, fixtures and values it uses.

It reads code and runs none, so a fault counts also where only a mutant or one variant injects it. It imports nothing of
the lab, so that pytest can load it before anything else.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_DECLARING = {"drill", "mutant", "known_defect", "spec"}
"""Markers whose texts are names of other things than faults."""
_LAB, _SAMPLES = "opslab.", "opslab.samples."
"""The lab's own code injects nothing by itself; the bodies of drills among its samples do."""


class _Place(NamedTuple):
    module: str
    name: str


INSTALLED = "site-packages"
"""Where an environment keeps what it installed; it may lie below the root."""


def faults_in(function: str, modules: list[ModuleType], faults: frozenset[str], root: Path) -> list[str]:
    """Return the names among ``faults`` that a test's code holds, sorted.

    Args:
        function: the test's name, in the first of ``modules``.
        modules: its module, then the ``conftest`` modules whose fixtures it may ask for.
        faults: names of the venue's catalogue.
        root: only code below this directory is followed.
    """
    found: set[str] = set()
    waiting, seen = [_Place(modules[0].__name__, function)], set()
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        node = _definitions(place.module, root).get(place.name)
        if isinstance(node, ast.ImportFrom):
            waiting += _imported(node, place)
        elif node is not None:
            found |= faults & set(_texts(node))
            waiting += [_Place(module, name) for name in _names(node) for module in _scopes(place.module, modules)]
    return sorted(found)


def _scopes(module: str, modules: list[ModuleType]) -> list[str]:
    return list(dict.fromkeys([module, *(other.__name__ for other in modules)]))


@functools.cache
def _definitions(module: str, root: Path) -> dict[str, ast.stmt]:
    """Return what a module defines at its top level, by name; nothing of the lab, or from outside of ``root``."""
    path = Path(getattr(sys.modules.get(module), "__file__", None) or "")
    if module.startswith(_LAB) and not module.startswith(_SAMPLES):
        return {}
    if not path.is_file() or not path.resolve().is_relative_to(root.resolve()) or INSTALLED in path.parts:
        return {}
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {name: node for node in body for name in _defined(node)}


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]


def _imported(node: ast.ImportFrom, place: _Place) -> list[_Place]:
    package = getattr(sys.modules[place.module], "__package__", None) or place.module.rpartition(".")[0]
    module = importlib.util.resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
    return [_Place(module, alias.name) for alias in node.names if module and place.name in {alias.name, alias.asname}]


def _names(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.arg):
            yield part.arg


def _texts(node: ast.AST) -> Iterator[str]:
    """Give every text and every attribute of something that is called faults; declaring markers are passed over."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _DECLARING:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.Attribute) and getattr(node.value, "attr", getattr(node.value, "id", None)) == "faults":
        yield node.attr
    for child in ast.iter_child_nodes(node):
        yield from _texts(child)
