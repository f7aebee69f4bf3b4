"""Names that become file names: one rule for run ids, datasets, slugs and sessions."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING

from opslab.errors import IdError

if TYPE_CHECKING:
    from datetime import datetime

MAX_ID_LENGTH = 128
MAX_SHOWN = 60
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", re.ASCII)

_SESSION = re.compile(r"[0-9]{8}t[0-9]{6}z-[0-9a-f]{4}")


def checked_id(text: object, noun: str = "run_id") -> str:
    """Return ``text`` if it is safe as a file name.

    Raises:
        IdError: it is not 1 to 128 of ``A-Z a-z 0-9 . _ -`` beginning with a letter or digit, or holds ``..``.
    """
    if isinstance(text, str) and _ID.fullmatch(text) and ".." not in text:
        return text
    raise IdError(
        f"{noun} {_shown(text)} is not a safe name",
        fix=f"use 1 to {MAX_ID_LENGTH} letters, digits, '.', '_' or '-', first a letter or digit, without '..'",
    )


def checked_slug(text: object, noun: str = "slug") -> str:
    """Return ``text`` if it is lower-case words joined by ``-`` or ``_``.

    Raises:
        IdError: it is anything else.
    """
    if isinstance(text, str) and len(text) <= MAX_ID_LENGTH and _SLUG.fullmatch(text):
        return text
    raise IdError(f"{noun} {_shown(text)} is not a slug", fix="use lower-case words joined by '-' or '_': fill-lost")


def fitted_id(stem: str, suffix: str) -> str:
    """Join ``stem`` and ``suffix`` by ``-``; a stem too long for an id is cut and marked with its digest."""
    room = MAX_ID_LENGTH - len(suffix) - 1
    if len(stem) > room:
        mark = hashlib.sha256(stem.encode()).hexdigest()[:8]
        stem = f"{stem[: room - len(mark) - 1].rstrip('.')}-{mark}"
    return f"{stem}-{suffix}"


def is_session_id(text: str) -> bool:
    """Whether ``text`` has the form that ``new_session_id`` gives."""
    return _SESSION.fullmatch(text) is not None


def new_session_id(now: datetime) -> str:
    """Return an id that sorts by time and does not collide: ``20261120t083000z-1f2e``."""
    return f"{now:%Y%m%dt%H%M%Sz}-{secrets.token_hex(2)}"


def _shown(text: object) -> str:
    """Return a name for a message: look-alikes of ASCII escaped, cut where it is long."""
    shown = ascii(text)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…{shown[-1]}"
