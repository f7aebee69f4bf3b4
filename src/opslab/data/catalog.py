"""What datasets there are: open one by its name, or list them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from opslab.contract.dataset import (
    CANDLES_FILE,
    INSTRUMENT_FILE,
    RECORD_FILE,
    DatasetRecord,
    DatasetStatus,
    Fingerprint,
    Instrument,
    dataset_sha256,
)
from opslab.data.fingerprint import measured_files
from opslab.data.layout import CANONICAL, QUARANTINE, dataset_directory, fingerprint_file, names
from opslab.data.remedy import bringing, moving, restoring
from opslab.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.data.candles import Candles
    from opslab.root import Lab

_MAX_RECORD_BYTES = 16 << 20


@dataclass(frozen=True)
class Dataset:
    """A canonical dataset: its record is read, its candles are not.

    Attributes:
        name: the dataset's name.
        directory: ``canonical/<name>/``, with the record.
        record: what was recorded when it was imported.
    """

    name: str
    directory: Path
    record: DatasetRecord

    @property
    def path(self) -> Path:
        """The directory of the version that counts, with ``candles.parquet`` and ``instrument.json``."""
        return self.directory / f"v{self.record.version}"

    @property
    def instrument(self) -> Instrument:
        """The instrument as recorded."""
        return self.record.instrument

    @property
    def fingerprint(self) -> str:
        """The fingerprint as recorded; ``measure`` says what it is now."""
        return self.record.dataset_sha256 or ""

    def measure(self) -> str:
        """Return the fingerprint of the files as they are now, whatever the record says.

        Raises:
            DataError: a file is a symlink or cannot be read.
        """
        return dataset_sha256(self.name, measured_files(self.path))

    def require(self, measured: str) -> None:
        """Refuse a dataset whose ``measured`` fingerprint is not the recorded one.

        Raises:
            DataError: they differ, or the record's instrument is not the file's.
        """
        if measured != self.fingerprint:
            raise DataError(
                f"dataset {self.name} was altered: its fingerprint is {measured}, recorded was {self.fingerprint}",
                where=self.path,
                fix=restoring(self.name, self.record),
            )
        if read_instrument(self.path / INSTRUMENT_FILE) != self.instrument:
            raise DataError(
                f"dataset {self.name} was altered: its record names another instrument",
                where=self.directory / RECORD_FILE,
                fix=restoring(self.name, self.record),
            )

    def load(self) -> Candles:
        """Return the candles; whether they are what was recorded is for ``measure`` and ``require`` to say.

        Raises:
            DataError: the file is damaged, or its interval is not the recorded one.
        """
        from opslab.data.candles import read_parquet  # noqa: PLC0415 - opening and listing need no pyarrow

        candles = read_parquet(self.path / CANDLES_FILE)
        recorded = self.record.interval_seconds * 1_000_000_000
        if (candles.interval_ns, len(candles)) != (recorded, self.record.rows):
            raise DataError(
                f"holds {len(candles)} candles of {candles.interval_ns // 1_000_000_000} s, "
                f"recorded were {self.record.rows} of {self.record.interval_seconds} s",
                where=self.path / CANDLES_FILE,
                fix=restoring(self.name, self.record),
            )
        return candles


def open_dataset(lab: Lab, name: str) -> Dataset:
    """Return the canonical dataset ``name``; only its record is read.

    Raises:
        DataError: the name is unsafe or unknown, the dataset is quarantined, or a symlink is on the way.
    """
    directory = dataset_directory(lab, CANONICAL, name)
    if (record := read_record(directory)) is not None:
        if (record.dataset, record.status) != (name, DatasetStatus.CANONICAL) or not record.dataset_sha256:
            raise DataError(f"is not the record of a canonical dataset {name}", where=directory / RECORD_FILE)
        dataset_directory(lab, CANONICAL, name, f"v{record.version}")
        return Dataset(name=name, directory=directory, record=record)
    quarantined = dataset_directory(lab, QUARANTINE, name)
    if (record := read_record(quarantined)) is not None:
        raise DataError(
            f"dataset {name} is quarantined: {why(record)}",
            where=quarantined,
            fix="repair the source and import it again",
        )
    known = ", ".join(names(lab, CANONICAL)) or "none"
    raise DataError(
        f"dataset {name} is not here (there are: {known})",
        where=lab.data,
        fix=bringing(name),
    )


def list_records(lab: Lab) -> list[tuple[str, DatasetRecord | DataError]]:
    """Return every dataset's name with its record, or with what is wrong with it, sorted by name."""
    found: list[tuple[str, DatasetRecord | DataError]] = []
    for name in sorted({*names(lab, CANONICAL), *names(lab, QUARANTINE)}):
        try:
            record = read_record(dataset_directory(lab, CANONICAL, name))
            record = record or read_record(dataset_directory(lab, QUARANTINE, name))
        except DataError as error:
            found.append((name, error))
        else:
            missing = DataError(
                "has no record", where=lab.data / CANONICAL / name, fix=moving(lab.data / CANONICAL / name)
            )
            found.append((name, record or missing))
    return found


