"""Keeps keys out of everything that a run writes or prints: whatever text they got into, they become ``***``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"
SHORTEST = 8
"""So many characters of a key are masked too: texts are cut to a length, and a key may be cut with them."""


class Masking:
    """Masks keys.

    Args:
        keys: what must not be shown; those that are shorter than ``SHORTEST`` are no keys.
    """

    def __init__(self, keys: Iterable[str | None] = ()) -> None:
        self._keys = [key for key in dict.fromkeys(keys) if key and len(key) >= SHORTEST]
        self._marks = [key[:SHORTEST].encode() for key in self._keys]

    def text(self, text: str) -> str:
        """Return ``text`` with every key, and every beginning of a key that was cut, masked."""
        for key in self._keys:
            while (start := text.find(key[:SHORTEST])) >= 0:
                end = start + SHORTEST
                while end < len(text) and end - start < len(key) and text[end] == key[end - start]:
                    end += 1
                text = text[:start] + MASK + text[end:]
        return text

    def line(self, line: bytes) -> bytes:
        """Return a line of JSON masked."""
        if any(mark in line for mark in self._marks):
            return self.text(line.decode()).encode()
        return line

    def value(self, value: Any) -> Any:
        """Return a JSON value with every text in it masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(name): self.value(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value
