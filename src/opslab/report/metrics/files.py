"""Reads files below an open directory without following links or waiting: regular files of a bounded size only."""

from __future__ import annotations

import os
import stat
import struct

MAX_BYTES = 4 << 20
"""A JSON artifact beyond this size is not read."""

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

STAMP_SIZE = 32
"""Bytes of one file's part of a stamp."""
SETTLE_NS = 50_000_000
"""A file changed this recently may change again under the same time stamp, whose clock ticks more slowly than ours."""

_STAMP = struct.Struct("QQQQ")
_WORD = 2**64 - 1


def open_directory(path: str | os.PathLike[str]) -> int:
    """Return a descriptor of the directory at ``path``.

    Raises:
        OSError: it is no directory, or cannot be opened.
    """
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def open_regular(root: int, name: str) -> int:
    """Return a descriptor of the regular file ``name`` below the descriptor ``root``.

    Raises:
        OSError: it is missing, a symlink, or cannot be opened.
        ValueError: it is a directory, a pipe or another special file.
    """
    descriptor = os.open(name, _FLAGS, dir_fd=root)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise ValueError("is not a regular file")


def read_regular(root: int, name: str) -> bytes:
    """Return the content of the regular file ``name`` below ``root``.

    Raises:
        OSError: it is missing, a symlink, or cannot be read.
        ValueError: it is not a regular file, or larger than ``MAX_BYTES``.
    """
    descriptor = open_regular(root, name)
    try:
        size = os.fstat(descriptor).st_size
        content = b""
        while size <= MAX_BYTES and (block := os.read(descriptor, size + 1)):
            content += block
            size = len(content)
    finally:
        os.close(descriptor)
    if size > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES} bytes")
    return content


def stamp_of(root: int, names: tuple[str, ...]) -> bytes:
    """Return times, size and inode of ``names`` below ``root``: while they are equal, nothing was written.

    Raises:
        OSError: one of them is missing.
    """
    return b"".join([packed(os.stat(name, dir_fd=root, follow_symlinks=False)) for name in names])


def packed(found: os.stat_result) -> bytes:
    """Return one file's part of a stamp."""
    # A file system may keep times beyond 64 bits of nanoseconds.
    return _STAMP.pack(found.st_ctime_ns & _WORD, found.st_mtime_ns & _WORD, found.st_size, found.st_ino)


def last_change(stamp: bytes) -> int:
    """Return when the latest of a stamp's files changed, in nanoseconds since 1970."""
    return max(int(changed) for changed, *_ in _STAMP.iter_unpack(stamp))
