"""What the public can ask of the past: the last trades, the klines and the figures of 24 hours. Memory is bounded."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING

from opslab.venue.views import PublicTrade, Ticker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opslab.venue.market import Kline

KEPT_TRADES = 2000
KEPT_KLINES = 5000
_MINUTE_MS = 60_000
_DAY_MINUTES = 1440
_ZERO = Decimal(0)
_NO_ID = -1
"""Of trades that are known by their candle only."""


@dataclass(slots=True)
class _Minute:
    """The trades of one minute, in short."""

    start_ms: int
    first_id: int
    open: Decimal
    high: Decimal
    low: Decimal
    last: PublicTrade
    volume: Decimal = _ZERO
    quote_volume: Decimal = _ZERO
    count: int = 0

    def add(self, trade: PublicTrade) -> None:
        self.high, self.low = max(self.high, trade.price), min(self.low, trade.price)
        self.volume += trade.quantity
        self.quote_volume += trade.price * trade.quantity
        self.count += 1
        self.last = trade


def _minute_of(kline: Kline) -> _Minute:
    last = PublicTrade(kline.symbol, _NO_ID, kline.close, _ZERO, kline.close_ms, is_buyer_maker=False)
    return _Minute(
        kline.open_ms,
        _NO_ID,
        kline.open,
        kline.high,
        kline.low,
        last,
        kline.volume,
        kline.quote_volume,
        kline.trades,
    )


class Recent:
    """Keeps what queries need of trades and klines.

    Args:
        symbol: of which symbol.
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._trades: deque[PublicTrade] = deque(maxlen=KEPT_TRADES)
        self._klines: dict[str, deque[Kline]] = {}
        self._minutes: deque[_Minute] = deque()
        self._close_before = _ZERO

    def add_trade(self, trade: PublicTrade) -> None:
        """Take notice of a trade; candles from before the first one are the past that nobody saw trade by trade."""
        if not self._trades:
            self._minutes.extend(self._past())
        self._trades.append(trade)
        start = trade.time_ms - trade.time_ms % _MINUTE_MS
        if not self._minutes or self._minutes[-1].start_ms < start:
            self._minutes.append(_Minute(start, trade.id, trade.price, trade.price, trade.price, trade))
            self._forget(start)
        self._minutes[-1].add(trade)

    def add_kline(self, kline: Kline) -> None:
        """Take notice of a candle; one that has the open time of the last replaces it."""
        klines = self._klines.setdefault(kline.interval, deque(maxlen=KEPT_KLINES))
        if klines and klines[-1].open_ms == kline.open_ms:
            klines[-1] = kline
        else:
            klines.append(kline)

    def trades(self, n: int) -> list[PublicTrade]:
        """Return the last ``n`` trades, oldest first."""
        return list(islice(self._trades, max(len(self._trades) - n, 0), None))

    def klines(self) -> list[Kline]:
        """Return the candles of the tape, oldest first, one interval after the other."""
        return [kline for klines in self._klines.values() for kline in klines]

    def ticker(self, now_ms: int) -> Ticker:
        """Return the figures of the 24 hours up to now, known history included; whole minutes enter and leave."""
        begin = now_ms - _DAY_MINUTES * _MINUTE_MS
        minutes = [minute for minute in self._minutes or self._past() if minute.start_ms > begin]
        if not minutes:
            zeros = (_ZERO,) * 8
            return Ticker(self.symbol, *zeros, begin, now_ms, _NO_ID, _NO_ID, 0)
        first, last = minutes[0], minutes[-1].last
        return Ticker(
            symbol=self.symbol,
            open=first.open,
            high=max(minute.high for minute in minutes),
            low=min(minute.low for minute in minutes),
            last=last.price,
            last_quantity=last.quantity,
            previous_close=self._close_before or first.open,
            volume=sum((minute.volume for minute in minutes), _ZERO),
            quote_volume=sum((minute.quote_volume for minute in minutes), _ZERO),
            open_ms=begin,
            close_ms=now_ms,
            first_id=next((minute.first_id for minute in minutes if minute.first_id >= 0), _NO_ID),
            last_id=last.id,
            count=sum(minute.count for minute in minutes),
        )

    def _past(self) -> list[_Minute]:
        """Return the candles of the shortest interval in short, as if they were minutes."""
        kept: list[Sequence[Kline]] = [klines for klines in self._klines.values() if klines]
        shortest = min(kept, key=lambda klines: klines[0].close_ms - klines[0].open_ms, default=())
        return [_minute_of(kline) for kline in shortest if kline.is_closed]

    def _forget(self, start_ms: int) -> None:
        while self._minutes[0].start_ms <= start_ms - _DAY_MINUTES * _MINUTE_MS:
            self._close_before = self._minutes.popleft().last.price
