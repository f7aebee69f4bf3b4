"""Opening, listing and measuring datasets; altered ones are told."""

from __future__ import annotations

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opslab.contract.dataset import CANDLES_FILE, INSTRUMENT_FILE, RECORD_FILE
from opslab.data.catalog import list_records, open_dataset
from opslab.data.fingerprint import write_fingerprint
from opslab.data.prepare import prepare
from opslab.errors import DataError


@pytest.mark.parametrize("file", [CANDLES_FILE, INSTRUMENT_FILE])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_changed_bit_shows_in_the_fingerprint(lab, bring, source, file, place, bit):
    bring(source())
    dataset = open_dataset(lab, "mine")
    path = dataset.path / file
    kept = path.read_bytes()
    altered = bytearray(kept)
    altered[int(place * len(kept))] ^= 1 << bit
    path.write_bytes(altered)
    try:
        assert dataset.measure() != dataset.fingerprint
        with pytest.raises(DataError, match="was altered"):
            dataset.require(dataset.measure())
        with pytest.raises(DataError, match="was altered"):
            write_fingerprint(lab, dataset)
    finally:
        path.write_bytes(kept)
    assert dataset.measure() == dataset.fingerprint


@pytest.mark.parametrize("file", [CANDLES_FILE, INSTRUMENT_FILE])
def test_a_missing_file_shows(lab, bring, source, file):
    bring(source())
    dataset = open_dataset(lab, "mine")
    (dataset.path / file).unlink()
    assert dataset.measure() != dataset.fingerprint


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_damaged_candles_are_one_clear_error(lab, bring, source, damage):
    bring(source())
    dataset = open_dataset(lab, "mine")
    path = dataset.path / CANDLES_FILE
    path.write_bytes({"cut": path.read_bytes()[:-9], "text": b"not parquet", "empty": b""}[damage])
    with pytest.raises(DataError, match="cannot be read as candles"):
        dataset.load()


def test_an_altered_dataset_is_not_the_same_content(lab, bring, source):
    bring(source())
    path = open_dataset(lab, "mine").path / CANDLES_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    with pytest.raises(DataError, match=r"was altered on disk.*--replace"):
        bring(source())
    assert bring(source(), replace=True).version == 2
    assert open_dataset(lab, "mine").measure() == open_dataset(lab, "mine").fingerprint


def test_a_record_of_another_instrument_is_an_altered_dataset(lab, bring, source):
    bring(source())
    path = open_dataset(lab, "mine").directory / RECORD_FILE
    record = json.loads(path.read_text())
    record["instrument"]["taker_fee"] = "0.5"
    path.write_text(json.dumps(record))
    dataset = open_dataset(lab, "mine")
    with pytest.raises(DataError, match="record names another instrument"):
        dataset.require(dataset.measure())


def test_a_record_of_other_candles_is_told_when_they_are_loaded(lab, bring, source):
    bring(source())
    path = open_dataset(lab, "mine").directory / RECORD_FILE
    path.write_text(path.read_text().replace('"interval_seconds": 60', '"interval_seconds": 300'))
    with pytest.raises(DataError, match="12 candles of 60 s, recorded were 12 of 300 s"):
        open_dataset(lab, "mine").load()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"version": "x"}', "\x00", "null"])
def test_a_damaged_record_is_one_clear_error_and_is_listed(lab, bring, source, content):
    bring(source())
    (open_dataset(lab, "mine").directory / RECORD_FILE).write_text(content)
    with pytest.raises(DataError) as caught:
        open_dataset(lab, "mine")
    assert "\n" not in str(caught.value)
    assert [(name, type(entry)) for name, entry in list_records(lab)] == [("mine", DataError)]


def test_a_record_in_the_wrong_place_is_refused(lab, bring, source):
    bring(source())
    home = lab.data / "canonical"
    shutil.copytree(home / "mine", home / "copy")
    with pytest.raises(DataError, match="is not the record of a canonical dataset copy"):
        open_dataset(lab, "copy")


