"""Prepare: install a committed synthetic sample through the same gate as any other source."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from opslab.contract.dataset import DatasetStatus, InstrumentKind, Stamp
from opslab.data.catalog import read_record, why
from opslab.data.importing import import_file
from opslab.data.instruments import built_in
from opslab.data.layout import CANONICAL, dataset_directory
from opslab.data.remedy import SAMPLES, sample_source
from opslab.errors import DataError

if TYPE_CHECKING:
    from opslab.clock import Clock
    from opslab.contract.dataset import DatasetRecord
    from opslab.root import Lab

SAMPLE_INTERVAL_SECONDS = 60


def prepare(lab: Lab, dataset: str, *, replace: bool = False, clock: Clock | None = None) -> DatasetRecord:
    """Install the sample ``dataset``; a prepared one is left as it is.

    Args:
        lab: the lab whose data root is written.
        dataset: the sample's name.
        replace: whether an altered sample, or other content under its name, gives way to the committed sample.
        clock: gives the time of the record.

    Raises:
        DataError: there is no such sample, or it was altered or other content has its name, and ``replace`` is false.
        StoreError: the data root cannot be written.
    """
    symbol = SAMPLES.get(dataset)
    if symbol is None:
        raise DataError(
            f"there is no sample {dataset!r:.80} (there are: {', '.join(SAMPLES)})",
            fix="name one of these, or bring data of your own with `tc data import`",
        )
    with resources.as_file(resources.files("opslab.samples").joinpath("datasets", sample_source(dataset))) as source:
        record = import_file(
            lab,
            source,
            dataset,
            instrument=built_in(symbol, InstrumentKind.PERPETUAL),
            interval=SAMPLE_INTERVAL_SECONDS,
            stamp=Stamp.OPEN,
            replace=replace,
            clock=clock,
            synthetic=True,
        )
    if record.status is not DatasetStatus.CANONICAL:
        raise DataError(f"sample {dataset} did not pass the gate: {why(record)}", fix="install the lab again")
    return record


def prepare_missing(lab: Lab, dataset: str) -> None:
    """Install ``dataset`` if it is a sample that this lab does not have yet; other names are left alone.

    Raises:
        DataError: the sample cannot be installed.
        StoreError: the data root cannot be written.
    """
    if dataset in SAMPLES and read_record(dataset_directory(lab, CANONICAL, dataset)) is None:
        prepare(lab, dataset)
