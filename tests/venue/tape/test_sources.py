"""Real trades, quotes and depth as they are, and recorded tapes; what is wrong with a file is told before it plays."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venue.tape.conftest import make_instrument

from opslab.errors import DataError
from opslab.venue.market import BookDelta, BookSnapshot, Kline, MarkPrice, Quote, TapeTrade
from opslab.venue.tape.depth_csv import depth_tape
from opslab.venue.tape.parquet import quote_tape, trade_tape
from opslab.venue.tape.recorded import event_of, line_of, read_tape, tape_of, time_of, write_tape

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
FINE = make_instrument(tick="0.01", step="0.000001")
COARSE = make_instrument(tick="0.10", step="0.001")
DEPTH_HEADER = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu\n"
NOON = datetime(2021, 1, 8, 12, tzinfo=UTC)


def write_trades(path, rows, **extra):
    columns = {
        "timestamp": pa.array([NOON + timedelta(milliseconds=row[0]) for row in rows], pa.timestamp("ms", tz="UTC")),
        "trade_id": pa.array(range(len(rows)), pa.int64()),
        "price": pa.array([row[1] for row in rows], pa.float64()),
        "quantity": pa.array([row[2] for row in rows], pa.float64()),
        "buyer_maker": pa.array([row[3] for row in rows], pa.string()),
        **extra,
    }
    pq.write_table(pa.table(columns), path)
    return path


def write_quotes(path, rows, symbol="BTC/USDT"):
    columns = {
        "timestamp": pa.array([NOON + timedelta(milliseconds=row[0]) for row in rows], pa.timestamp("ms", tz="UTC")),
        "symbol": pa.array([symbol] * len(rows)),
        **{
            name: pa.array([row[n] for row in rows]) for n, name in enumerate(("bid", "bid_size", "ask", "ask_size"), 1)
        },
    }
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def trades(tmp_path):
    """The shared real trades, else two made-up ones."""
    shared = SHARED / "btcusdt-trades.parquet"
    if shared.is_file():
        return shared
    rows = [(0, 39432.48, 0.000263, "True"), (32, 39439.44, 0.00031099999999999997, "False")]
    return write_trades(tmp_path / "trades.parquet", rows)


@pytest.fixture
def quotes(tmp_path):
    shared = SHARED / "btcusdt-quotes.parquet"
    if shared.is_file():
        return shared
    return write_quotes(tmp_path / "quotes.parquet", [(0, 39432.99, 0.0031, 39433.62, 0.066851)])


@pytest.fixture
def depth(tmp_path):
    shared = [SHARED / "btcusdt-depth-snap.csv", SHARED / "btcusdt-depth-update.csv"]
    if all(path.is_file() for path in shared):
        return shared
    made = [tmp_path / "snap.csv", tmp_path / "update.csv"]
    made[0].write_text(
        DEPTH_HEADER + "BTCUSDT,10,5,5,b,snap,20377.00,1.770,-1\nBTCUSDT,10,5,5,a,snap,20377.10,1.7,-1\n"
    )
    made[1].write_text(DEPTH_HEADER + "BTCUSDT,20,6,8,a,set,20472.80,0.000,5\n")
    return made


def test_real_trades_are_played_as_they_are(trades):
    tape = trade_tape(trades, FINE)
    table = pq.read_table(trades).to_pylist()
    events = list(tape)
    assert len(events) == len(table)
    for event, row in zip(events, table, strict=True):
        assert event.time_ms == round(row["timestamp"].timestamp() * 1000)
        assert event.price == round(Decimal(row["price"]), 2)
        assert event.size == round(Decimal(row["quantity"]), 6)
        assert event.buyer_is_maker == (row["buyer_maker"] == "True")
    assert (tape.first_ms, tape.last_ms) == (events[0].time_ms, events[-1].time_ms)


def test_real_quotes_are_played_as_they_are(quotes):
    events = list(quote_tape(quotes, FINE))
    table = pq.read_table(quotes).to_pylist()
    assert [(e.bid, e.ask) for e in events] == [
        (round(Decimal(row["bid"]), 2), round(Decimal(row["ask"]), 2)) for row in table
    ]


def test_real_depth_is_a_snapshot_and_its_diffs(depth):
    book, *deltas = depth_tape(depth, COARSE)
    assert isinstance(book, BookSnapshot)
    assert book.bids == tuple(sorted(book.bids, reverse=True))
    assert deltas
    assert all(isinstance(delta, BookDelta) for delta in deltas)
    assert deltas[0].asks[0] == (Decimal("20472.80"), Decimal("0.000"))


def test_data_of_a_finer_grid_is_refused_unless_it_may_be_rounded(tmp_path):
    path = write_trades(tmp_path / "trades.parquet", [(0, 39432.48, 0.0014, "True")])
    with pytest.raises(DataError, match=r"the price 39432.48 is not on the instrument's grid of 0.10"):
        trade_tape(path, COARSE)
    (event,) = trade_tape(path, COARSE, may_round=True)
    assert (event.price, event.size) == (Decimal("39432.50"), Decimal("0.001"))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([(0, float("nan"), 1.0, "True")], "the price nan is not a number"),
        ([(0, 1.0, float("inf"), "True")], "the size inf is not a number"),
        ([(0, 1.0, -1.0, "True")], "the size -1.0 is negative"),
        ([(0, 0.0, 1.0, "True")], "the price 0.0 is not above 0"),
        ([(0, 1.0, 1.0, "maybe")], "buyer_maker is 'maybe'"),
        ([(0, None, 1.0, "True")], "row 1 has an empty cell"),
        ([(5, 1.0, 1.0, "True"), (4, 1.0, 1.0, "True")], "event 2 is at .* after one at"),
        ([], "a tape without data"),
    ],
)
def test_bad_trades_are_refused_in_one_line(tmp_path, rows, told):
    path = write_trades(tmp_path / "trades.parquet", rows)
    with pytest.raises(DataError, match=told) as caught:
        trade_tape(path, FINE)
    assert "\n" not in str(caught.value)


def test_columns_are_told(tmp_path, quotes):
    with pytest.raises(DataError, match="has no column price"):
        trade_tape(quotes, FINE)
    odd = write_trades(tmp_path / "odd.parquet", [(0, 1.0, 1.0, "True")], mood=pa.array(["bad"]))
    with pytest.raises(DataError, match="has the unknown column 'mood'"):
        trade_tape(odd, FINE)


def test_another_symbol_and_times_without_a_zone_are_refused(tmp_path):
    path = write_quotes(tmp_path / "quotes.parquet", [(0, 1.0, 1.0, 1.1, 1.0)], symbol="ETH/USDT")
    with pytest.raises(DataError, match="row 1 is of 'ETH/USDT', not of BTCUSDT"):
        quote_tape(path, FINE)
    naive = pa.array([NOON], pa.timestamp("ms", tz="UTC")).cast(pa.timestamp("ms"))
    path = write_trades(tmp_path / "naive.parquet", [(0, 1.0, 1.0, "True")], timestamp=naive)
    with pytest.raises(DataError, match="its times name no zone"):
        trade_tape(path, FINE)


def test_files_that_are_none_are_refused(tmp_path):
    text = tmp_path / "text.parquet"
    text.write_text("price\n1\n")
    for path in (text, tmp_path / "missing.parquet", tmp_path):
        with pytest.raises(DataError, match="is not a Parquet file"):
            trade_tape(path, FINE)
    with pytest.raises(DataError, match="cannot be read"):
        read_tape(tmp_path / "missing.jsonl")
    with pytest.raises(DataError, match="cannot be read"):
        depth_tape([tmp_path / "missing.csv"], FINE)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("BTCUSDT,10,5,5,b,set,1.00,1,-1\n", "does not begin with a snapshot"),
        ("BTCUSDT,10,5,5,x,snap,1.00,1,-1\n", "line 2 is not a level of a book"),
        ("BTCUSDT,ten,5,5,b,snap,1.00,1,-1\n", "line 2 has no time"),
        ("BTCUSDT,10,5,5,b,snap,1.00\n", "line 2 is not a level"),
        ("BTCUSDT,10,5,5,b,snap,abc,1,-1\n", "the price 'abc' is not a number"),
        ("BTCUSDT,10,5,5,b,snap,1.00,1,-1\nBTCUSDT,20,4,4,b,set,1.00,1,5\n", "update 4 comes after 5"),
        ("", "a tape without data"),
    ],
)
def test_bad_depth_is_refused(tmp_path, lines, told):
    path = tmp_path / "depth.csv"
    path.write_text(DEPTH_HEADER + lines)
    with pytest.raises(DataError, match=told):
        depth_tape([path], FINE)


def test_depth_of_other_columns_is_refused(tmp_path):
    path = tmp_path / "depth.csv"
    path.write_text("price,qty\n1,2\n")
    with pytest.raises(DataError, match="does not have the columns symbol,timestamp"):
        depth_tape([path], FINE)


number = st.decimals(min_value="0.0001", max_value="1000000", places=4)
levels = st.lists(st.tuples(number, number), max_size=4).map(tuple)
time_ms = st.integers(0, 2**45)
event = st.one_of(
    st.builds(Quote, st.just("BTCUSDT"), time_ms, number, number, number, number),
    st.builds(TapeTrade, st.just("BTCUSDT"), time_ms, number, number, st.booleans()),
    st.builds(BookSnapshot, st.just("ETHUSDT"), time_ms, levels, levels),
    st.builds(BookDelta, st.just("ETHUSDT"), time_ms, levels, levels),
    st.builds(MarkPrice, st.just("BTCUSDT"), time_ms, number, number, number.map(lambda rate: -rate), time_ms),
    st.builds(
        Kline,
        *(st.just("BTCUSDT"), time_ms, time_ms, st.just("1m")),
        *(number, number, number, number, number, number, st.integers(0, 9), st.booleans()),
    ),
)


@given(event)
def test_a_recorded_event_is_read_as_it_was(item):
    line = line_of(7, item)
    at, read = event_of(line.encode(), "tape")
    assert (at, read) == (7, item)
    assert line_of(at, read) == line


@given(st.lists(event, min_size=1, max_size=8))
def test_a_recorded_tape_is_played_as_it_was(tmp_path_factory, items):
    timed = sorted(((time_of(item), item) for item in items), key=lambda pair: pair[0])
    path = tmp_path_factory.mktemp("tape") / "tape.jsonl"
    assert write_tape(path, timed) == len(items)
    assert list(read_tape(path).timed()) == timed


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(max_size=9), st.lists).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_any_other_line_is_refused_in_one_line(line):
    with pytest.raises(DataError) as caught:
        event_of(line, "line 1")
    assert "\n" not in str(caught.value)


GOOD = json.loads(line_of(5, TapeTrade("BTCUSDT", 5, Decimal(1), Decimal(2), False)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "rumour"}, "has no known kind"),
        ({"mood": 1}, "the key 'mood' is unknown"),
        ({"price": None}, "Expected"),
        ({"price": "NaN"}, "price NaN is not a number"),
        ({"price": "-1"}, "price -1 is not above 0"),
        ({"size": "-1"}, "size -1 is not at least 0"),
        ({"price": 1.5}, "decimals are text"),
        ({"at": "soon"}, "Expected"),
        ({"at": -1}, "is at -1 ms"),
        ({"buyer_is_maker": "no"}, "Expected"),
    ],
)
def test_a_recorded_line_is_strict(tmp_path, change, told):
    path = tmp_path / "tape.jsonl"
    path.write_text(json.dumps({**GOOD, **change}) + "\n")
    with pytest.raises(DataError, match=told):
        read_tape(path)


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(DataError, match="the key 'size' is missing"):
        event_of(json.dumps({key: value for key, value in GOOD.items() if key != "size"}).encode(), "line 1")


def test_nothing_is_written_of_a_tape_that_is_not_sound(tmp_path):
    path = tmp_path / "tape.jsonl"
    good = TapeTrade("BTCUSDT", 5, Decimal(1), Decimal(2), False)
    with pytest.raises(DataError, match="event 2 is at 4 ms, after one at 5 ms"):
        write_tape(path, [(5, good), (4, good)])
    with pytest.raises(DataError, match="without data"):
        write_tape(path, [])
    assert not path.exists()


def test_an_empty_tape_is_refused(tmp_path):
    path = tmp_path / "tape.jsonl"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="a tape without data"):
        read_tape(path)
    with pytest.raises(DataError, match="a tape without data"):
        tape_of([])
