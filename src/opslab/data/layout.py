"""Where datasets live below the data root, and the lock that one writer of a name holds.

    canonical/<dataset>/dataset.json              the record: names the version that counts
    canonical/<dataset>/v<version>/               candles.parquet instrument.json
    quarantine/<dataset>/dataset.json             the record of the latest failed attempt
    quarantine/<dataset>/v<attempt>/              reasons.jsonl, and source.* when it is not too large
    fingerprints/<dataset>.fingerprint.json
    .locks/<dataset>.lock

A version's directory is complete before the record names it, and the record is replaced by one rename: a reader, or a
crash, sees the old version or the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from opslab.errors import DataError, IdError, RootError
from opslab.ids import checked_id
from opslab.root import confined
from opslab.store.durable import make_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opslab.root import Lab

CANONICAL = "canonical"
QUARANTINE = "quarantine"
FINGERPRINTS = "fingerprints"
_LOCKS = ".locks"


def checked_name(name: object) -> str:
    """Return ``name`` if it can name a dataset.

    Raises:
        DataError: it is unsafe as a file name.
    """
    try:
        return checked_id(name, "dataset")
    except IdError as error:
        raise DataError(error.what, fix=error.fix) from error


def dataset_directory(lab: Lab, state: str, name: str, *more: str) -> Path:
    """Return the directory of dataset ``name`` in ``state`` (``canonical`` or ``quarantine``), existing or not.

    Raises:
        DataError: the name is unsafe, or a symlink is on the way.
    """
    try:
        return confined(lab.data, state, checked_name(name), *more)
    except RootError as error:
        raise DataError(error.what, where=error.where, fix=error.fix) from error


def fingerprint_file(lab: Lab, name: str) -> Path:
    """Return where the fingerprint of dataset ``name`` is written.

    Raises:
        DataError: the name is unsafe, or a symlink is on the way.
    """
    return dataset_directory(lab, FINGERPRINTS, checked_name(name)).with_name(f"{name}.fingerprint.json")


def names(lab: Lab, state: str) -> list[str]:
    """Return the names in ``state``, sorted; what cannot be a dataset (a staging directory, a link) is left out."""
    with contextlib.suppress(OSError):
        return sorted(
            entry.name
            for entry in os.scandir(lab.data / state)
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
        )
    return []


@contextlib.contextmanager
def locked(lab: Lab, name: str) -> Iterator[None]:
    """Let one process at a time write dataset ``name``; the lock ends with the process, however it ends.

    Raises:
        DataError: another process is writing it, or the name is unsafe.
        StoreError: the data root is not writable.
    """
    path = dataset_directory(lab, _LOCKS, checked_name(name)).with_name(f"{name}.lock")
    make_directory(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise DataError(f"cannot be locked: {error.strerror}", where=path, fix="check rights and space") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"dataset {name} is being written by another process", fix="wait for it to end") from None
        yield
    finally:
        os.close(descriptor)
