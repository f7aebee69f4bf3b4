"""What is broken is set aside under another name, never deleted: somebody will want to know what happened."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from opslab.safety.layout import ASIDE
from opslab.store.durable import sync_directory

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


def set_aside(path: Path, now: datetime) -> Path:
    """Rename whatever lies at ``path``, a directory or a symlink too, and return its new place.

    Raises:
        OSError: it cannot be renamed.
    """
    place = _place(path, now)
    path.rename(place)
    sync_directory(path.parent)
    return place


def keep_copy(path: Path, now: datetime) -> Path:
    """Give the file at ``path`` a second name, so that replacing it loses nothing, and return that name.

    Raises:
        OSError: the file system has no hard links, or refuses this one.
    """
    place = _place(path, now)
    os.link(path, place, follow_symlinks=False)
    return place


def _place(path: Path, now: datetime) -> Path:
    return path.with_name(f"{path.name}{ASIDE}{now:%Y%m%dt%H%M%Sz}-{secrets.token_hex(2)}")
