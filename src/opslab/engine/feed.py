"""What a backtest plays: one instrument's candles, and the traps that are looked for before an engine sees them.

NautilusTrader accepts duplicate, unordered and lookahead-stamped bars without complaint, so the lab refuses them here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from opslab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from opslab.contract.dataset import Instrument
    from opslab.data.candles import Candles

_COLUMNS = ("open", "high", "low", "close", "volume")
_FIX = "pass the dataset through the data gate: tc data import"


@dataclass(frozen=True)
class Feed:
    """One instrument and the candles that are played for it.

    Attributes:
        instrument: the definition from the dataset.
        candles: its candles, stamped with their close.
    """

    instrument: Instrument
    candles: Candles

    @property
    def instrument_id(self) -> str:
        """The engine's id of the instrument: ``BTCUSDT.BINANCE``."""
        return f"{self.instrument.symbol}.{self.instrument.venue.upper()}"


def check_feeds(feeds: Sequence[Feed]) -> None:
    """Check what the engine would silently accept.

    Raises:
        EngineError: there is no feed, a feed is empty, its stamps repeat, go back or look ahead, a number is not
            finite, an instrument has two feeds, intervals differ, or two feeds share no time.
    """
    if not feeds:
        raise EngineError("a backtest without data", fix="name a dataset")
    for feed in feeds:
        _check_feed(feed)
    ids = [feed.instrument_id for feed in feeds]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise EngineError(f"two datasets play one instrument: {twice[0]}", fix="keep one of them")
    _check_together(feeds)


def check_stamps(ts_event: NDArray[np.uint64], ts_init: NDArray[np.uint64], interval_ns: int, where: str) -> None:
    """Check that no bar is known before it is over, and that bars are in order and apart.

    Args:
        ts_event: close of each bar, UTC nanoseconds.
        ts_init: when the strategy learns of each bar, UTC nanoseconds.
        interval_ns: length of a bar.
        where: what the bars belong to, for the message.

    Raises:
        EngineError: a stamp that looks ahead, repeats, goes back, or overlaps the bar before.
    """
    if (ahead := np.flatnonzero(ts_init < ts_event)).size:
        row = int(ahead[0])
        raise EngineError(
            f"lookahead: bar {row} is known at {ts_init[row]} ns, before it closes at {ts_event[row]} ns",
            where=where,
            fix="stamp bars with their close",
        )
    steps = np.diff(ts_event.astype(np.int64))
    for bad, what in (
        (steps == 0, "duplicate bar"),
        (steps < 0, "bars out of order"),
        (
            steps < interval_ns,
            "lookahead: a bar overlaps the one before it, so one of them is stamped before its close",
        ),
    ):
        if (rows := np.flatnonzero(bad)).size:
            row = int(rows[0]) + 1
            raise EngineError(f"{what}, at bar {row} (close {ts_event[row]} ns)", where=where, fix=_FIX)


def market_data_sha256(feeds: Sequence[Feed]) -> str:
    """Return the digest of all market data that is played: instrument ids and candles, in the feeds' order."""
    digest = hashlib.sha256()
    for feed in feeds:
        digest.update(f"{feed.instrument_id} {feed.candles.digest()}\n".encode())
    return digest.hexdigest()


def _check_feed(feed: Feed) -> None:
    candles, where = feed.candles, feed.instrument_id
    if not len(candles.ts_close_ns):
        raise EngineError("a feed without candles", where=where, fix="name a dataset that holds some")
    if candles.interval_ns <= 0 or candles.interval_ns >= int(candles.ts_close_ns[0]):
        raise EngineError(f"an interval of {candles.interval_ns} ns makes no sense", where=where, fix=_FIX)
    for name in _COLUMNS:
        column = getattr(candles, name)
        if len(column) != len(candles.ts_close_ns):
            raise EngineError(
                f"{len(column)} values of {name} for {len(candles.ts_close_ns)} stamps", where=where, fix=_FIX
            )
        if not np.isfinite(column).all():
            row = int(np.flatnonzero(~np.isfinite(column))[0])
            raise EngineError(f"{name} of candle {row} is {column[row]}", where=where, fix=_FIX)
    check_stamps(candles.ts_close_ns, candles.ts_close_ns, candles.interval_ns, where)


def _check_together(feeds: Sequence[Feed]) -> None:
    first = feeds[0]
    for feed in feeds[1:]:
        if feed.candles.interval_ns != first.candles.interval_ns:
            raise EngineError(
                f"intervals differ: {feed.instrument_id} has {feed.candles.interval_ns // 10**9} s, "
                f"{first.instrument_id} has {first.candles.interval_ns // 10**9} s",
                fix="name datasets of one interval",
            )
    starts = [int(feed.candles.ts_close_ns[0]) - feed.candles.interval_ns for feed in feeds]
    ends = [int(feed.candles.ts_close_ns[-1]) for feed in feeds]
    if max(starts) >= min(ends):
        late, early = feeds[starts.index(max(starts))], feeds[ends.index(min(ends))]
        raise EngineError(
            f"datasets share no time: {late.instrument_id} begins after {early.instrument_id} has ended",
            fix="name datasets of one period",
        )
