"""Changes to JSON documents by path, always to a copy: the ledger's payloads are shared by their readers.

A path is keys joined by dots, ``o.X``; a number is a place in a list, and ``*`` is every key or place: ``b.*.0`` is the
price of every bid. What a path does not lead to is left alone, and so is a number that could not be written.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any

from opslab.venue.writing import fault_in

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Edits:
    """What is changed.

    Attributes:
        put: paths and their new values; a last key that is not there is added.
        removed: paths that go.
        scaled: paths of numbers, or numbers as text, and what to multiply them by; text keeps its decimals.
        shifted: paths of whole numbers, such as times, and what to add.
    """

    put: dict[str, Any] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    scaled: dict[str, Decimal] = field(default_factory=dict)
    shifted: dict[str, int] = field(default_factory=dict)

    def applied(self, document: Any) -> Any | None:
        """Return a changed copy; None where nothing changed."""
        edited = copy.deepcopy(document)
        for path, value in self.put.items():
            _walk(edited, path.split("."), partial(_put, value))
        for path, factor in self.scaled.items():
            _walk(edited, path.split("."), partial(_scale, factor))
        for path, distance in self.shifted.items():
            _walk(edited, path.split("."), partial(_shift, distance))
        for path in self.removed:
            _walk(edited, path.split("."), _remove)
        return None if edited == document else edited


def every(document: Any, wanted: Callable[[str], bool], value: Any) -> Any:
    """Return a copy in which every text or number under a ``wanted`` key is ``value``, however deep."""
    if isinstance(document, dict):
        return {
            key: value
            if wanted(key) and isinstance(item, (str, int, float)) and not isinstance(item, bool)
            else every(item, wanted, value)
            for key, item in document.items()
        }
    if isinstance(document, list):
        return [every(item, wanted, value) for item in document]
    return document


def _walk(box: Any, path: list[str], change: Callable[[Any, Any], None]) -> None:
    head, rest = path[0], path[1:]
    for key in _keys(box, head, is_last=not rest):
        if not rest:
            change(box, key)
        elif key in box if isinstance(box, dict) else True:
            _walk(box[key], rest, change)


def _keys(box: Any, head: str, *, is_last: bool) -> list[Any]:
    """Return the keys or places of ``box`` that one part of a path means, the last places first."""
    if isinstance(box, dict):
        if head == "*":
            return list(box)
        return [head] if head in box or is_last else []
    if isinstance(box, list):
        if head == "*":
            return list(reversed(range(len(box))))
        return [int(head)] if head.isdecimal() and int(head) < len(box) else []
    return []


def _put(value: Any, box: Any, key: Any) -> None:
    box[key] = copy.deepcopy(value)


def _remove(box: Any, key: Any) -> None:
    if isinstance(box, list) or key in box:
        del box[key]


def _scale(factor: Decimal, box: Any, key: Any) -> None:
    old = box.get(key) if isinstance(box, dict) else box[key]
    if isinstance(old, bool) or not isinstance(old, (str, int, float)):
        return
    try:
        number = Decimal(str(old))
        new = (number * factor).quantize(number) if isinstance(old, str) else number * factor
    except InvalidOperation:
        return
    changed = format(new, "f") if isinstance(old, str) else type(old)(new)
    if fault_in(changed) is None:
        box[key] = changed


def _shift(distance: int, box: Any, key: Any) -> None:
    old = box.get(key) if isinstance(box, dict) else box[key]
    if isinstance(old, int) and not isinstance(old, bool) and fault_in(old + distance) is None:
        box[key] = old + distance
