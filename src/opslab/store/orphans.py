"""Finds what may have died: runs that were never sealed, and staging that no process holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opslab.store import layout
from opslab.store.durable import STAGING_PREFIX
from opslab.store.lock import is_alive
from opslab.store.reader import Bundle, list_bundles
from opslab.store.regular import MISSING, trouble_of

if TYPE_CHECKING:
    from pathlib import Path

STAGING_AGE_SECONDS = 60
"""A younger staging directory may belong to a process that has not taken its lock yet."""


def unsealed(runs: Path) -> list[Bundle]:
    """Return the runs of this lab (they have a lock) that were never sealed: alive, dead or just initialized.

    Raises:
        StoreError: ``runs`` cannot be listed.
        RootError: it is a symlink.
    """
    return [
        bundle
        for bundle in list_bundles(runs)
        if trouble_of(bundle.path / layout.LOCK) != MISSING and not bundle.has(layout.MANIFEST)
    ]


def stale_staging(directory: Path) -> list[Path]:
    """Return staging directories and files that a dead process left in ``directory``."""
    limit = time.time() - STAGING_AGE_SECONDS
    return [path for path in sorted(directory.glob(f"{STAGING_PREFIX}*")) if _is_stale(path, limit)]


def _is_stale(path: Path, limit: float) -> bool:
    try:
        return path.lstat().st_mtime < limit and not is_alive(path)
    except FileNotFoundError:  # its process is alive, and done with it
        return False
