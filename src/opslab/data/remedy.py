"""What to do about a dataset that is missing or damaged: a sample is prepared, anything else is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.contract.dataset import DatasetRecord, Source

SAMPLES = {"btcusdt-sample": "BTCUSDT", "ethusdt-sample": "ETHUSDT"}
"""The samples, with the Binance perpetual whose rules each follows. Their candles are made up."""


def sample_source(name: str) -> str:
    """Return the file name of the committed source of sample ``name``."""
    return f"{name}.csv"


def is_sample(name: str, source: Source | None = None) -> bool:
    """Return whether ``name`` is a sample and, where its ``source`` is known, was made from the committed file."""
    return name in SAMPLES and (source is None or source.name == sample_source(name))


def bringing(name: str) -> str:
    """Return how to get a dataset that is not here."""
    return (
        f"run `tc data prepare --dataset {name}`" if is_sample(name) else f"run `tc data import --dataset {name} ...`"
    )


def restoring(name: str, record: DatasetRecord | None = None) -> str:
    """Return how to restore a dataset whose files were altered; ``record`` tells where it came from."""
    if is_sample(name, record.source if record else None):
        return f"run `tc data prepare --dataset {name} --replace`"
    source = record.source.name if record else "its source"
    return f"import {source} again: `tc data import --dataset {name} --replace ...`"


def moving(directory: Path) -> str:
    """Return how to start anew when the record in ``directory``, which is named like its dataset, cannot be read."""
    return f"move {directory} away, then {bringing(directory.name)}"
