"""Finds what died: runs that began and never ended while no process holds their lock, and unfinished staging."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opslab.store import layout
from opslab.store.durable import STAGING_PREFIX
from opslab.store.lock import is_alive
from opslab.store.reader import Bundle, list_bundles

if TYPE_CHECKING:
    from pathlib import Path

STAGING_AGE_SECONDS = 60
"""A younger staging directory may belong to a process that has not taken its lock yet."""


def orphaned(runs: Path) -> list[Bundle]:
    """Return the runs whose process is gone before they were sealed; a run that was only initialized is not one."""
    return [bundle for bundle in list_bundles(runs) if is_orphaned(bundle)]


def is_orphaned(bundle: Bundle) -> bool:
    """Whether the run began, was never sealed, and nobody holds its lock."""
    if not bundle.has(layout.LOCK) or bundle.has(layout.MANIFEST) or is_alive(bundle.path):
        return False
    return any(event.get("event") == "run_started" for event in Bundle(bundle.path).journal_chain.events)


def stale_staging(directory: Path) -> list[Path]:
    """Return staging directories and files that a dead process left in ``directory``."""
    if not directory.is_dir():
        return []
    limit = time.time() - STAGING_AGE_SECONDS
    return [
        path
        for path in sorted(directory.iterdir())
        if path.name.startswith(STAGING_PREFIX) and path.lstat().st_mtime < limit and not is_alive(path)
    ]
