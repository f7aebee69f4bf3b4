"""Recorded market data as a spec or a command line names it: to the tape of one symbol."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.contract.execution import RecordingKind
from opslab.errors import DataError
from opslab.venue.tape.depth_csv import depth_tape
from opslab.venue.tape.parquet import quote_tape, trade_tape
from opslab.venue.tape.recorded import read_tape
from opslab.venue.tape.tape import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from opslab.contract.dataset import Instrument
    from opslab.venue.tape.tape import Tape


@dataclass(frozen=True)
class RecordedFiles:
    """Files of one kind and symbol.

    Attributes:
        kind: what they hold.
        symbol: the venue's symbol.
        paths: where they are; of depth first the snapshot, then its diffs.
        may_round: take the nearest tick and step where a number is off the instrument's grid.
    """

    kind: RecordingKind
    symbol: str
    paths: tuple[Path, ...]
    may_round: bool = False


def recorded_tape(instrument: Instrument, recordings: Sequence[RecordedFiles]) -> Tape:
    """Return the tape of everything that was recorded of one instrument, by time.

    Raises:
        DataError: a file is missing, damaged, empty, of another symbol, or off the instrument's grid.
    """
    return merged([_READERS[recording.kind](recording, instrument) for recording in recordings])


def by_symbol(recordings: Sequence[RecordedFiles]) -> dict[str, list[RecordedFiles]]:
    """Return what was recorded of each symbol, in the order in which it was named.

    Raises:
        DataError: one kind is named twice for a symbol: two books, or each trade twice.
    """
    found: dict[str, list[RecordedFiles]] = defaultdict(list)
    for recording in recordings:
        same = found[recording.symbol]
        if any(other.kind is recording.kind for other in same):
            what = f"{recording.kind.value} of {recording.symbol} are named twice"
            raise DataError(what, where="recordings", fix="name each kind of a symbol once")
        same.append(recording)
    return dict(found)


def _events(recording: RecordedFiles, instrument: Instrument) -> Tape:
    tape = read_tape(recording.paths[0])
    if tape.symbols != (instrument.symbol,):
        what = f"holds {', '.join(tape.symbols)}, not {instrument.symbol} alone"
        raise DataError(what, where=recording.paths[0], fix="write a file for each symbol")
    return tape


_READERS: dict[RecordingKind, Callable[[RecordedFiles, Instrument], Tape]] = {
    RecordingKind.TRADES: lambda files, one: trade_tape(files.paths[0], one, may_round=files.may_round),
    RecordingKind.QUOTES: lambda files, one: quote_tape(files.paths[0], one, may_round=files.may_round),
    RecordingKind.DEPTH: lambda files, one: depth_tape(files.paths, one, may_round=files.may_round),
    RecordingKind.EVENTS: _events,
}
