"""Import: formats, stamps, versions, and what is left when a source is refused."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from opslab.contract.dataset import DatasetStatus, Stamp, VolumeUnit
from opslab.data.catalog import open_dataset
from opslab.data.layout import locked
from opslab.data.recheck import recheck
from opslab.errors import DataError, StoreError

FIRST_NS = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
MINUTE = 60_000_000_000


def klines(per_second: int, count: int = 5) -> list[str]:
    start = FIRST_NS // 1_000_000_000 * per_second
    minute = 60 * per_second
    return [
        f"{start + i * minute},{100 + i}.10000000,{101 + i}.00000000,{99 + i}.50000000,{100 + i}.70000000,1.25000000,"
        f"{start + (i + 1) * minute - 1},125.5,10,0.5,50.2,0"
        for i in range(count)
    ]


HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


def test_an_import_leaves_the_candles_the_record_and_the_fingerprint(lab, bring, source):
    path = source()
    record = bring(path)
    dataset = open_dataset(lab, "mine")
    candles = dataset.load()
    assert (record.status, record.version, record.rows, record.stamp) == (DatasetStatus.CANONICAL, 1, 12, Stamp.OPEN)
    assert (record.source.name, record.source.size_bytes, record.source.rows) == (path.name, path.stat().st_size, 12)
    assert candles.ts_close_ns.tolist() == [FIRST_NS + (i + 1) * MINUTE for i in range(12)]
    assert candles.close.tolist() == [float(f"{100 + i}.7") for i in range(12)]
    assert record.first_close_utc == "2024-01-01T00:01:00.000000Z"
    assert dataset.measure() == dataset.fingerprint == record.dataset_sha256
    written = json.loads((lab.data / "fingerprints" / "mine.fingerprint.json").read_text())
    assert written["dataset_sha256"] == record.dataset_sha256
    assert {found.status for found in recheck(dataset)} == {"passed"}


@pytest.mark.parametrize("stamp", ["open", "close"])
def test_the_stamp_decides_when_a_candle_closes(lab, bring, source, stamp):
    bring(source(), stamp=stamp)
    first = int(open_dataset(lab, "mine").load().ts_close_ns[0])
    assert first == FIRST_NS + (MINUTE if stamp == "open" else 0)


def test_a_source_that_does_not_tell_its_stamp_is_refused_and_nothing_is_written(lab, bring, source):
    with pytest.raises(DataError, match=r"candles\.csv: .*--stamp open or --stamp close"):
        bring(source(), stamp=None)
    assert not lab.data.exists()


@pytest.mark.parametrize("per_second", [1_000, 1_000_000])
@pytest.mark.parametrize("header", [[], [HEADER]])
def test_binance_klines_need_no_stamp(lab, bring, source, per_second, header):
    record = bring(source("\n".join([*header, *klines(per_second)]).encode()), stamp=None)
    assert (record.source.format, record.stamp, record.rows) == ("binance_kline_csv", Stamp.OPEN, 5)
    assert int(open_dataset(lab, "mine").load().ts_close_ns[0]) == FIRST_NS + MINUTE


def test_binance_klines_cannot_be_called_close_stamped(lab, bring, source):
    with pytest.raises(DataError, match=r"candles\.csv: .*are the open of each candle"):
        bring(source("\n".join(klines(1_000)).encode()), stamp="close")
    assert not lab.data.exists()


@pytest.mark.parametrize("other", [1, 1_000_000, 1_000_000_000])
def test_klines_whose_unit_changes_half_way_are_quarantined(bring, source, other):
    lines = [*klines(1_000, 5), *klines(other, 10)[5:]]
    failed = bring(source("\n".join(lines).encode()), stamp=None).failed
    assert [(check.name, check.ranges[0].first_row, check.ranges[0].last_row) for check in failed] == [
        ("time_zone", 6, 10)
    ]
    assert "the first row has an epoch number in milliseconds" in failed[0].ranges[0].reason


CLOSE_TIMES = {
    "too small": "5",
    "one interval late": str(FIRST_NS // 1_000_000 + 4 * 60_000 - 1),
    "text": "x",
    "empty": "",
}


@pytest.mark.parametrize("value", CLOSE_TIMES.values(), ids=list(CLOSE_TIMES))
@pytest.mark.parametrize(
    "header", [[], [HEADER], [HEADER.replace("ignore", "other").replace("close_time", "closeTime")]]
)
def test_a_kline_whose_close_time_contradicts_it_fails_and_is_named(bring, source, value, header):
    lines = klines(1_000)
    cells = lines[2].split(",")
    cells[6] = value
    lines[2] = ",".join(cells)
    failed = bring(source("\n".join([*header, *lines]).encode()), stamp=None).failed
    assert [(check.name, check.ranges[0].first_row, check.count) for check in failed] == [("schema", 3, 1)]
    assert "the close time is not" in failed[0].ranges[0].reason or value == ""


@pytest.mark.parametrize("close", ["00:00:59.999", "00:01:00", "00:00:10"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_close_time_in_any_format_is_held_against_the_open_time(bring, source, tmp_path, close, kind):
    text = f"open_time,close_time,open,high,low,close,volume\n2024-01-01T00:00:00Z,2024-01-01T{close}Z,1,1,1,1,1\n"
    path = source(text.encode())
    if kind == "parquet":
        path = tmp_path / "candles.parquet"
        pq.write_table(pyarrow.csv.read_csv(source(text.encode())), path)
    assert bool(bring(path, stamp=None).failed) == (close == "00:00:10")


def test_twelve_named_columns_in_another_order_are_read_by_their_names(lab, bring, source):
    names, swapped = HEADER.split(","), [0, 1, 2, 3, 5, 4, *range(6, 12)]
    lines = [",".join(line.split(",")[i] for i in swapped) for line in [",".join(names), *klines(1_000)]]
    assert bring(source("\n".join(lines).encode()), stamp=None).status is DatasetStatus.CANONICAL
    assert open_dataset(lab, "mine").load().volume.tolist() == [1.25] * 5


SPELLINGS = {
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "bom": lambda text: "\ufeff" + text,
    "quoted": lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
    "no newline at the end": lambda text: text.rstrip("\n"),
    "blank lines at the end": lambda text: text + "\n\n\n",
    "spaces": lambda text: text.replace(",", " , "),
    "names in capitals": lambda text: text.replace(
        "timestamp,open,high,low,close,volume", "Date,Open,High,Low,Close,Volume"
    ),
    "no zone": lambda text: text.replace("Z,", ","),
    "blank instead of T": lambda text: text.replace("T", " "),
    "offset": lambda text: text.replace("Z,", "+00:00,"),
    "more digits": lambda text: text.replace(".1,", ".1000,"),
    "further columns": lambda text: "\n".join(f"x,{line},y" for line in text.splitlines()),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_content_in_many_spellings_has_one_fingerprint(lab, bring, source, spelling):
    path = source()
    plain = bring(path)
    respelled = source(SPELLINGS[spelling](path.read_text()).encode(), "other.csv")
    again = bring(respelled, "mine")
    assert again == plain


@pytest.mark.parametrize("kind", ["timestamp", "timestamp with zone", "epoch", "text", "float32 volume"])
def test_parquet_gives_the_same_candles_as_csv(lab, bring, source, tmp_path, kind):
    plain = bring(source())
    table = pyarrow.csv.read_csv(source())
    stamps = table["timestamp"].combine_chunks()
    columns = {
        "timestamp": stamps.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")),
        "timestamp with zone": stamps.cast(pa.timestamp("ms", "UTC")),
        "epoch": stamps.cast(pa.int64()),
        "text": pa.array([f"{moment:%Y-%m-%d %H:%M}" for moment in stamps.to_pylist()]),
        "float32 volume": stamps,
    }
    table = table.set_column(0, "ts_utc", columns[kind])
    if kind == "float32 volume":
        table = table.set_column(5, "volume", table["volume"].cast(pa.float32()))
    pq.write_table(table, tmp_path / "candles.parquet")
    record = bring(tmp_path / "candles.parquet", "other")
    assert record.source.format == "parquet"
    assert open_dataset(lab, "other").load().digest() == open_dataset(lab, "mine").load().digest()
    assert plain.rows == record.rows


def test_the_same_content_again_changes_nothing(lab, bring, source):
    first = bring(source())
    before = {path: path.stat().st_mtime_ns for path in lab.data.rglob("*.parquet")}
    assert bring(source(), replace=True) == first
    assert {path: path.stat().st_mtime_ns for path in lab.data.rglob("*.parquet")} == before


def test_other_content_needs_replace_and_is_a_new_version(lab, bring, source, lines):
    first = bring(source())
    held = open_dataset(lab, "mine")
    other = source(lines(20), "other.csv")
    with pytest.raises(DataError, match=r"exists with other content.*--replace"):
        bring(other)
    assert open_dataset(lab, "mine").record == first
    second = bring(other, replace=True)
    assert (second.version, open_dataset(lab, "mine").load().__len__()) == (2, 20)
    assert len(held.load()) == 12, "a reader that opened the old version still sees it whole"
    assert held.measure() == first.dataset_sha256


def test_another_instrument_is_other_content(bring, source, instrument):
    bring(source())
    with pytest.raises(DataError, match="exists with other content"):
        bring(source(), instrument=instrument.model_copy(update={"taker_fee": Decimal("0.001")}))


def test_another_interval_is_other_content(lab, bring, source):
    first = bring(source())
    lines = [line for i, line in enumerate(source().read_text().splitlines()[1:]) if i % 5 == 0]
    second = bring(source(lines, "five.csv"), "five", interval=300)
    assert first.dataset_sha256 != second.dataset_sha256
    assert open_dataset(lab, "five").load().interval_ns == 300 * 1_000_000_000


def test_a_failed_replacement_leaves_the_canonical_dataset_and_a_quarantined_attempt(lab, bring, source, lines):
    first = bring(source())
    bad = [*lines(12), "2024-01-01T00:12:00Z,1,1,1,nan,1"]
    failed = bring(source(bad, "bad.csv"), replace=True)
    assert failed.status is DatasetStatus.QUARANTINED
    assert open_dataset(lab, "mine").record == first


def test_a_repaired_source_leaves_quarantine(lab, bring, source, lines):
    bad = lines(12)
    bad[3] = bad[3].replace("Z,", "Z,-")
    assert bring(source(bad)).status is DatasetStatus.QUARANTINED
    with pytest.raises(DataError, match=r"quarantined: candles.csv: positive \(1\): row 4: open is not above 0"):
        open_dataset(lab, "mine")
    assert bring(source()).status is DatasetStatus.CANONICAL
    assert not (lab.data / "quarantine" / "mine").exists()
    assert open_dataset(lab, "mine").record.rows == 12


def test_quarantine_keeps_every_reason_and_the_source(lab, bring, source, lines):
    bad = lines(300)
    for index in range(0, 300, 2):
        bad[index] = bad[index].replace(".7,", ".77,")
    record = bring(source(bad))
    home = lab.data / "quarantine" / "mine"
    reasons = [json.loads(line) for line in (home / "v1" / "reasons.jsonl").read_text().splitlines()]
    assert [reason["first_row"] for reason in reasons] == list(range(1, 301, 2))
    assert {reason["reason"] for reason in reasons} == {"close is not a multiple of the tick 0.1"}
    assert (home / "v1" / "source.csv").read_bytes() == source(bad).read_bytes()
    assert not record.files
    assert not (lab.data / "canonical" / "mine").exists()


def test_each_failed_attempt_is_counted_and_the_latest_kept(lab, bring, source, lines):
    for attempt in (1, 2, 3):
        record = bring(source([*lines(attempt), "x,1,1,1,1,1"]))
        assert record.version == attempt
    assert sorted(path.name for path in (lab.data / "quarantine" / "mine").iterdir()) == ["dataset.json", "v3"]


def test_volume_in_quote_units_is_recorded(lab, bring, source):
    lines = [f"2024-01-01 00:{i:02d}:00,46319.0,46385.5,46319.0,46377.0,2300413.7295" for i in range(5)]
    assert bring(source(lines), volume_unit=VolumeUnit.QUOTE).status is DatasetStatus.CANONICAL
    assert open_dataset(lab, "mine").load().volume_unit is VolumeUnit.QUOTE


def test_the_record_uses_the_clock_it_is_given(bring, source):
    class Fixed:
        def now(self) -> datetime:
            return datetime(2030, 1, 2, tzinfo=UTC) + timedelta(hours=1)

        def monotonic(self) -> float:
            return 0.0

    assert bring(source(), clock=Fixed()).created_at_utc == "2030-01-02T01:00:00.000000Z"


def test_progress_ends_at_the_whole(bring, source):
    told: list[tuple[int, int]] = []
    bring(source(), progress=lambda done, total: told.append((done, total)))
    size = source().stat().st_size
    assert told[-1] == (2 * size, 2 * size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_one_process_at_a_time_writes_a_dataset(lab, bring, source):
    with locked(lab, "mine"), pytest.raises(DataError, match="is being written by another process"):
        bring(source())
    assert bring(source()).status is DatasetStatus.CANONICAL


def test_importers_that_race_leave_one_whole_dataset(lab, bring, source, lines):
    sources = [source(lines(count), f"{count}.csv") for count in (5, 6, 7, 8)]
    done, refused = [], []

    def run(path):
        try:
            done.append(bring(path, replace=True))
        except DataError as error:
            refused.append(str(error))

    racers = [threading.Thread(target=run, args=(path,)) for path in sources]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    dataset = open_dataset(lab, "mine")
    assert done
    assert all("is being written by another process" in reason for reason in refused)
    assert dataset.measure() == dataset.fingerprint
    assert len(dataset.load()) == dataset.record.rows


def test_a_root_that_cannot_be_written_is_one_clear_error(lab, bring, source):
    lab.data.write_text("a file where the data root should be")
    with pytest.raises((StoreError, DataError), match="data"):
        bring(source())
