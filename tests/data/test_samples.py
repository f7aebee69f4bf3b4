"""The samples: synthetic, reproducible, on the same minutes, and fit to tell a next open from a same close."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from opslab.contract.dataset import DatasetStatus
from opslab.data.catalog import open_dataset
from opslab.data.prepare import prepare
from opslab.data.remedy import SAMPLES
from opslab.errors import DataError
from opslab.samples.generator import RECIPES, main, sample_csv

FINGERPRINTS = {
    "btcusdt-sample": "b47f9b0687e2931918f6964a2bf4f317533b53b73af23b9636090793f5a67d4c",
    "ethusdt-sample": "cc6533d8f6f89907865e86e304fe4f44618f11c80baec910b45d97502286691a",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_committed_file_is_the_generators_output(name, tmp_path):
    committed = resources.files("opslab.samples").joinpath("datasets", f"{name}.csv").read_bytes()
    assert committed == sample_csv(name).encode()
    main([str(tmp_path)])
    assert (tmp_path / f"{name}.csv").read_bytes() == committed


def test_every_recipe_can_be_prepared():
    assert set(RECIPES) == set(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_prepared_sample_is_synthetic_and_has_its_published_fingerprint(lab, name):
    record = prepare(lab, name)
    assert (record.status, record.synthetic, record.instrument.venue) == (DatasetStatus.CANONICAL, True, "binance")
    assert record.instrument.symbol == SAMPLES[name]
    assert record.dataset_sha256 == FINGERPRINTS[name]
    assert {check.status for check in record.checks} == {"passed"}


def test_preparing_again_changes_nothing(lab):
    assert prepare(lab, "btcusdt-sample") == prepare(lab, "btcusdt-sample")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_more_than_a_day_trends_both_ways_and_opens_apart_from_the_close_before(lab, name):
    prepare(lab, name)
    dataset = open_dataset(lab, name)
    candles = dataset.load()
    tick = float(dataset.instrument.tick_size)
    assert len(candles) >= 1440
    assert (np.abs(candles.open[1:] - candles.close[:-1]) >= tick * 0.999).all()
    hours = candles.close[::60]
    assert min((np.diff(hours) > 0).mean(), (np.diff(hours) < 0).mean()) > 0.2


def test_the_samples_share_their_minutes(lab):
    for name in SAMPLES:
        prepare(lab, name)
    first, second = (open_dataset(lab, name).load() for name in SAMPLES)
    assert np.array_equal(first.ts_close_ns, second.ts_close_ns)
    assert not np.array_equal(np.sign(np.diff(first.close)), np.sign(np.diff(second.close)))


@pytest.mark.parametrize("name", ["nope", "", "../btcusdt-sample", "BTCUSDT-SAMPLE"])
def test_an_unknown_sample_names_the_known_ones_and_writes_nothing(lab, name):
    with pytest.raises(DataError, match="btcusdt-sample, ethusdt-sample"):
        prepare(lab, name)
    assert not lab.data.exists()
