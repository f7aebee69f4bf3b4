"""Trip marks: the first thing that an activation makes durable, without any lock, and the last that it takes away.

A mark is a file of its own name, and while it is there its switch reads as active, whatever else is written meanwhile
and by whom. Its process holds a lock on it for as long as it lives. A name is enough: an empty mark counts as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from typing import TYPE_CHECKING

from opslab.safety.evidence import set_aside
from opslab.store.durable import STAGING_PREFIX, sync_directory
from opslab.store.regular import MISSING, open_regular, trouble_of

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

ATTEMPTS = 5
"""How often a mark is staged anew after somebody who sweeps took the staged file for one of the dead."""


class TripMark:
    """The mark of an activation in this process, which is known to live until ``release``.

    Args:
        path: where it lies.
        descriptor: the open file, locked.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor

    def release(self) -> None:
        """Let others see that the activation is over; the mark stays if it was not removed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def put_mark(path: Path, content: bytes) -> TripMark:
    """Make a mark at ``path``, durably; without ``content`` where the disk has no space for it.

    Raises:
        OSError: it could not be made.
    """
    for attempt in range(ATTEMPTS):
        staged = path.with_name(f"{STAGING_PREFIX}{secrets.token_hex(4)}-{path.name}")
        descriptor = os.open(staged, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        try:
            _fill(descriptor, content)
            staged.rename(path)  # locked before it has its name, so that nobody takes it for a dead one's
            sync_directory(path.parent)
        except BaseException as error:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                staged.unlink()
            if isinstance(error, FileNotFoundError) and attempt < ATTEMPTS - 1:
                continue
            raise
        return TripMark(path, descriptor)
    raise AssertionError("the last attempt returns or raises")


def is_living(path: Path) -> bool:
    """Whether the activation that made the mark at ``path`` may still be at work; what cannot be told may be."""
    if trouble_of(path) is not None:  # gone, or not made by an activation
        return False
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except OSError:
        return trouble_of(path) != MISSING
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def remove_mark(path: Path, now: datetime) -> None:
    """Remove a mark; what bears its name and is no file is set aside. One that is gone is no error.

    Raises:
        OSError: it cannot be removed.
    """
    what = trouble_of(path)
    if what == MISSING:
        return
    if what is not None:
        set_aside(path, now)
        return
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def _fill(descriptor: int, content: bytes) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        if os.write(descriptor, content) != len(content):
            os.ftruncate(descriptor, 0)
    except OSError:
        os.ftruncate(descriptor, 0)
    os.fsync(descriptor)
