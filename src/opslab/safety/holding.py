"""One writer at a time, but never at the price of an activation: waiting for the lock ends."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from opslab.errors import StoreError
from opslab.store.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAUSE_SECONDS = 0.005


@contextlib.contextmanager
def held(path: Path, seconds: float) -> Iterator[bool]:
    """Hold the lock at ``path`` inside the block, after waiting at most ``seconds``.

    Yields:
        Whether it is held; it is not when another process keeps it (it may be stopped), or the file cannot be opened.
    """
    lock = Lock(path)
    is_held = _acquired(lock, time.monotonic() + seconds)
    try:
        yield is_held
    finally:
        lock.release()


def _acquired(lock: Lock, deadline: float) -> bool:
    try:
        while not lock.acquire():
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_SECONDS)
    except (StoreError, OSError):
        return False
    return True
