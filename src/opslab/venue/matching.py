"""Matching by price and time: our takers against the public book, and the outside market against our resting orders.

How a resting order queues: it stands behind what others showed at its price when it came. Trades at that price, and our
own takers, eat the front of the queue; a level that shrinks moves it up; a trade or quote through its price fills it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.orders import Order, OrderType, Side, TimeInForce
from opslab.venue.reach import reach
from opslab.venue.trading import fillable

if TYPE_CHECKING:
    from opslab.venue.levels import BookSide, Level
    from opslab.venue.market import TapeTrade
    from opslab.venue.pairs import Pair
    from opslab.venue.trading import Trading

ZERO = Decimal(0)
_AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_NEVER_REST = frozenset({OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})


class Matching:
    """Matches orders.

    Args:
        trading: the books' mechanics.
    """

    def __init__(self, trading: Trading) -> None:
        self._trading = trading

    def work(self, pair: Pair, order: Order) -> None:
        """Let an accepted order take what it can; what is left rests or expires, as its type says."""
        if order.command.time_in_force is not TimeInForce.FOK or self._is_all_there(pair, order):
            self._take(pair, order)
        if not order.status.is_open:
            return
        command = order.command
        has_room = fillable(self._trading.accounts[order.account], order) > 0
        if command.time_in_force in _AT_ONCE or command.type in _NEVER_REST or not has_room:
            self._trading.expire(pair, order)
        else:
            self._trading.rest(pair, order)

    def _is_all_there(self, pair: Pair, order: Order) -> bool:
        accounts = self._trading.accounts
        wanted = order.leaves
        return (
            fillable(accounts[order.account], order) == wanted
            and reach(pair, accounts, order.account, order.command, wanted).quantity == wanted
        )

    def _take(self, pair: Pair, order: Order) -> None:
        """Trade with the opposite side, best price first, until nothing is left or allowed."""
        opposite = pair.book.opposite(order.command.side)
        account = self._trading.accounts[order.account]
        while order.status.is_open and (wanted := fillable(account, order)) > 0:
            level = opposite.best()
            if level is None or not _is_within(order, level.price):
                return
            head = level.head()
            if head is None or head.ahead > 0:
                size = min(wanted, level.others if head is None else head.ahead)
                price = level.price
                opposite.take_others(level, size)
                self._trading.trade(pair, price, size, taker=order)
            else:
                self._meet(pair, order, head.order, wanted)

    def _meet(self, pair: Pair, taker: Order, maker: Order, wanted: Decimal) -> None:
        """Let a taker meet one of our resting orders; self-trade prevention acts before they trade."""
        mode = taker.command.stp_mode
        if taker.account == maker.account and mode != "NONE":
            if mode != "EXPIRE_TAKER":
                self._trading.prevent(pair, maker)
            if mode != "EXPIRE_MAKER":
                self._trading.prevent(pair, taker)
            return
        size = min(wanted, fillable(self._trading.accounts[maker.account], maker))
        self._trading.trade(pair, maker.price, size, maker=maker, taker=taker)

    def uncross(self, pair: Pair) -> None:
        """Let others who came through our resting orders fill them, at our prices and up to what they show."""
        book = pair.book
        bid, ask = book.bids.best_price(), book.asks.best_price()
        if bid is None or ask is None or bid < ask:
            return
        self._fill_crossed(pair, book.bids, book.asks)
        self._fill_crossed(pair, book.asks, book.bids)

    def _fill_crossed(self, pair: Pair, side: BookSide, opposite: BookSide) -> None:
        """Fill our orders of one side with the others' levels that reach them."""
        while (found := _crossed(side, opposite)) is not None:
            order, level = found
            size = min(fillable(self._trading.accounts[order.account], order), level.others)
            opposite.take_others(level, size)
            self._trading.trade(pair, order.price, size, maker=order)

    def tape_trade(self, pair: Pair, event: TapeTrade) -> None:
        """Let a trade of others go through our resting orders, then publish what is left of it at its price.

        At its own price the trade is shared with our orders behind the queue. Our orders at better prices fill up
        to its size, and it is published whole: the tape's candles keep their prices.
        """
        taken_from = Side.BUY if event.buyer_is_maker else Side.SELL
        self._fill_through(pair, pair.book.side(taken_from), event.price, event.size)
        self._fill_through(pair, pair.book.opposite(taken_from), event.price, event.size)
        level = pair.book.side(taken_from).levels.get(event.price)
        left = self._share(pair, level, event.size) if level is not None and level.queue else event.size
        if left > 0:
            self._trading.print(pair, event.price, left, is_buyer_maker=event.buyer_is_maker)

    def _fill_through(self, pair: Pair, side: BookSide, price: Decimal, size: Decimal) -> None:
        """Fill our orders of one side at prices better than ``price``, best first, up to ``size``."""
        while size > 0 and (order := _first_better(side, price)) is not None:
            took = min(size, fillable(self._trading.accounts[order.account], order))
            self._trading.trade(pair, order.price, took, maker=order)
            size -= took

    def _share(self, pair: Pair, level: Level, size: Decimal) -> Decimal:
        """Let a trade at a level eat the queue and fill our orders there; return what others had of it at the end."""
        left = size
        while left > 0 and (head := level.head()) is not None:
            if head.ahead > 0:
                passed = min(left, head.ahead)
                level.pass_queue(passed)
                self._trading.print(pair, level.price, passed, is_buyer_maker=head.order.command.side is Side.BUY)
            else:
                passed = min(left, fillable(self._trading.accounts[head.order.account], head.order))
                self._trading.trade(pair, level.price, passed, maker=head.order)
            left -= passed
        return left


def _is_within(order: Order, price: Decimal) -> bool:
    """Return whether an order may trade at ``price``."""
    if not order.price or order.command.type in _NEVER_REST:
        return True
    return price <= order.price if order.command.side is Side.BUY else price >= order.price


def _first_better(side: BookSide, price: Decimal) -> Order | None:
    """Return our first order at a price better than ``price``."""
    for level in side.walk():
        if not side.is_better(level.price, price):
            return None
        head = level.head()
        if head is not None:
            return head.order
    return None


def _crossed(side: BookSide, opposite: BookSide) -> tuple[Order, Level] | None:
    """Return our first order of ``side`` that the best of the others on the opposite side reaches, and that level."""
    others = next((level for level in opposite.walk() if level.others), None)
    if others is None:
        return None
    for level in side.walk():
        if side.is_better(others.price, level.price):
            return None
        head = level.head()
        if head is not None:
            return head.order, others
    return None
