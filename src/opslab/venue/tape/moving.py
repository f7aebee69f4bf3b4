"""Moves a tape's times to the present: what happens now is stamped now."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from opslab.venue.market import BookDelta, BookSnapshot, Kline, MarkPrice, Quote, TapeTrade

if TYPE_CHECKING:
    from opslab.venue.market import MarketEvent


class Mover:
    """Moves the events of one play.

    Quotes, trades, books and mark prices are stamped with the moment at which they are played. Klines keep their grid,
    as clients page and aggregate by it: all of them are moved by one distance, a whole number of the longest of their
    intervals, so that candles of a minute open on whole minutes. It is the largest such distance with which no closed
    kline lies in the future: the tape's last one, if the play is not late, ends when it is played or less than that
    interval before. At a pace of 1 this holds for every kline: they come as many seconds late as the play began after
    the turn of an interval. A play that is known to be left early is moved as if the tape ended there: what is played
    is then as recent as it can be, and what would come later would lie in the future.

    The next funding is as far away as its time on the tape is at this pace.

    Args:
        first_ms: time of the tape's first event, Unix milliseconds.
        duration_ms: length of the tape.
        now_ms: when the play began, by the venue's clock.
        pace: how much faster than real time.
        grid_ms: length of which the klines' distance is a whole multiple.
        horizon_seconds: for how long the play is watched, in real time; None: to its end.
    """

    def __init__(
        self,
        first_ms: int,
        duration_ms: int,
        now_ms: int,
        pace: float,
        grid_ms: int,
        horizon_seconds: float | None = None,
    ) -> None:
        self._pace = pace if math.isfinite(pace) else 1.0
        played = duration_ms
        if horizon_seconds is not None and math.isfinite(pace):
            played = min(duration_ms, int(horizon_seconds * 1000 * pace))
        shift = now_ms + int(played / max(pace, 1.0)) - played - first_ms
        self._kline_shift = shift - shift % grid_ms

    def at(self, time_ms: int, event: MarketEvent, now_ms: int) -> MarketEvent:
        """Return ``event``, which happens at ``time_ms`` on the tape, as played at ``now_ms``."""
        match event:
            case Quote():
                return Quote(event.symbol, now_ms, event.bid, event.bid_size, event.ask, event.ask_size)
            case TapeTrade():
                return TapeTrade(event.symbol, now_ms, event.price, event.size, event.buyer_is_maker)
            case BookDelta():
                return BookDelta(event.symbol, now_ms, event.bids, event.asks)
            case BookSnapshot():
                return BookSnapshot(event.symbol, now_ms, event.bids, event.asks)
            case MarkPrice():
                funding = now_ms + int((event.next_funding_ms - time_ms) / self._pace)
                return MarkPrice(event.symbol, now_ms, event.mark, event.index, event.funding_rate, funding)
            case Kline():
                return self.kline(event)

    def kline(self, event: Kline) -> Kline:
        """Return a kline where it lies in the play."""
        return Kline(
            event.symbol,
            event.open_ms + self._kline_shift,
            event.close_ms + self._kline_shift,
            event.interval,
            event.open,
            event.high,
            event.low,
            event.close,
            event.volume,
            event.quote_volume,
            event.trades,
            event.is_closed,
        )
