"""One writer at a time, but never at the price of an activation: waiting for the lock ends."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from opslab.errors import StoreError
from opslab.store.adding import waited
from opslab.store.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def held(path: Path, seconds: float) -> Iterator[bool]:
    """Hold the lock at ``path`` inside the block, after waiting at most ``seconds``.

    Yields:
        Whether it is held; it is not when another process keeps it (it may be stopped), or the file cannot be opened.
    """
    lock = Lock(path)
    is_held = False
    with contextlib.suppress(StoreError, OSError):
        is_held = waited(lock.acquire, seconds)
    try:
        yield is_held
    finally:
        lock.release()
