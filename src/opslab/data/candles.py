"""Candles in memory: contiguous numpy columns, and their canonical Parquet form.

A price is the float64 nearest to its decimal text. The gate lets only prices and volumes through that are the nearest
float64 to a whole number of ticks (below 2**53 ticks), so that formatting at the instrument's precision returns the
source's decimal exactly.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from opslab.contract.dataset import VolumeUnit
from opslab.data.remedy import restoring
from opslab.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume")
COLUMNS = ("ts_close_ns", *VALUES)
_FIELDS: list[tuple[str, pa.DataType]] = [("ts_close_ns", pa.int64()), *[(name, pa.float64()) for name in VALUES]]
SCHEMA = pa.schema(_FIELDS)
_INTERVAL_KEY = b"opslab.interval_ns"
_UNIT_KEY = b"opslab.volume_unit"
_WRITER = re.compile(rb"[\x00-\x7f](parquet-cpp-arrow version [0-9a-zA-Z.+-]{1,40})")
_ANY_WRITER = b"tradingchassis-ops-lab canonical v1"
_TAIL_BYTES = 8


@dataclass(frozen=True, eq=False)
class Candles:
    """Candles of one instrument; every array is contiguous, writable and of the same length.

    Attributes:
        ts_close_ns: close of each candle, UTC nanoseconds since the epoch, uint64.
        open: first price, quote units, float64.
        high: highest price, quote units, float64.
        low: lowest price, quote units, float64.
        close: last price, quote units, float64.
        volume: traded volume in ``volume_unit``, float64.
        interval_ns: length of a candle in nanoseconds.
        volume_unit: what the volume counts.
    """

    ts_close_ns: NDArray[np.uint64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    interval_ns: int
    volume_unit: VolumeUnit = VolumeUnit.BASE

    def __len__(self) -> int:
        return len(self.ts_close_ns)

    def digest(self) -> str:
        """Return the market data digest: SHA-256 over the interval, the unit and the little-endian columns."""
        digest = hashlib.sha256(f"{self.interval_ns} {self.volume_unit} {len(self)}".encode())
        for name in COLUMNS:
            column: NDArray[np.uint64] | NDArray[np.float64] = getattr(self, name)
            digest.update(np.ascontiguousarray(column.astype(column.dtype.newbyteorder("<"), copy=False)).data)
        return digest.hexdigest()


def to_parquet(candles: Candles) -> bytes:
    """Return the canonical Parquet bytes: equal candles give equal bytes.

    Neither time, path nor the writer's version is in them. Plain encoding without compression, dictionaries or
    statistics leaves a writer no choices, and loads fast.
    """
    metadata = {_INTERVAL_KEY: str(candles.interval_ns).encode(), _UNIT_KEY: candles.volume_unit.value.encode()}
    arrays = [pa.array(candles.ts_close_ns.astype(np.int64)), *(pa.array(getattr(candles, name)) for name in VALUES)]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA.with_metadata(metadata))
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        version="2.6",
        compression="none",
        use_dictionary=False,
        write_statistics=False,
        data_page_version="1.0",
        store_schema=True,
        row_group_size=1 << 20,
    )
    return _without_writer(buffer.getvalue())


def read_parquet(path: Path) -> Candles:
    """Return the candles in a canonical Parquet file, ``<dataset>/v<version>/candles.parquet``.

    Raises:
        DataError: the file is missing, damaged or not of the canonical schema.
    """
    try:
        table = pq.read_table(path, memory_map=False, partitioning=None)
        metadata = table.schema.metadata or {}
        interval_ns, unit = int(metadata[_INTERVAL_KEY]), VolumeUnit(metadata[_UNIT_KEY].decode())
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise DataError(
            f"cannot be read as candles: {error}", where=path, fix=restoring(path.parent.parent.name)
        ) from error
    if not table.schema.equals(SCHEMA) or any(table[name].null_count for name in COLUMNS):
        raise DataError("does not have the canonical columns", where=path, fix=restoring(path.parent.parent.name))
    stamps = table["ts_close_ns"].to_numpy().astype(np.uint64)
    values = {name: np.array(table[name].to_numpy(), dtype=np.float64, order="C") for name in VALUES}
    return Candles(ts_close_ns=stamps, **values, interval_ns=interval_ns, volume_unit=unit)


def _without_writer(content: bytes) -> bytes:
    """Replace the writer's version in the footer: it alone differed between versions of pyarrow (a test says so).

    A Parquet file ends in its Thrift footer, the footer's length (4 bytes, little-endian) and ``PAR1``; in Thrift's
    compact protocol a short string is one byte of length and its bytes (Apache Parquet format, File Format).
    """
    (length,) = struct.unpack("<I", content[-_TAIL_BYTES:-4])
    start = len(content) - _TAIL_BYTES - length
    footer = content[start:-_TAIL_BYTES]
    found = list(_WRITER.finditer(footer))
    if len(found) != 1 or footer[found[0].start()] != len(found[0][1]):
        return content
    fixed = footer[: found[0].start()] + bytes([len(_ANY_WRITER)]) + _ANY_WRITER + footer[found[0].end() :]
    return content[:start] + fixed + struct.pack("<I", len(fixed)) + content[-4:]
