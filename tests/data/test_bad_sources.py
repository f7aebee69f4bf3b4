"""Sources that must never become canonical: refused before anything is written, or quarantined with the reason."""

from __future__ import annotations

import os

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from opslab.contract.dataset import DatasetStatus
from opslab.data.catalog import open_dataset
from opslab.errors import DataError

HEADER = b"timestamp,open,high,low,close,volume\n"
ROW = b"2024-01-01T00:00:00Z,1.1,1.2,1.0,1.1,5\n"
GOOD = HEADER + ROW + b"2024-01-01T00:01:00Z,1.1,1.2,1.0,1.1,5\n"

WHOLE_FILE = {
    "empty": (b"", "schema", "the file is empty"),
    "blank": (b"  \n", "schema", "the file is empty"),
    "first line blank": (b"\n" + GOOD, "schema", "the first line is empty"),
    "header only": (HEADER, "schema", "no candles"),
    "header without newline": (HEADER.strip(), "schema", "no candles"),
    "wrong columns": (b"x,y\nfoo,bar\n", "schema", "there is no column timestamp, open, high, low, close, volume"),
    "no volume": (b"timestamp,open,high,low,close\n", "schema", "there is no column volume"),
    "header twice": (HEADER.replace(b"high", b"open") + ROW, "schema", "high"),
    "a name twice": (b"timestamp,open,high,low,close,volume,Open\n" + ROW, "schema", "the column open is there twice"),
    "no header": (ROW + ROW, "schema", "write a header"),
    "semicolons": (GOOD.replace(b",", b";"), "schema", "there is no column"),
    "utf-16": (GOOD.decode().encode("utf-16"), "encoding", "UTF-16"),
    "utf-16 without mark": (GOOD.decode().encode("utf-16-le"), "encoding", "NUL byte"),
    "latin-1": (GOOD + b"\xe4", "encoding", "line 4 is not UTF-8"),
    "cut utf-8": (GOOD + b"\xc3", "encoding", "line 4 is not UTF-8"),
    "nul": (GOOD + b"2024-01-01T00:02:00Z,1.1,1.2,1.0,1\0.1,5\n", "encoding", "line 4 has a NUL byte"),
    "binary": (bytes(range(256)) * 20, "encoding", "NUL"),
    "huge row": (GOOD + b"2024-01-01T00:02:00Z," + b"1" * (17 << 20) + b",1,1,1,1\n", "schema", ""),
    "zero bytes of parquet": (b"", "schema", "the file is empty"),
    "cut parquet": (b"PAR1" + b"x" * 100, "schema", "not Parquet"),
}


@pytest.mark.parametrize("name", WHOLE_FILE)
def test_a_file_that_holds_no_candles_is_quarantined_with_its_reason(lab, bring, source, name):
    content, check, reason = WHOLE_FILE[name]
    record = bring(source(content, "candles.parquet" if "parquet" in name else "candles.csv"))
    assert record.status is DatasetStatus.QUARANTINED
    assert [found.name for found in record.failed] == [check]
    assert reason in record.failed[0].ranges[0].reason
    with pytest.raises(DataError, match="is quarantined") as caught:
        open_dataset(lab, "mine")
    assert "\n" not in str(caught.value)
    assert not (lab.data / "canonical" / "mine").exists()


CELLS = {
    "NaN": ("close", b"NaN", "finite"),
    "infinity": ("close", b"inf", "finite"),
    "1e400": ("high", b"1e400", "finite"),
    "negative": ("low", b"-1.0", "positive"),
    "zero": ("open", b"0", "positive"),
    "negative volume": ("volume", b"-5", "volume"),
    "text": ("open", b"abc", "schema"),
    "empty": ("close", b"", "schema"),
    "thousands": ("volume", b'"1,000"', "schema"),
    "off the tick": ("close", b"1.15", "precision"),
    "too exact": ("close", b"1.1000000000000000000001", "precision"),
    "off the step": ("volume", b"0.0001", "precision"),
    "low above": ("low", b"1.2", "ohlc"),
    "other zone": ("timestamp", b"2024-01-01T02:02:00+02:00", "time_zone"),
    "no zone": ("timestamp", b"2024-01-01T00:02:00", "time_zone"),
    "epoch": ("timestamp", b"1704067320", "time_zone"),
    "not a time": ("timestamp", b"noon", "schema"),
    "duplicate": ("timestamp", b"2024-01-01T00:01:00Z", "duplicates"),
    "earlier": ("timestamp", b"2023-12-31T23:59:00Z", "order"),
    "gap": ("timestamp", b"2024-01-01T00:05:00Z", "gaps"),
}
NAMES = HEADER.strip().split(b",")


@pytest.mark.parametrize("name", CELLS)
def test_a_bad_last_row_fails_its_check_and_names_the_row(bring, source, name):
    column, value, check = CELLS[name]
    cells = b"2024-01-01T00:02:00Z,1.1,1.2,1.0,1.1,5".split(b",")
    cells[NAMES.index(column.encode())] = value
    record = bring(source(GOOD + b",".join(cells) + b"\n"))
    assert [found.name for found in record.failed] == [check]
    part = record.failed[0].ranges[0]
    assert (part.first_row, part.last_row, record.failed[0].count) == (3, 3, 1)


