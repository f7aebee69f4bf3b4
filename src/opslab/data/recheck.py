"""The gate once more, over a dataset that is already installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from opslab.data.candles import VALUES
from opslab.data.catalog import open_dataset, read_record
from opslab.data.gate import Rules, check
from opslab.data.layout import CANONICAL, QUARANTINE, dataset_directory
from opslab.data.rows import EARLIEST_NS, EPOCH_NS, LATEST_NS, Problem, SourceRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from opslab.contract.dataset import CheckResult, DatasetRecord
    from opslab.data.candles import Candles
    from opslab.data.catalog import Dataset
    from opslab.root import Lab


def recorded(lab: Lab, name: str) -> DatasetRecord:
    """Return the record of dataset ``name``, canonical before quarantined.

    Raises:
        DataError: the name is unsafe or unknown, or the record is damaged.
    """
    for state in (CANONICAL, QUARANTINE):
        if (record := read_record(dataset_directory(lab, state, name))) is not None:
            return record
    return open_dataset(lab, name).record


def recheck(dataset: Dataset) -> list[CheckResult]:
    """Return what the gate says today about the candles of ``dataset``; rows are its candles, from 1.

    Raises:
        DataError: the candles cannot be loaded.
    """
    record = dataset.record
    candles = dataset.load()
    rules = Rules(dataset.instrument, candles.interval_ns, candles.volume_unit, record.gaps_allowed)
    return check(rows_of(candles), rules)


def rows_of(candles: Candles) -> SourceRows:
    """Return candles as the rows of a source stamped by the close."""
    values = {name: getattr(candles, name) for name in VALUES}
    stamp_ns = candles.ts_close_ns.astype(np.int64)
    outside = (stamp_ns < EARLIEST_NS) | (stamp_ns > LATEST_NS)
    return SourceRows(
        row=np.arange(1, len(candles) + 1, dtype=np.int64),
        stamp_ns=stamp_ns,
        stamp_problem=np.where(outside, Problem.OUT_OF_RANGE, Problem.NONE).astype(np.uint8),
        zone=np.full(len(candles), EPOCH_NS, np.int32),
        values=values,
        problems={name: _problems(value) for name, value in values.items()},
    )


def _problems(value: NDArray[np.float64]) -> NDArray[np.uint8]:
    problem = np.where(np.isnan(value), Problem.NAN, Problem.NONE).astype(np.uint8)
    problem[np.isinf(value)] = Problem.INFINITE
    return problem