def why(record: DatasetRecord) -> str:
    """Return the shortest honest reason for a quarantine: the source, each failed check, its count and first rows."""
    parts = []
    for check in record.failed:
        first = check.ranges[0]
        rows = (
            f"row {first.first_row}"
            if first.first_row == first.last_row
            else f"rows {first.first_row}-{first.last_row}"
        )
        place = f"{rows}: " if first.last_row else ""
        parts.append(f"{check.name} ({check.count}): {place}{first.reason}")
    return f"{record.source.name}: {'; '.join(parts)}"


def read_record(directory: Path) -> DatasetRecord | None:
    """Return the record in ``directory``, or None when there is none.

    Raises:
        DataError: the record is a symlink, cannot be read or does not follow the contract.
    """
    path = directory / RECORD_FILE
    if not path.exists() and not path.is_symlink():
        return None
    return _artifact(path, DatasetRecord, fix=moving(directory))


def read_instrument(path: Path) -> Instrument:
    """Return the instrument that is written in ``path``, ``<dataset>/v<version>/instrument.json``.

    Raises:
        DataError: the file cannot be read or does not follow the contract.
    """
    return _artifact(path, Instrument, fix=restoring(path.parent.parent.name))


def require_fingerprint_file(lab: Lab, dataset: Dataset) -> None:
    """Refuse a fingerprint file that is there and is not the one of ``dataset``, as recorded.

    Raises:
        DataError: it cannot be read, or names another fingerprint.
    """
    path, fix = (
        fingerprint_file(lab, dataset.name),
        f"run `tc data fingerprint --dataset {dataset.name}` to write it anew",
    )
    if not path.exists() and not path.is_symlink():
        return
    content = _artifact(path, Fingerprint, fix=fix)
    recorded = (dataset.name, dataset.record.files, dataset.fingerprint)
    if (content.dataset, content.files, content.dataset_sha256) != recorded:
        raise DataError(
            f"does not name the recorded fingerprint of dataset {dataset.name}, {dataset.fingerprint}",
            where=path,
            fix=fix,
        )


def _artifact[T: BaseModel](path: Path, model: type[T], *, fix: str) -> T:
    try:
        return model.model_validate_json(_read(path, fix))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"is damaged: {place}: {first['msg']}" if place else f"is damaged: {first['msg']}", where=path, fix=fix
        ) from error


def _read(path: Path, fix: str) -> bytes:
    if path.is_symlink():
        raise DataError("is a symlink, which the lab does not follow", where=path, fix=fix)
    try:
        if path.stat().st_size > _MAX_RECORD_BYTES:
            raise DataError("is too large for a record", where=path, fix=fix)
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=path, fix=fix) from error
