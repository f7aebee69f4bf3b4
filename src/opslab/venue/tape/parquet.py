"""Real trades and quotes from Parquet files, as they are, a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from opslab.errors import DataError
from opslab.venue.market import Quote, TapeTrade
from opslab.venue.tape.fitting import Fitter
from opslab.venue.tape.scan import scanned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opslab.contract.dataset import Instrument
    from opslab.venue.tape.tape import Tape, Timed

_BATCH_ROWS = 1 << 14
_TIME = ("timestamp", "time", "ts", "ts_event")
_TRADE_COLUMNS = {
    "time": _TIME,
    "price": ("price",),
    "size": ("quantity", "qty", "size", "amount"),
    "maker": ("buyer_maker", "is_buyer_maker", "buyer_is_maker"),
}
_QUOTE_COLUMNS = {
    "time": _TIME,
    "bid": ("bid", "bid_price"),
    "bid_size": ("bid_size", "bid_qty"),
    "ask": ("ask", "ask_price"),
    "ask_size": ("ask_size", "ask_qty"),
}
_KNOWN_BESIDE = frozenset({"symbol", "exchange", "trade_id", "id", "quote_qty", "is_best_match", "__index_level_0__"})
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True)
class _File:
    """A Parquet file and where in it the columns are."""

    path: Path
    instrument: Instrument
    columns: dict[str, str]
    has_symbol: bool


def trade_tape(path: Path, instrument: Instrument, *, may_round: bool = False) -> Tape:
    """Return the tape of a Parquet file of trades: time, price, quantity and whether the buyer was the maker.

    Args:
        path: the file.
        instrument: what was traded.
        may_round: take the nearest tick and step, for data of an instrument with a finer grid.

    Raises:
        DataError: the file is missing, damaged, empty, of other columns or another symbol, not in order of time, or
            has a number that is none, negative, or off the instrument's grid.
    """
    file = _opened(path, instrument, _TRADE_COLUMNS)
    fitter = Fitter(instrument, path, may_round=may_round)

    def event(time_ms: int, row: dict[str, Any]) -> TapeTrade:
        maker = _BOOLEANS.get(str(row["maker"]).strip().lower())
        if maker is None:
            raise DataError(f"buyer_maker is {row['maker']!r:.40}", where=path, fix="write true or false")
        return TapeTrade(instrument.symbol, time_ms, fitter.price(row["price"]), fitter.size(row["size"]), maker)

    return scanned(lambda: _events(file, event), path, instrument.symbol)


def quote_tape(path: Path, instrument: Instrument, *, may_round: bool = False) -> Tape:
    """Return the tape of a Parquet file of quotes: time, bid, ask and their sizes; see ``trade_tape``.

    Raises:
        DataError: as ``trade_tape``.
    """
    file = _opened(path, instrument, _QUOTE_COLUMNS)
    fitter = Fitter(instrument, path, may_round=may_round)

    def event(time_ms: int, row: dict[str, Any]) -> Quote:
        return Quote(
            instrument.symbol,
            time_ms,
            fitter.price(row["bid"]),
            fitter.size(row["bid_size"]),
            fitter.price(row["ask"]),
            fitter.size(row["ask_size"]),
        )

    return scanned(lambda: _events(file, event), path, instrument.symbol)


def _opened(path: Path, instrument: Instrument, wanted: dict[str, tuple[str, ...]]) -> _File:
    try:
        names = pq.read_schema(path).names
    except (OSError, pa.ArrowException, ValueError) as error:
        raise DataError(f"is not a Parquet file: {error}", where=path, fix="name a Parquet file") from error
    columns = {}
    for role, aliases in wanted.items():
        if (found := next((name for name in aliases if name in names), None)) is None:
            raise DataError(
                f"has no column {aliases[0]} (found: {', '.join(names[:20])})", where=path, fix="name the columns so"
            )
        columns[role] = found
    if unknown := [name for name in names if name not in _KNOWN_BESIDE and name not in columns.values()]:
        raise DataError(f"has the unknown column {unknown[0]!r:.60}", where=path, fix="remove it")
    return _File(path, instrument, columns, "symbol" in names)


def _events(file: _File, make: Callable[[int, dict[str, Any]], TapeTrade | Quote]) -> Iterator[Timed]:
    names = [*file.columns.values(), *(["symbol"] if file.has_symbol else [])]
    number = 0
    try:
        with pq.ParquetFile(file.path) as content:
            for batch in content.iter_batches(batch_size=_BATCH_ROWS, columns=names):
                columns = {role: batch.column(name).to_pylist() for role, name in file.columns.items()}
                columns["time"] = _milliseconds(batch.column(file.columns["time"]), file.path)
                symbols = batch.column("symbol").to_pylist() if file.has_symbol else []
                for index, time_ms in enumerate(columns["time"]):
                    number += 1
                    if symbols:
                        _require_symbol(symbols[index], file, number)
                    row = {role: column[index] for role, column in columns.items()}
                    if time_ms is None or None in row.values():
                        raise DataError(f"row {number} has an empty cell", where=file.path, fix="fill or remove it")
                    yield time_ms, make(time_ms, row)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise DataError(f"is damaged: {error}", where=file.path, fix="bring it again") from error


def _milliseconds(column: pa.Array[Any], path: Path) -> list[Any]:
    """Return Unix milliseconds; a number counts milliseconds, a stamp without a zone is refused."""
    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            raise DataError("its times name no zone", where=path, fix="write them in UTC")
        return column.cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64()).to_pylist()
    if pa.types.is_integer(column.type):
        return column.to_pylist()
    raise DataError(f"its times are {column.type}", where=path, fix="write timestamps in UTC, or milliseconds")


def _require_symbol(found: object, file: _File, number: int) -> None:
    symbol = str(found).replace("/", "").replace("-", "").upper()
    if symbol != file.instrument.symbol.upper():
        raise DataError(
            f"row {number} is of {found!r:.40}, not of {file.instrument.symbol}", where=file.path, fix="name its symbol"
        )
