"""Reads regular files only: what else bears a file's name (a pipe, a device) could keep a reader waiting for ever."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from opslab.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

MISSING = "is missing"


def trouble_of(path: Path) -> str | None:
    """Return why ``path`` is no regular file (missing, a symlink, a directory, something else); None if it is one."""
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):  # a name that no file can have is missing too
        return MISSING
    return _trouble(mode)


def open_regular(path: Path, flags: int) -> int:
    """Return a descriptor of the regular file ``path``; never waits, never follows a symlink.

    Raises:
        OSError: it cannot be opened, or is no regular file; ``strerror`` says which.
    """
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO, errno.EISDIR} and (what := trouble_of(path)):
            raise OSError(error.errno, what) from error
        raise
    if what := _trouble(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, what)
    return descriptor


def read_regular(path: Path) -> bytes:
    """Return the bytes of the regular file ``path``.

    Raises:
        StoreError: it is missing, cannot be read, or is no regular file.
    """
    try:
        with open(open_regular(path, os.O_RDONLY), "rb") as file:
            return file.read()
    except OSError as error:
        raise StoreError(
            f"cannot be read: {error.strerror}", where=path, fix="`tc run verify` names what is missing"
        ) from error


def _trouble(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISLNK(mode):
        return "is a symlink"
    return "is a directory" if stat.S_ISDIR(mode) else "is not a regular file"
