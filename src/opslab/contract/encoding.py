"""The canonical encodings of everything the lab writes; standard library only, so that light commands can use them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_COMPACT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
"""Made once: ``json.dumps`` with settings of its own makes an encoder at every call."""


def sha256_hex(content: bytes) -> str:
    """Return the lower-case hexadecimal SHA-256 of ``content``."""
    return hashlib.sha256(content).hexdigest()


def compact_json(value: Any) -> str:
    """Return JSON on one line: sorted keys, no spaces, ASCII, no NaN.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return _COMPACT.encode(value)


def pretty_json(value: Any) -> bytes:
    """Return JSON as artifacts are written: 2-space indent, sorted keys, trailing newline.

    Half a surrogate pair, which UTF-8 cannot hold, is written as JSON's own escape, as ``compact_json`` does.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode("utf-8", "backslashreplace")
