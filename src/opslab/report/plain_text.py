"""Values as text in a Markdown report: on one line, and never markup of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;", "[": "&#91;"}
"""What could end a table's cell, or turn a value into markup."""


def bullets(pairs: Iterable[tuple[str, object]]) -> str:
    """Return a list of names and values."""
    return "\n".join(f"- {name}: {plain(value)}" for name, value in pairs)


def plain(value: object) -> str:
    """Return a value on one line, with what could be markup escaped."""
    if isinstance(value, bool):
        return str(value).lower()
    text = "none" if value is None else one_line(value)
    return "".join(_ESCAPES.get(character, character) for character in text)
