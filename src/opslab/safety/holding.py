"""One writer at a time, but never at the price of an activation: waiting for the lock ends."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.errors import StoreError
from opslab.store.adding import waited
from opslab.store.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Holding:
    """Whether a lock is held.

    Attributes:
        is_held: whether it is.
        trouble: why it is not: another process keeps it (it may be stopped), or the file cannot serve as a lock.
        fix: what to do about that.
    """

    is_held: bool
    trouble: str = ""
    fix: str = ""


@contextlib.contextmanager
def held(path: Path, seconds: float) -> Iterator[Holding]:
    """Hold the lock at ``path`` inside the block, after waiting at most ``seconds``.

    Yields:
        Whether it is held, and why not.
    """
    lock = Lock(path)
    try:
        is_held = waited(lock.acquire, seconds)
        holding = Holding(is_held, *(() if is_held else ("another process keeps the lock", "try again")))
    except (StoreError, OSError) as error:
        what = error.what if isinstance(error, StoreError) else str(error)
        holding = Holding(
            is_held=False,
            trouble=f"the lock {path.name} {what}",
            fix="`tc kill activate` sets aside what is no file; else correct its rights or remove it",
        )
    try:
        yield holding
    finally:
        lock.release()
