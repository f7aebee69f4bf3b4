"""Candles in memory and their canonical bytes."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.dataset import VolumeUnit
from opslab.data import candles as module
from opslab.data.candles import COLUMNS, VALUES, Candles, read_parquet, to_parquet


def candles(
    count: int = 50, start: float = 100.0, interval_ns: int = 60_000_000_000, unit: VolumeUnit = VolumeUnit.BASE
) -> Candles:
    price = start + np.arange(count) / 10
    stamps = (np.arange(1, count + 1) * interval_ns).astype(np.uint64)
    values = {name: price + index for index, name in enumerate(VALUES)}
    return Candles(ts_close_ns=stamps, **values, interval_ns=interval_ns, volume_unit=unit)


def test_equal_candles_have_equal_bytes_and_the_bytes_are_the_committed_ones():
    content = to_parquet(candles())
    assert content == to_parquet(candles())
    assert hashlib.sha256(content).hexdigest() == "a9ec855e6456f86be7086fb16459230e3bffb8f8cef9e654045b7b76fa4744c6"


def test_the_version_of_pyarrow_is_not_in_the_bytes(tmp_path):
    path = tmp_path / "candles.parquet"
    path.write_bytes(to_parquet(candles()))
    assert b"parquet-cpp-arrow" not in path.read_bytes()
    assert pq.ParquetFile(path).metadata.created_by == "tradingchassis-ops-lab canonical v1"


def test_an_unknown_footer_is_left_alone():
    content = to_parquet(candles())
    assert module._without_writer(content) == content


@pytest.mark.parametrize("count", [1, 50, 5000])
def test_candles_survive_parquet_and_are_fit_for_an_engine(tmp_path, count):
    path = tmp_path / "candles.parquet"
    before = candles(count, unit=VolumeUnit.QUOTE)
    path.write_bytes(to_parquet(before))
    after = read_parquet(path)
    assert (len(after), after.interval_ns, after.volume_unit) == (count, before.interval_ns, VolumeUnit.QUOTE)
    assert after.digest() == before.digest()
    for name in COLUMNS:
        column = getattr(after, name)
        assert np.array_equal(column, getattr(before, name))
        assert column.flags.c_contiguous
        assert column.flags.writeable
        assert column.dtype == (np.uint64 if name == "ts_close_ns" else np.float64)


@given(name=st.sampled_from(COLUMNS), index=st.integers(0, 49))
def test_the_digest_covers_every_value(name, index):
    changed = candles()
    getattr(changed, name)[index] += 1
    assert changed.digest() != candles().digest()


def test_the_digest_and_the_bytes_cover_interval_and_unit():
    base = candles()
    others = [
        Candles(**{**vars(base), "interval_ns": 1}),
        Candles(**{**vars(base), "volume_unit": VolumeUnit.CONTRACTS}),
    ]
    assert len({each.digest() for each in (base, *others)}) == 3
    assert len({to_parquet(each) for each in (base, *others)}) == 3
