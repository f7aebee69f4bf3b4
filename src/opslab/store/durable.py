"""Writes that are whole or absent: temporary file in the same directory, fsync, rename, fsync of the directory."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from typing import TYPE_CHECKING

from opslab.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAGING_PREFIX = ".staging-"
"""Names of files and directories that are not there yet; readers pass over them."""


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` so that a reader, now or after a crash, sees the old file or the new one.

    Raises:
        StoreError: the disk is full, the directory is missing or not writable, or ``path`` is a symlink.
    """
    if path.is_symlink():
        raise StoreError("is a symlink, which the lab does not write through", where=path, fix="remove it")
    staged = path.with_name(f"{STAGING_PREFIX}{secrets.token_hex(4)}-{path.name}"[:255])
    with _told(path):
        try:
            with staged.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            staged.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                staged.unlink()
            raise
        sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Create ``path`` with its parents, durably; an existing directory is left as it is.

    Raises:
        StoreError: a parent is a file, or not writable.
    """
    with _told(path):
        missing = [place for place in (path, *path.parents) if not place.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for place in missing:
            sync_directory(place.parent)


def install_directory(staged: Path, target: Path) -> None:
    """Rename the fully written directory ``staged`` to ``target`` in the same parent; one of several racers wins.

    Raises:
        FileExistsError: ``target`` exists and is not an empty directory.
        StoreError: the rename failed for another reason.
    """
    with _told(target):
        for place in (staged, *staged.rglob("*")):
            sync_directory(place) if place.is_dir() else _sync_file(place)
    try:
        staged.rename(target)
    except OSError as error:
        if target.exists() or target.is_symlink():
            raise FileExistsError(target) from error
        raise StoreError(f"cannot be created: {error.strerror}", where=target, fix="check space and rights") from error
    with _told(target):
        sync_directory(target.parent)


def remove_tree(path: Path) -> bool:
    """Remove a file or directory so that its name goes first; links are not followed.

    Returns:
        Whether it was there; another process may have been faster.

    Raises:
        StoreError: it cannot be removed.
    """
    doomed = path.with_name(f"{STAGING_PREFIX}{secrets.token_hex(4)}-{path.name}"[:255])
    with _told(path, "removed"):
        try:
            path.rename(doomed)
        except FileNotFoundError:
            return False
        if doomed.is_dir() and not doomed.is_symlink():
            shutil.rmtree(doomed, ignore_errors=True)  # what is left bears the staging prefix and is cleared later
        else:
            doomed.unlink(missing_ok=True)
    return True


def sync_directory(path: Path) -> None:
    """Make the names in ``path`` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def _told(path: Path, verb: str = "written") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot be {verb}: {error.strerror or error}", where=path, fix="check space, rights and the path"
        ) from error
