"""What a venue lists and plays when it is told names of datasets, or none."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from opslab.contract.dataset import InstrumentKind
from opslab.data.candles import Candles
from opslab.data.catalog import open_dataset
from opslab.data.instruments import built_in
from opslab.errors import DataError, VenueError
from opslab.samples.generator import FIRST_OPEN, RECIPES, sample_csv
from opslab.venue.listing import Listing
from opslab.venue.orders import Market
from opslab.venue.tape.candles import CandleSettings, candle_tape
from opslab.venue.tape.marks import with_marks
from opslab.venue.tape.recordings import by_symbol, recorded_tape
from opslab.venue.tape.tape import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opslab.contract.dataset import Instrument
    from opslab.root import Lab
    from opslab.venue.tape.recordings import RecordedFiles
    from opslab.venue.tape.tape import Tape

type _Played = tuple[Instrument, Callable[[], Candles]]
_MINUTE_NS = 60_000_000_000
_KINDS = {Market.FUTURES: InstrumentKind.PERPETUAL, Market.SPOT: InstrumentKind.SPOT}


def stock(
    market: Market,
    names: Sequence[str],
    lab: Lab | None,
    *,
    seed: int = 0,
    history: int = 0,
    recordings: Sequence[RecordedFiles] = (),
) -> tuple[tuple[Listing, ...], Tape]:
    """Return the listings and the tape of datasets.

    Args:
        market: decides the kind of the instruments: a dataset of the other kind is played with the built-in numbers of
            its symbol in this market.
        names: of canonical datasets; none: the synthetic samples that come with the lab.
        lab: has them; not needed without names.
        seed: of the tape.
        history: candles that the venue knows when it starts; see ``CandleSettings``.
        recordings: what is played of a symbol in place of its candles; without names, only their symbols are played.

    Raises:
        DataError: a dataset is unknown, was altered, or its candles do not lie on the instrument's grid; a recording
            cannot be played, or is of a symbol that no dataset has.
        VenueError: two datasets have one symbol, or there is no lab.
    """
    recorded = by_symbol(recordings)
    played = [_dataset(market, name, lab) for name in names] if names else _unnamed(market, recorded)
    symbols = [instrument.symbol for instrument, _ in played]
    if strange := sorted(recorded.keys() - set(symbols)):
        what = f"no dataset holds {strange[0]}"
        raise DataError(what, where="recordings", fix=f"name a dataset of it, or record {', '.join(symbols)}")
    if twice := sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}):
        raise VenueError(f"two datasets play one instrument: {twice[0]}", where="datasets", fix="keep one of them")
    settings = CandleSettings(seed=seed, history=history)
    tape = merged(
        [
            recorded_tape(instrument, recorded[instrument.symbol])
            if instrument.symbol in recorded
            else candle_tape(instrument, candles(), settings)
            for instrument, candles in played
        ]
    )
    listings = tuple(Listing(instrument=instrument) for instrument, _ in played)
    return listings, with_marks(tape) if market is Market.FUTURES else tape


def _unnamed(market: Market, recorded: Mapping[str, object]) -> list[_Played]:
    """Return the built-in instruments that were recorded, or else the samples."""
    if not recorded:
        return [_sample(market, name) for name in RECIPES]
    return [(built_in(symbol, _KINDS[market]), _no_candles) for symbol in recorded]


def _no_candles() -> Candles:
    raise DataError("a recorded symbol has no candles", where="tape")


def _dataset(market: Market, name: str, lab: Lab | None) -> _Played:
    if lab is None:
        raise VenueError("a dataset is asked for, and there is no lab", where=name, fix="name the lab's root")
    dataset = open_dataset(lab, name)
    dataset.require(dataset.measure())
    instrument = dataset.instrument
    if instrument.kind is not _KINDS[market]:
        instrument = built_in(instrument.symbol, _KINDS[market])
    return instrument, dataset.load


def _sample(market: Market, name: str) -> _Played:
    instrument = built_in(name.partition("-")[0], _KINDS[market])
    rows = [line.split(",")[1:] for line in sample_csv(name).splitlines()[1:]]
    open_, high, low, close, volume = (np.array([float(Decimal(row[index])) for row in rows]) for index in range(5))
    first = int((FIRST_OPEN + timedelta(minutes=1)).timestamp()) * 1_000_000_000
    closes = first + np.arange(len(rows), dtype=np.uint64) * np.uint64(_MINUTE_NS)
    candles = Candles(closes.astype(np.uint64), open_, high, low, close, volume, _MINUTE_NS)
    return instrument, lambda: candles
