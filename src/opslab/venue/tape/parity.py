"""What a paper run needs to be compared with a backtest of the same candles that fills at the next open.

The backtest shows a strategy the closed candle t and executes what it then sends at the open of candle t+1. A candle
tape tells the closed kline t, then, at the same time, the book and quote of the open of t+1, and then its first trade.
So hold the tape with ``step_until(OpenReached(symbol))``: it plays up to the quote of an open, and holds before
anything trades there. Market orders that the strategy sends meanwhile meet the open. With a spread of 0 both sides
fill at the open price; otherwise one side of the quote is the open, the other a spread away. With ``level_size`` of at
least the largest order they fill at one price. One candle without a gap is then one further ``step_until``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.market import Kline, Quote

if TYPE_CHECKING:
    from opslab.venue.market import MarketEvent


class OpenReached:
    """Says when a tape stands at the quote of an open that follows a closed kline; for ``Player.step_until``.

    Args:
        symbol: of which instrument.
    """

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._has_closed = False

    def __call__(self, event: MarketEvent) -> bool:
        """Whether ``event`` is that quote."""
        if event.symbol != self._symbol:
            return False
        if isinstance(event, Kline):
            self._has_closed = event.is_closed
        if not (isinstance(event, Quote) and self._has_closed):
            return False
        self._has_closed = False
        return True
