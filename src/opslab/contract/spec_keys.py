"""The keys of a YAML file: each is a plain word, and is given once, whether it is written there or merged by ``<<``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from opslab.errors import SpecError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


def check_keys(node: yaml.Node, where: str) -> None:
    """Refuse keys that are no plain words, or that one mapping is given twice.

    YAML lets a written key replace a merged one, and an earlier merge a later one, without a word (the merge key,
    https://yaml.org/type/merge.html). Here that is refused: the value that somebody reads in a spec must be the one
    that counts.

    Args:
        node: the root of a tree without cycles.
        where: the file.

    Raises:
        SpecError: with ``where`` and the line.
    """
    _check(node, where, set())


def children(node: yaml.Node) -> list[yaml.Node]:
    """Return the nodes right below a node: keys and values of a mapping, items of a sequence."""
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def at(where: str, mark: Any) -> str:
    """Return a place in a file: its name, and the line if there is one."""
    return where if mark is None else f"{where}:{mark.line + 1}"


def _check(node: yaml.Node, where: str, seen: set[int]) -> None:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        _check_mapping(node, where)
    for child in children(node):
        _check(child, where, seen)


def _check_mapping(node: yaml.MappingNode, where: str) -> None:
    first: dict[str, int] = {}
    for key, _ in node.value:
        place = at(where, key.start_mark)
        if not isinstance(key, yaml.ScalarNode) or key.tag not in (_WORD, _MERGE):
            shown = repr(one_line(key.value, 60)) if isinstance(key, yaml.ScalarNode) else "of several values"
            raise SpecError(f"key {shown} is not a word", where=place, fix="quote or correct it")
        if key.value in first:
            told = f"key {one_line(key.value, 60)!r} is given twice (first in line {first[key.value]})"
            raise SpecError(told, where=place, fix="keep one")
        first[key.value] = key.start_mark.line + 1
    for merge, name in _merged(node):
        if name in first:
            told = f"key {one_line(name, 60)!r} is merged over one in line {first[name]}"
            raise SpecError(told, where=at(where, merge.start_mark), fix="keep one: nothing is replaced by a merge")
        first[name] = merge.start_mark.line + 1


def _merged(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, str]]:
    """Yield the keys that a mapping is given by merges, those of merged mappings' own merges too."""
    for key, value in node.value:
        if key.tag != _MERGE:
            continue
        for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            if isinstance(source, yaml.MappingNode):  # what is none is refused when it is read
                yield from ((key, str(word.value)) for word, _ in source.value if word.tag == _WORD)
                yield from ((key, name) for _, name in _merged(source))
