"""Depth snapshots and diffs from CSV, one row a level.

The layout is that of Binance's historical futures order book data: ``symbol, timestamp, first_update_id,
last_update_id, side (b or a), update_type (snap or set), price, qty, pu``. Update ids only group the rows: the venue
counts its own, so a gap between snapshot and diffs in the source is none at the venue.
"""

from __future__ import annotations

import csv
from itertools import groupby
from typing import TYPE_CHECKING

from opslab.errors import DataError
from opslab.venue.market import BookDelta, BookSnapshot
from opslab.venue.tape.fitting import Fitter
from opslab.venue.tape.scan import scanned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from opslab.contract.dataset import Instrument
    from opslab.venue.tape.tape import Tape, Timed

_COLUMNS = ("symbol", "timestamp", "first_update_id", "last_update_id", "side", "update_type", "price", "qty", "pu")
_SIDES = ("b", "a")
_TYPES = ("snap", "set")


def depth_tape(paths: Sequence[Path], instrument: Instrument, *, may_round: bool = False) -> Tape:
    """Return the tape of depth files, in the order in which they are given: first the snapshot, then its diffs.

    Raises:
        DataError: a file is missing, empty, of other columns or another symbol, not in order of time or update id,
            does not begin with a snapshot, or has a number that is none, negative or off the instrument's grid.
    """
    if not paths:
        raise DataError("a tape without data", where="depth", fix="name a snapshot and its diffs")
    fitters = [Fitter(instrument, path, may_round=may_round) for path in paths]

    def make() -> Iterator[Timed]:
        for path, fitter in zip(paths, fitters, strict=True):
            yield from _events(path, fitter, instrument.symbol)

    tape = scanned(make, paths[0], instrument.symbol)
    if not isinstance(next(iter(tape)), BookSnapshot):
        raise DataError("does not begin with a snapshot", where=paths[0], fix="name the snapshot first")
    return tape


def _events(path: Path, fitter: Fitter, symbol: str) -> Iterator[Timed]:
    last_id = -1
    for (time_ms, update_id, kind), rows in groupby(_rows(path), key=lambda row: row[:3]):
        if update_id <= last_id:
            raise DataError(f"update {update_id} comes after {last_id}", where=path, fix="sort it by update id")
        last_id = update_id
        sides: dict[str, list[tuple[object, object]]] = {side: [] for side in _SIDES}
        for *_, side, price, size in rows:
            sides[str(side)].append((price, size))
        bids, asks = (tuple((fitter.price(price), fitter.size(size)) for price, size in sides[side]) for side in _SIDES)
        if kind == "set":
            yield time_ms, BookDelta(symbol, time_ms, bids, asks)
            continue
        best_first = tuple(sorted(bids, reverse=True)), tuple(sorted(asks))
        yield time_ms, BookSnapshot(symbol, time_ms, *best_first)


def _rows(path: Path) -> Iterator[tuple[int, int, str, str, str, str]]:
    """Return time, last update id, type, side, price and quantity of each row."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file, strict=True)
            if tuple(next(lines, ())) != _COLUMNS:
                raise DataError(f"does not have the columns {','.join(_COLUMNS)}", where=path, fix="name a depth file")
            for number, cells in enumerate(lines, start=2):
                if len(cells) != len(_COLUMNS) or cells[4] not in _SIDES or cells[5] not in _TYPES:
                    raise DataError(f"line {number} is not a level of a book", where=path, fix="correct the file")
                if not (cells[1].isdecimal() and cells[3].isdecimal()):
                    raise DataError(f"line {number} has no time and update id", where=path, fix="correct the file")
                yield int(cells[1]), int(cells[3]), cells[5], cells[4], cells[6], cells[7]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot be read: {error}", where=path, fix="name a depth file") from error
