"""A pair: everything about one listed symbol that is not an account's: rules, book, prices, past and waiting stops."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.book import Book
from opslab.venue.recent import Recent
from opslab.venue.triggers import Triggers
from opslab.venue.views import PublicTrade

if TYPE_CHECKING:
    from opslab.venue.listing import Listing
    from opslab.venue.market import MarkPrice

_ZERO = Decimal(0)


class Pair:
    """One listed symbol.

    Args:
        listing: its rules; ``relist`` replaces them.
        first_trade_id: number of its first trade.
    """

    def __init__(self, listing: Listing, first_trade_id: int) -> None:
        self.listing = listing
        self.symbol = listing.symbol
        self.book = Book(listing.symbol)
        self.recent = Recent(listing.symbol)
        self.contract_triggers = Triggers()
        self.mark_triggers = Triggers()
        self.holders: set[str] = set()
        self.mark: MarkPrice | None = None
        self.funded_ms = 0
        self._next_trade_id = first_trade_id
        self._last: Decimal | None = None

    @property
    def last_price(self) -> Decimal:
        """Price of the last trade; before any: the middle of the book; zero when that has no two sides."""
        return self._last if self._last is not None else self.middle

    @property
    def middle(self) -> Decimal:
        """The middle between the best prices; zero when a side is empty."""
        bid, ask = self.book.bids.best_price(), self.book.asks.best_price()
        return (bid + ask) / 2 if bid is not None and ask is not None else _ZERO

    @property
    def mark_price(self) -> Decimal:
        """The tape's mark price, else the last price."""
        return self.mark.mark if self.mark is not None else self.last_price

    def triggers(self, working_type: str) -> Triggers:
        """Return the stops that wait for that kind of price."""
        return self.mark_triggers if working_type == "MARK_PRICE" else self.contract_triggers

    def next_trade_id(self) -> int:
        """Return the number of a trade that is about to be recorded."""
        return self._next_trade_id

    def record(
        self, price: Decimal, quantity: Decimal, time_ms: int, *, is_buyer_maker: bool, is_own: bool
    ) -> PublicTrade:
        """Record a trade under the next number and return it."""
        trade = PublicTrade(self.symbol, self._next_trade_id, price, quantity, time_ms, is_buyer_maker, is_own)
        self._next_trade_id += 1
        self._last = price
        self.recent.add_trade(trade)
        return trade
