"""The market outside: what the tape says, and what prices set off among our accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.errors import DataError
from opslab.venue.listing import ListingStatus
from opslab.venue.market import BookDelta, BookSnapshot, Kline, MarketEvent, MarkPrice, Quote, TapeTrade
from opslab.venue.timetable import funding_due
from opslab.venue.views import Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.algos import Algos
    from opslab.venue.forced import Forced
    from opslab.venue.matching import Matching
    from opslab.venue.pairs import Pair
    from opslab.venue.trading import Trading


class Outside:
    """Brings market events in, and lets prices act.

    Args:
        trading: the books' mechanics.
        matching: fills resting orders.
        algos: fires stops.
        forced: liquidates and funds.
    """

    def __init__(self, trading: Trading, matching: Matching, algos: Algos, forced: Forced) -> None:
        self._trading = trading
        self._matching = matching
        self._algos = algos
        self._forced = forced
        self._takers: dict[type, Callable[[Pair, MarketEvent], None]] = {
            Quote: self._book,
            BookDelta: self._book,
            BookSnapshot: self._book,
            TapeTrade: self._trade,
            Kline: self._kline,
            MarkPrice: self._mark,
        }

    def apply(self, event: MarketEvent) -> None:
        """Take over one event of the tape.

        Raises:
            DataError: its symbol is not listed.
        """
        pair = self._trading.pairs.get(event.symbol)
        if pair is None:
            raise DataError(
                f"the tape has an event of {event.symbol!r:.40}, which is not listed", fix="list it, or leave it out"
            )
        self._takers[type(event)](pair, event)
        self.settle(pair)

    def settle(self, *pairs: Pair) -> None:
        """Let the present prices of pairs fire stops and liquidate, then publish the books that changed."""
        is_wide = False
        for pair in pairs:
            if pair.listing.status == ListingStatus.TRADING:
                is_wide |= self._react(pair)
        ledger = self._trading.ledger
        for pair in self._trading.pairs.values() if is_wide else pairs:
            pair.book.publish(ledger.time_ms, ledger.publish)

    def _react(self, pair: Pair) -> bool:
        """Let prices act until nothing more happens; return whether that may have reached other pairs."""
        is_wide = False
        while True:
            while self._algos.fire(pair):
                pass
            if not pair.holders or not self._forced.check(pair):
                return is_wide
            is_wide = True

    def pay_funding(self) -> None:
        """Pay the funding that is due."""
        for pair in self._trading.pairs.values():
            due = funding_due(pair, self._trading.ledger.time_ms)
            if due is not None:
                pair.funded_ms = due.next_funding_ms
                self._forced.fund(pair, due.funding_rate)

    def _book(self, pair: Pair, event: MarketEvent) -> None:
        if isinstance(event, Quote):
            pair.book.quote(event)
        elif isinstance(event, BookDelta):
            pair.book.delta(event)
        elif isinstance(event, BookSnapshot):
            pair.book.snapshot(event)
        if pair.listing.status == ListingStatus.TRADING:
            self._matching.uncross(pair)

    def _trade(self, pair: Pair, event: MarketEvent) -> None:
        if not isinstance(event, TapeTrade):
            return
        if pair.listing.status == ListingStatus.TRADING:
            self._matching.tape_trade(pair, event)
        else:
            self._trading.print(pair, event.price, event.size, is_buyer_maker=event.buyer_is_maker)

    def _kline(self, pair: Pair, event: MarketEvent) -> None:
        if isinstance(event, Kline):
            pair.recent.add_kline(event)
            self._pass_on(pair, event)

    def _mark(self, pair: Pair, event: MarketEvent) -> None:
        if isinstance(event, MarkPrice):
            self.pay_funding()
            pair.mark = event
            self._pass_on(pair, event)

    def _pass_on(self, pair: Pair, event: Kline | MarkPrice) -> None:
        number = pair.book.last_id
        self._trading.ledger.publish(Published(event, number, number, number))
