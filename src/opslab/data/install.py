"""How a dataset comes into being: complete in a staging directory, renamed, then named by its record."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from typing import TYPE_CHECKING

from opslab import __version__
from opslab.clock import to_stamp
from opslab.contract.dataset import (
    CANDLES_FILE,
    INSTRUMENT_FILE,
    REASONS_FILE,
    RECORD_FILE,
    DatasetRecord,
    DatasetStatus,
    dataset_sha256,
)
from opslab.contract.encoding import compact_json, pretty_json
from opslab.data.candles import to_parquet
from opslab.data.catalog import Dataset, read_record
from opslab.data.fingerprint import measured_files, write_fingerprint
from opslab.data.layout import CANONICAL, FINGERPRINTS, QUARANTINE, dataset_directory, locked
from opslab.data.remedy import is_sample, restoring
from opslab.errors import DataError, StoreError
from opslab.store.durable import STAGING_PREFIX, install_directory, make_directory, sync_directory, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from opslab.clock import Clock
    from opslab.contract.dataset import Instrument
    from opslab.data.candles import Candles
    from opslab.data.gate import Finding
    from opslab.data.source import SourceFile
    from opslab.root import Lab

MAX_SOURCE_COPY_BYTES = 64 << 20
"""A quarantined source up to this size is copied beside its reasons."""


def install_canonical(
    lab: Lab, facts: dict[str, Any], candles: Candles, *, replace: bool, clock: Clock
) -> DatasetRecord:
    """Make ``candles`` the canonical dataset that ``facts`` describe; the same content again changes nothing.

    Raises:
        DataError: the name has other content and ``replace`` is false, or another process is writing it.
        StoreError: the data root cannot be written.
    """
    name, instrument = facts["dataset"], facts["instrument"]
    with locked(lab, name):
        directory = _cleared(lab, CANONICAL, name)
        current = read_record(directory)
        with _staged(directory) as staged:
            _write_decisive(staged, candles, instrument)
            files = measured_files(staged)
            measured = dataset_sha256(name, files)
            if current is not None and not _is_news(lab, directory, current, measured, facts, replace=replace):
                record = current
            else:
                record = _record(
                    facts, clock, current, status=DatasetStatus.CANONICAL, files=files, dataset_sha256=measured
                )
                install_directory(staged, directory / f"v{record.version}")
                write_bytes(directory / RECORD_FILE, pretty_json(record.to_dict()))
        write_fingerprint(lab, Dataset(name=name, directory=directory, record=record))
        _drop(dataset_directory(lab, QUARANTINE, name))
    return record


def install_quarantined(
    lab: Lab, facts: dict[str, Any], findings: list[Finding], source: SourceFile, *, clock: Clock
) -> DatasetRecord:
    """Record a failed attempt with the reason for every row range and, when small enough, its source.

    Raises:
        DataError: another process is writing the name.
        StoreError: the data root cannot be written.
    """
    with locked(lab, facts["dataset"]):
        directory = _cleared(lab, QUARANTINE, facts["dataset"])
        current = read_record(directory)
        record = _record(facts, clock, current, status=DatasetStatus.QUARANTINED)
        with _staged(directory) as staged:
            _write_reasons(staged / REASONS_FILE, findings)
            _copy_source(source, staged)
            install_directory(staged, directory / f"v{record.version}")
        write_bytes(directory / RECORD_FILE, pretty_json(record.to_dict()))
        if current is not None:
            _drop(directory / f"v{current.version}")
    return record


def _record(facts: dict[str, Any], clock: Clock, current: DatasetRecord | None, **more: Any) -> DatasetRecord:
    return DatasetRecord(
        version=current.version + 1 if current else 1,
        created_at_utc=to_stamp(clock.now()),
        lab_version=__version__,
        **facts,
        **more,
    )


def _is_news(
    lab: Lab, directory: Path, current: DatasetRecord, measured: str, facts: dict[str, Any], *, replace: bool
) -> bool:
    dataset_directory(lab, CANONICAL, current.dataset, f"v{current.version}")
    kept = Dataset(name=current.dataset, directory=directory, record=current)
    if measured == current.dataset_sha256 and _measured(kept) == measured:
        return False
    if not replace:
        altered = "was altered on disk" if measured == current.dataset_sha256 else "exists with other content"
        raise DataError(
            f"dataset {current.dataset} {altered} (version {current.version}, {current.dataset_sha256})",
            where=directory,
            fix=restoring(current.dataset)
            if is_sample(current.dataset, facts["source"])
            else "choose another name, or pass --replace for a new version",
        )
    return True


def _measured(dataset: Dataset) -> str | None:
    """Return the fingerprint of what is installed; None when it cannot be measured at all."""
    try:
        return dataset.measure()
    except DataError:
        return None


def _write_decisive(staged: Path, candles: Candles, instrument: Instrument) -> None:
    _write(staged / CANDLES_FILE, to_parquet(candles))
    _write(staged / INSTRUMENT_FILE, pretty_json(instrument.to_dict()))


def _write_reasons(path: Path, findings: list[Finding]) -> None:
    with _told(path), path.open("w", encoding="utf-8") as file:
        for finding in findings:
            for part in finding.ranges():
                line = {"check": finding.name, "status": finding.status.value, **part.to_dict()}
                file.write(compact_json(line) + "\n")


def _copy_source(source: SourceFile, staged: Path) -> None:
    if source.size > MAX_SOURCE_COPY_BYTES:
        return
    suffix = source.path.suffix.lower()
    source.file.seek(0)
    path = staged / f"source{suffix if suffix in {'.csv', '.parquet', '.pq'} else '.bin'}"
    _write(path, source.file.read(MAX_SOURCE_COPY_BYTES))


def _write(path: Path, content: bytes) -> None:
    with _told(path):
        path.write_bytes(content)


def _cleared(lab: Lab, state: str, name: str) -> Path:
    """Return the dataset's directory, made if need be, without what a killed writer left in it."""
    directory = dataset_directory(lab, state, name)
    make_directory(directory)
    record = read_record(directory)
    newest = record.version if record else 0
    for entry in list(directory.iterdir()):
        number = entry.name.removeprefix("v")
        is_orphan = entry.name.startswith("v") and number.isdecimal() and int(number) > newest
        if is_orphan or entry.name.startswith(STAGING_PREFIX):
            _drop(entry)
    for leftover in (lab.data / FINGERPRINTS).glob(f"{STAGING_PREFIX}*-{name}.fingerprint.json"):
        leftover.unlink(missing_ok=True)
    return directory


@contextlib.contextmanager
def _staged(directory: Path) -> Iterator[Path]:
    """Give a new staging directory in ``directory``; what is still there afterwards is removed."""
    staged = directory / f"{STAGING_PREFIX}{secrets.token_hex(4)}"
    with _told(staged):
        staged.mkdir()
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        with contextlib.suppress(OSError):
            directory.rmdir()  # only a directory in which nothing was installed is empty


def _drop(path: Path) -> None:
    """Remove ``path``, the record first, so that a crash does not leave a record without its files."""
    if not path.exists() and not path.is_symlink():
        return
    with _told(path):
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            (path / RECORD_FILE).unlink(missing_ok=True)
            shutil.rmtree(path)
        sync_directory(path.parent)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot be written: {error.strerror or error}", where=path, fix="check space, rights and the path"
        ) from error
