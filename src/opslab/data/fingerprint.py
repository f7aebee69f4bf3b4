"""The fingerprint of a dataset: which bytes an engine would see."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from opslab.contract.dataset import CANDLES_FILE, INSTRUMENT_FILE, FileDigest, Fingerprint, dataset_sha256
from opslab.contract.encoding import pretty_json
from opslab.data.layout import fingerprint_file
from opslab.data.remedy import restoring
from opslab.errors import DataError
from opslab.store.durable import make_directory, write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.data.catalog import Dataset
    from opslab.root import Lab

DECISIVE_FILES = (CANDLES_FILE, INSTRUMENT_FILE)
"""The files that decide what an engine sees: any changed byte in one changes the fingerprint."""


def measured_files(directory: Path) -> tuple[FileDigest, ...]:
    """Return the digests of the decisive files in ``directory`` as they are now; a missing one is left out.

    Raises:
        DataError: a file is a symlink or cannot be read.
    """
    return tuple(_digest(directory, name) for name in DECISIVE_FILES if (directory / name).exists())


def write_fingerprint(lab: Lab, dataset: Dataset) -> tuple[Path, Fingerprint]:
    """Measure ``dataset`` and write its fingerprint file (contract 4.9); return the file's path and its content.

    Raises:
        DataError: the dataset's files are not what its record says.
        StoreError: the file cannot be written.
    """
    files = measured_files(dataset.path)
    measured = dataset_sha256(dataset.name, files)
    dataset.require(measured)
    root = dataset.path.relative_to(lab.root) if dataset.path.is_relative_to(lab.root) else dataset.path
    content = Fingerprint(dataset=dataset.name, root=root.as_posix(), files=files, dataset_sha256=measured)
    path = fingerprint_file(lab, dataset.name)
    make_directory(path.parent)
    write_bytes(path, pretty_json(content.to_dict()))
    return path, content


def _digest(directory: Path, name: str) -> FileDigest:
    path = directory / name
    if path.is_symlink():
        raise DataError("is a symlink, which the lab does not follow", where=path, fix=restoring(directory.parent.name))
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return FileDigest(path=name, sha256=digest, size_bytes=file.tell())
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror}", where=path, fix=restoring(directory.parent.name)
        ) from error