def test_an_unknown_dataset_names_the_known_ones_and_the_way_out(lab, bring, source):
    bring(source(), "mine")
    bring(source(), "yours")
    with pytest.raises(DataError, match=r"ours is not here \(there are: mine, yours\).*tc data import") as caught:
        open_dataset(lab, "ours")
    assert "prepare" not in str(caught.value)
    with pytest.raises(DataError, match=r"run `tc data prepare --dataset btcusdt-sample`"):
        open_dataset(lab, "btcusdt-sample")


def test_a_damaged_dataset_says_how_to_restore_it_and_that_works(lab, bring, source):
    bring(source())
    prepare(lab, "btcusdt-sample")
    remedies = {"mine": r"import candles\.csv again: `tc data import --dataset mine --replace", "btcusdt-sample": "`tc data prepare --dataset btcusdt-sample --replace`"}  # fmt: skip
    for name, remedy in remedies.items():
        dataset = open_dataset(lab, name)
        (dataset.path / CANDLES_FILE).write_bytes(b"x")
        with pytest.raises(DataError, match=remedy):
            dataset.require(dataset.measure())
    with pytest.raises(DataError, match=remedies["btcusdt-sample"]):
        prepare(lab, "btcusdt-sample")
    prepare(lab, "btcusdt-sample", replace=True)
    bring(source(), replace=True)
    for name in remedies:
        assert open_dataset(lab, name).measure() == open_dataset(lab, name).fingerprint


def test_own_data_under_the_name_of_a_sample_is_not_restored_by_the_sample(lab, bring, source):
    bring(source(), "btcusdt-sample")
    dataset = open_dataset(lab, "btcusdt-sample")
    (dataset.path / CANDLES_FILE).write_bytes(b"x")
    with pytest.raises(DataError, match="tc data import"):
        dataset.require(dataset.measure())


def test_a_symlinked_file_can_be_replaced(lab, bring, source, tmp_path):
    first = bring(source())
    path = open_dataset(lab, "mine").path / CANDLES_FILE
    path.rename(tmp_path / "kept")
    path.symlink_to(tmp_path / "kept")
    with pytest.raises(DataError, match="--replace"):
        bring(source())
    assert bring(source(), replace=True).dataset_sha256 == first.dataset_sha256


@pytest.mark.parametrize("state", ["canonical", "quarantine"])
def test_a_damaged_record_says_how_to_start_anew_and_that_works(lab, bring, source, lines, state):
    bring(source(None if state == "canonical" else [*lines(3), "x"]))
    home = lab.data / state / "mine"
    (home / RECORD_FILE).write_text("{")
    with pytest.raises(DataError, match=rf"move .*{state}/mine away, then run `tc data import --dataset mine"):
        open_dataset(lab, "mine")
    home.rename(lab.root / "away")
    assert bring(source()).rows == 12


def test_every_dataset_is_listed_with_its_state(lab, bring, source, lines):
    assert list_records(lab) == []
    bring(source(), "good")
    bring(source([*lines(3), "x"]), "bad")
    assert [(name, entry.status.value) for name, entry in list_records(lab)] == [
        ("bad", "quarantined"),
        ("good", "canonical"),
    ]


@pytest.mark.parametrize("file", [CANDLES_FILE, INSTRUMENT_FILE, RECORD_FILE, ""])
def test_symlinks_inside_a_dataset_are_not_followed(lab, bring, source, tmp_path, file):
    bring(source())
    dataset = open_dataset(lab, "mine")
    path = dataset.directory / file if file == RECORD_FILE else dataset.path / file if file else dataset.path
    kept = tmp_path / "kept"
    path.rename(kept)
    path.symlink_to(kept)
    with pytest.raises(DataError, match="symlink"):
        open_dataset(lab, "mine").measure()
