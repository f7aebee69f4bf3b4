"""Recorded market data, as a spec or `tc venue serve` names it, takes the place of a symbol's candles."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from opslab.contract.execution import Recording, RecordingKind
from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.registry import standard_registry
from opslab.errors import DataError, RootError
from opslab.root import find_lab
from opslab.runs.plan import plan_paper
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import venue_plan
from opslab.samples import paper_spec
from opslab.venue.market import BookSnapshot, Kline, Quote, TapeTrade
from opslab.venue.orders import Market
from opslab.venue.stock import stock
from opslab.venue.tape.recorded import write_tape
from opslab.venue.tape.recordings import RecordedFiles

if TYPE_CHECKING:
    from pathlib import Path

START = 1_700_000_000_000


def trades_file(path: Path, symbol: str = "BTCUSDT", count: int = 3) -> Path:
    rows = range(count)
    columns = {
        "timestamp": [START + 1_000 * row for row in rows],
        "symbol": [symbol] * count,
        "price": [60_000.0 + row for row in rows],
        "quantity": [0.01] * count,
        "buyer_maker": [row % 2 == 0 for row in rows],
    }
    pq.write_table(pa.table(columns), path)
    return path


def quotes_file(path: Path) -> Path:
    columns = {"timestamp": [START + 500], "bid": [59_999.0], "bid_size": [1.0], "ask": [60_001.0], "ask_size": [2.0]}
    pq.write_table(pa.table(columns), path)
    return path


def played(*recordings: RecordedFiles, names=(), lab=None, market=Market.SPOT):
    return stock(market, names, lab, recordings=recordings)


def test_recordings_of_a_symbol_are_played_together_by_time(tmp_path):
    trades = RecordedFiles(RecordingKind.TRADES, "BTCUSDT", (trades_file(tmp_path / "t.parquet"),))
    quotes = RecordedFiles(RecordingKind.QUOTES, "BTCUSDT", (quotes_file(tmp_path / "q.parquet"),))
    listings, tape = played(trades, quotes)
    assert [listing.instrument.symbol for listing in listings] == ["BTCUSDT"]
    assert [type(event) for event in tape] == [TapeTrade, Quote, TapeTrade, TapeTrade]
    assert next(event for event in tape if isinstance(event, Quote)).ask == Decimal(60_001)


def test_a_recorded_symbol_stands_beside_candles_of_another(tmp_path):
    lab = find_lab(tmp_path, {}, [tmp_path])
    prepare(lab, "btcusdt-sample")
    prepare(lab, "ethusdt-sample")
    trades = RecordedFiles(RecordingKind.TRADES, "BTCUSDT", (trades_file(tmp_path / "t.parquet"),))
    _, tape = played(trades, names=("btcusdt-sample", "ethusdt-sample"), lab=lab)
    assert {event.symbol for event in tape if isinstance(event, Kline)} == {"ETHUSDT"}
    assert sum(event.symbol == "BTCUSDT" for event in tape) == 3


def test_depth_begins_with_its_snapshot(tmp_path):
    header = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu\n"
    snapshot, diffs = tmp_path / "snap.csv", tmp_path / "set.csv"
    snapshot.write_text(header + f"BTCUSDT,{START},1,10,b,snap,59999,1,-1\nBTCUSDT,{START},1,10,a,snap,60001,1,-1\n")
    diffs.write_text(header + f"BTCUSDT,{START + 100},11,12,b,set,59999,0,10\n")
    _, tape = played(RecordedFiles(RecordingKind.DEPTH, "BTCUSDT", (snapshot, diffs)))
    assert isinstance(next(iter(tape)), BookSnapshot)
    with pytest.raises(DataError, match="does not begin with a snapshot"):
        played(RecordedFiles(RecordingKind.DEPTH, "BTCUSDT", (diffs,)))


@pytest.mark.parametrize(
    ("symbols", "told"),
    [(("BTCUSDT", "BTCUSDT"), "are named twice"), (("DOGEUSDT",), "no dataset holds DOGEUSDT")],
)
def test_what_cannot_be_meant_is_refused(tmp_path, symbols, told):
    lab = find_lab(tmp_path, {}, [tmp_path])
    prepare(lab, "btcusdt-sample")
    file = trades_file(tmp_path / "t.parquet")
    recordings = [RecordedFiles(RecordingKind.TRADES, symbol, (file,)) for symbol in symbols]
    with pytest.raises(DataError, match=told):
        played(*recordings, names=("btcusdt-sample",), lab=lab)


def test_events_of_another_symbol_are_refused(tmp_path):
    path = tmp_path / "events.jsonl"
    one = Quote("ETHUSDT", START, Decimal(1), Decimal(1), Decimal(2), Decimal(1))
    write_tape(path, [(START, one)])
    with pytest.raises(DataError, match="holds ETHUSDT, not BTCUSDT alone"):
        played(RecordedFiles(RecordingKind.EVENTS, "BTCUSDT", (path,)))


def test_several_files_are_for_depth_only():
    with pytest.raises(ValidationError, match="one file"):
        Recording(kind=RecordingKind.TRADES, symbol="BTCUSDT", paths=("a", "b"))


class TestInASpec:
    """A spec names files below the lab's root, and their content decides the result."""

    @pytest.fixture
    def lab(self, tmp_path):
        (tmp_path / "opslab.toml").touch()
        lab = find_lab(tmp_path, {}, [tmp_path])
        prepare(lab, "btcusdt-sample")
        return lab

    def planned(self, lab, path):
        recording = {"kind": "trades", "symbol": "BTCUSDT", "paths": [path]}
        spec_file = edited(read_spec(paper_spec()), {"execution.recordings": [recording]})
        return plan_paper(lab, spec_file, standard_registry())

    def test_the_content_decides_and_not_the_place(self, lab):
        trades_file(lab.root / "one.parquet")
        trades_file(lab.root / "two.parquet")
        trades_file(lab.root / "other.parquet", count=4)
        one, two, other = (self.planned(lab, f"{name}.parquet") for name in ("one", "two", "other"))
        assert one.inputs_sha256 == two.inputs_sha256 != other.inputs_sha256
        plan = venue_plan(one, lab, lab.root / "wire.jsonl")
        assert plan.recordings[0].paths == (lab.root / "one.parquet",)

    def test_a_file_outside_of_the_lab_is_refused(self, lab, tmp_path_factory):
        outside = trades_file(tmp_path_factory.mktemp("outside") / "t.parquet")
        for path in (str(outside), "../t.parquet"):
            with pytest.raises(RootError):
                self.planned(lab, path)
        (lab.root / "link.parquet").symlink_to(outside)
        with pytest.raises(RootError, match="symlink"):
            self.planned(lab, "link.parquet")

    def test_a_missing_file_is_one_line(self, lab):
        with pytest.raises(DataError, match="cannot be read"):
            self.planned(lab, "missing.parquet")