@pytest.mark.parametrize("cells", [b"1\n", b"2024-01-01T00:02:00Z,1,1,1,1,1,1\n"])
@pytest.mark.parametrize("blank", [b"", b"\n", b"\r\n\r\n"])
def test_rows_with_a_wrong_number_of_cells_are_named_and_the_rest_keep_their_numbers(bring, source, cells, blank):
    record = bring(source(GOOD + blank + cells + b"2024-01-01T00:03:00Z,1.1,1.2,1.0,1.15,5\n"))
    found = {check.name: (check.ranges[0].first_row, check.count) for check in record.failed}
    assert found == {"schema": (3, 1), "precision": (4, 1)}


def test_an_open_quote_is_named_by_its_row(bring, source):
    record = bring(source(GOOD + b'"2024-01-01T00:02:00Z,1.1,1.2,1.0,1.1,5\n2024-01-01T00:03:00Z,1.1,1.2,1.0,1.1,5\n'))
    assert [(check.name, check.ranges[0].first_row) for check in record.failed] == [("schema", 3)]


def test_nothing_but_malformed_rows_is_a_recorded_state(bring, source):
    record = bring(source(HEADER + b"1,2\n" * 20_000))
    assert [found.name for found in record.failed] == ["schema"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_more_rows_than_memory_may_hold_are_quarantined(bring, source, tmp_path, monkeypatch, kind):
    from opslab.data import reading

    monkeypatch.setattr(reading, "MAX_ROWS", 1)
    path = source(GOOD)
    if kind == "parquet":
        table = pyarrow.csv.read_csv(path)
        path = tmp_path / "many.parquet"
        pq.write_table(table, path)
    record = bring(path)
    assert [check.ranges[0].reason for check in record.failed] == ["the file has more than 1 rows: split it"]


def test_row_numbers_hold_across_chunks(bring, source):
    from datetime import UTC, datetime, timedelta

    first = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [f"{first + timedelta(minutes=i):%Y-%m-%d %H:%M},1.1,1.2,1.0,1.1,5{' ' * 40}" for i in range(150_000)]
    rows[140_000] = "1,2"
    rows[149_998] = rows[149_998].replace("1.2", "0.2")
    record = bring(source(rows))
    assert {check.name: check.ranges[0].first_row for check in record.failed} == {"schema": 140_001, "ohlc": 149_999}


@pytest.mark.parametrize("kind", ["null", "nan", "text", "list", "bool", "far future"])
def test_bad_parquet_columns_are_quarantined(bring, tmp_path, kind):
    good = {"ts_utc": [1_704_067_200, 1_704_067_260], "open": [1.1, 1.1], "high": [1.2, 1.2], "low": [1.0, 1.0], "close": [1.1, 1.1], "volume": [1.0, 1.0]}  # fmt: skip
    bad = {
        "null": {"close": [1.1, None]},
        "nan": {"close": [1.1, float("nan")]},
        "text": {"close": ["1.1", "x"]},
        "list": {"close": [[1.1], [1.1]]},
        "bool": {"close": [True, True]},
        "far future": {"ts_utc": pa.array([1_704_067_200_000, 2**62], pa.timestamp("ms"))},
    }
    path = tmp_path / "bad.parquet"
    pq.write_table(pa.table(good | bad[kind]), path)
    record = bring(path)
    assert record.status is DatasetStatus.QUARANTINED
    assert {found.name for found in record.failed} <= {"schema", "finite"}


def refuse(tmp_path, name):
    good = tmp_path / "good.csv"
    good.write_bytes(GOOD)
    link = tmp_path / "link.csv"
    link.symlink_to(good)
    fifo = tmp_path / "fifo.csv"
    os.mkfifo(fifo)
    return {
        "missing": tmp_path / "no.csv",
        "directory": tmp_path,
        "symlink": link,
        "fifo": fifo,
        "nul": tmp_path / "a\0b",
    }[name]


@pytest.mark.parametrize("name", ["missing", "directory", "symlink", "fifo", "nul"])
def test_what_is_no_file_is_refused_and_nothing_is_written(lab, bring, tmp_path, name):
    with pytest.raises(DataError) as caught:
        bring(refuse(tmp_path, name))
    assert "\n" not in str(caught.value)
    assert list(lab.root.iterdir()) == []


UNSAFE = ["../x", "/etc/x", "", ".", "..", "a/b", "a\0b", "a\nb", "x" * 300, "\uff42tc", ".hidden", "a..b", " a"]


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_name_is_refused_and_nothing_is_written(lab, bring, source, name):
    with pytest.raises(DataError, match="not a safe name"):
        bring(source(), name)
    with pytest.raises(DataError, match="not a safe name"):
        open_dataset(lab, name)
    assert list(lab.root.iterdir()) == []


@pytest.mark.parametrize("state", ["canonical", "quarantine", "fingerprints", ".locks"])
def test_a_symlink_below_the_data_root_is_not_followed(lab, bring, source, tmp_path, state):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    lab.data.mkdir()
    (lab.data / state).symlink_to(elsewhere)
    bad = GOOD.replace(b"1.1,5", b"nan,5") if state == "quarantine" else GOOD
    with pytest.raises(DataError, match="symlink"):
        bring(source(bad))
    assert list(elsewhere.iterdir()) == []


def test_a_symlinked_dataset_is_not_opened(lab, bring, source):
    bring(source())
    (lab.data / "canonical" / "alias").symlink_to(lab.data / "canonical" / "mine")
    with pytest.raises(DataError, match="symlink"):
        open_dataset(lab, "alias")
