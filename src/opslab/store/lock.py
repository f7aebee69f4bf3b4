"""The mark of a living process: an exclusive ``flock`` that the kernel lets go of when the process dies."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from opslab.errors import StoreError
from opslab.store import layout
from opslab.store.regular import open_regular

if TYPE_CHECKING:
    from pathlib import Path


class Lock:
    """An empty lock file. What holds it cannot outlive its process, and a rename takes it along.

    Args:
        path: the file, created when missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self) -> bool:
        """Take the lock; false while another holds it, or if the file was replaced while it was taken.

        Raises:
            StoreError: the file cannot be opened.
        """
        try:
            descriptor = open_regular(self._path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StoreError(f"cannot be opened: {error.strerror}", where=self._path, fix="check rights") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return False
            raise StoreError(f"cannot be locked: {error.strerror}", where=self._path, fix="use a local disk") from error
        if not self._is_at_path(descriptor):  # what is locked then keeps nobody out
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def _is_at_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self._path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go, if it is held."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_alive(directory: Path) -> bool:
    """Whether a process holds the lock in ``directory``: a bundle, a session or a staging directory."""
    try:
        descriptor = open_regular(directory / layout.LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
