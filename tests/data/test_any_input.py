"""Whatever is in a file, an import ends in a recorded state; and what becomes canonical is sound."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opslab.contract.dataset import DatasetStatus, VolumeUnit
from opslab.data.catalog import open_dataset

HEADER = b"timestamp,open,high,low,close,volume\n"
ROWS = [f"2024-01-01 00:{i:02d}:00,1.1,1.2,1.0,1.1,5\n".encode() for i in range(6)]
TOKENS = [b",", b"\n", b"\r\n", b'"', b"nan", b"-", b"1e400", b"\0", b"\xff", b"\xef\xbb\xbf", b"", b" ", b"9" * 30, b"2024-01-01", b"PAR1", b"+02:00"]  # fmt: skip
REAL = Path(__file__).parents[3] / "shared" / "data" / "btc-perp-1m.csv"

anything = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)


def is_sound(lab) -> bool:
    dataset = open_dataset(lab, "mine")
    candles = dataset.load()
    prices = np.array([candles.open, candles.high, candles.low, candles.close])
    steps = np.diff(candles.ts_close_ns.astype(np.int64))
    return bool(
        len(candles)
        and np.isfinite(prices).all()
        and (prices > 0).all()
        and (candles.volume >= 0).all()
        and (steps == candles.interval_ns).all()
        and (candles.low <= prices.min(axis=0)).all()
        and (candles.high >= prices.max(axis=0)).all()
        and dataset.measure() == dataset.fingerprint
    )


@anything
@given(
    edits=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 12), st.sampled_from(TOKENS)), min_size=1, max_size=4)
)
def test_edited_files_end_in_a_recorded_state(lab, bring, source, edits):
    content = HEADER + b"".join(ROWS)
    for place, cut, token in edits:
        content = content[:place] + token + content[place + cut :]
    record = bring(source(content), replace=True)
    assert record.status is DatasetStatus.QUARANTINED or is_sound(lab)
    assert record.status is DatasetStatus.CANONICAL or record.failed


@anything
@given(content=st.binary(max_size=200), name=st.sampled_from(["x.csv", "x.parquet", "x"]))
def test_random_bytes_end_in_quarantine(bring, source, content, name):
    assert bring(source(content, name)).status is DatasetStatus.QUARANTINED


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9, 0.999])
def test_damaged_parquet_ends_in_a_recorded_state(lab, bring, source, where):
    bring(source())
    content = bytearray((open_dataset(lab, "mine").path / "candles.parquet").read_bytes())
    place = int(len(content) * where)
    content[place : place + 4] = b"\xff\x00\xff\x00"
    assert bring(source(bytes(content), "damaged.parquet"), "other", stamp=None).status is DatasetStatus.QUARANTINED


@pytest.mark.skipif(not REAL.exists(), reason="the shared real candles are not on this machine")
def test_real_candles_pass_at_the_tick_that_they_really_have(lab, bring, instrument):
    """The source interpolated a few minutes to eighths: no multiples of any tick that was traded at the time."""
    traded = bring(REAL, instrument=instrument, volume_unit=VolumeUnit.QUOTE)
    assert [(found.name, found.count) for found in traded.failed] == [("precision", 26)]
    finer = instrument.model_copy(update={"tick_size": Decimal("0.001"), "price_precision": 3})
    record = bring(REAL, instrument=finer, volume_unit=VolumeUnit.QUOTE)
    assert (record.status, record.rows, record.source.rows) == (DatasetStatus.CANONICAL, 28_859, 28_859)
    assert is_sound(lab)
