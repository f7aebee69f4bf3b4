"""The exchange: the deterministic core of the venue. Synchronous, no I/O; one thread at a time.

The same commands and market events, with the same clock, give the same log and digest. A command that is refused raises
``Refusal`` with Binance's code and has changed nothing. Orders that are returned are copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.errors import DataError
from opslab.venue.account import check_credit
from opslab.venue.core import check_listing
from opslab.venue.filters import checked_number, is_on_grid
from opslab.venue.forced import futures_account
from opslab.venue.listing import ListingStatus
from opslab.venue.orders import AlgoStatus, Market
from opslab.venue.queries import Queries
from opslab.venue.refusal import Refusal
from opslab.venue.trading import fillable

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.venue.futures_account import FuturesAccount
    from opslab.venue.listing import Listing
    from opslab.venue.market import MarketEvent
    from opslab.venue.orders import AlgoOrder, Fill, NewOrder, Order, Side
    from opslab.venue.pairs import Pair


class Exchange(Queries):
    """A futures or spot exchange; ``Queries`` says how it is made and what it can be asked."""

    # commands of clients

    def submit(self, account: str, command: NewOrder) -> Order:
        """Take a new order, match it, and return it as it stands then.

        Raises:
            Refusal: with the market's code.
        """
        pair = self._begin(command.symbol)
        order = self._core.intake.submit(self._account(account), pair, command)
        self._after(pair)
        return order.copy()

    def check(self, account: str, command: NewOrder) -> None:
        """Check a new order, for ``order/test``.

        Raises:
            Refusal: ``submit`` would refuse it.
        """
        self._core.intake.check(self._account(account), self._begin(command.symbol), command)

    def amend(
        self,
        account: str,
        symbol: str,
        *,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Order:
        """Change price and quantity of an open limit order (futures); see ``Intake.amend``.

        Raises:
            Refusal: with the market's code.
        """
        pair, owner = self._begin(symbol), self._account(account)
        order = self._core.intake.find(owner, symbol, order_id, client_order_id)
        self._core.intake.amend(owner, pair, order, side, quantity, price)
        self._after(pair)
        return order.copy()

    def cancel(
        self, account: str, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order:
        """Cancel an open order.

        Raises:
            Refusal: -2011, no such open order.
        """
        pair = self._begin(symbol)
        order = self._core.intake.cancel(self._account(account), pair, order_id, client_order_id)
        self._after(pair)
        return order.copy()

    def cancel_all(self, account: str, symbol: str) -> list[Order]:
        """Cancel the open orders of a symbol and return them, oldest first; conditional futures orders stay."""
        pair = self._begin(symbol)
        orders = self._core.intake.cancel_all(self._account(account), pair)
        self._after(pair)
        return [order.copy() for order in orders]

    def submit_algo(self, account: str, command: NewOrder) -> AlgoOrder:
        """Take a conditional order (futures).

        Raises:
            Refusal: with the market's code.
        """
        pair, owner = self._begin(command.symbol), self._futures(account)
        self._core.futures_rules.check_conditional(owner, pair, command, self._core.ledger.time_ms)
        algo = self._core.algos.accept(owner, pair, command)
        if command.good_till_ms is not None:
            self._core.timetable.expires(command.good_till_ms, algo)
        self._after(pair)
        return algo.copy()

    def cancel_algo(self, account: str, *, algo_id: int | None = None, client_algo_id: str | None = None) -> AlgoOrder:
        """Cancel a waiting conditional order.

        Raises:
            Refusal: -2011, no such waiting order.
        """
        self._core.ledger.begin()
        owner = self._futures(account)
        algo = owner.find_algo(algo_id, client_algo_id)
        if algo is None or algo.algo_id not in owner.open_algos[algo.command.symbol]:
            raise Refusal(-2011, "Unknown order sent.")
        pair = self._core.pairs[algo.command.symbol]
        self._core.algos.end(owner, pair, algo, AlgoStatus.CANCELED)
        self._after(pair)
        return algo.copy()

    def cancel_all_algo(self, account: str, symbol: str) -> int:
        """Cancel the waiting conditional orders of a symbol and return how many there were."""
        pair, owner = self._begin(symbol), self._futures(account)
        waiting = list(owner.open_algos.get(symbol, {}).values())
        for algo in waiting:
            self._core.algos.end(owner, pair, algo, AlgoStatus.CANCELED)
        self._after(pair)
        return len(waiting)

    def set_leverage(self, account: str, symbol: str, leverage: int) -> None:
        """Set the leverage of a symbol (futures); see ``Settings``."""
        pair = self._begin(symbol)
        self._core.settings.set_leverage(self._futures(account), pair, leverage)
        self._after(pair)

    def set_margin_type(self, account: str, symbol: str, margin_type: str) -> None:
        """Set the margin type of a symbol, ``CROSSED`` or ``ISOLATED`` (futures); see ``Settings``."""
        pair = self._begin(symbol)
        self._core.settings.set_margin_type(self._futures(account), pair, margin_type)
        self._after(pair)

    def set_hedge_mode(self, account: str, on: bool) -> None:  # noqa: FBT001 - it is the setting itself
        """Switch between one-way and hedge mode (futures); see ``Settings``."""
        self._core.ledger.begin()
        self._core.settings.set_hedge_mode(self._futures(account), on=on)
        self._core.ledger.flush()

    # the market outside

    def apply(self, event: MarketEvent) -> None:
        """Take over one event of the tape: it moves the book, fills resting orders, fires stops, liquidates.

        Raises:
            DataError: its symbol is not listed.
        """
        self._core.ledger.begin()
        self._core.outside.apply(event)
        self._core.ledger.flush()

    def tick(self) -> None:
        """Let time act: orders that are good till a date expire, due funding is paid."""
        core = self._core
        now = core.ledger.begin()
        for item in core.timetable.expired(now):
            core.algos.expire(item)
        if self.market is Market.FUTURES:
            core.outside.pay_funding()
        self._after(*core.pairs.values())

    # on command of a drill

    def fund(self, symbol: str, rate: Decimal) -> None:
        """Let longs pay ``rate`` of their notional to shorts now (futures).

        Raises:
            Refusal: -1130, a rate beyond the whole notional.
        """
        pair = self._begin(symbol)
        if abs(checked_number("rate", rate)) > 1:
            raise Refusal(-1130, "Data sent for parameter 'rate' is not valid.")
        self._core.forced.fund(pair, rate)
        self._after(pair)

    def margin_call(self, account: str, symbol: str) -> None:
        """Tell an account, whatever is true, that margin runs out in a symbol's settlement currency; see ``Forced``."""
        pair = self._begin(symbol)
        self._core.forced.margin_call(self._futures(account), pair.listing.settlement)
        self._after(pair)

    def liquidate(self, account: str, symbol: str) -> list[Order]:
        """Drop the account's orders in a symbol and close its positions there at the mark price (futures)."""
        pair = self._begin(symbol)
        orders = self._core.forced.liquidate(self._futures(account), pair)
        self._after(pair)
        return [order.copy() for order in orders]

    def adl(self, account: str, symbol: str, quantity: Decimal) -> Order:
        """Let the exchange close ``quantity`` base units of the account's larger position (futures).

        Raises:
            Refusal: -2024 nothing held, -4005 more than is held.
        """
        pair = self._begin(symbol)
        order = self._core.forced.adl(self._futures(account), pair, checked_number("quantity", quantity))
        self._after(pair)
        return order.copy()

    def credit(self, account: str, asset: str, amount: Decimal) -> None:
        """Bring money into an account, or take it away when the amount is negative.

        Raises:
            Refusal: -2018 nothing, or more than is free; -1108 no currency; -1102 no amount of at most 8 decimals.
        """
        self._core.ledger.begin()
        owner = self._account(account)
        check_credit(owner, asset, amount)
        owner.update_ms = self._core.ledger.time_ms
        balance = owner.credit(asset, amount)
        self._core.ledger.account_changed(account, "DEPOSIT" if amount > 0 else "WITHDRAW", (balance,))
        self._core.ledger.flush()

    def set_status(self, symbol: str, status: str) -> None:
        """Halt a symbol, or let it trade again; while it is halted nothing matches and no new order is taken."""
        pair = self._begin(symbol)
        try:
            known = ListingStatus(status)
        except ValueError:
            raise Refusal(-1122, "Invalid symbol status.") from None
        self._relist(pair, pair.listing.with_status(known))
        if known is ListingStatus.TRADING:
            self._core.matching.uncross(pair)
        self._after(pair)

    def relist(self, symbol: str, listing: Listing) -> None:
        """Give a symbol new rules, such as another tick size; open orders stay as they are.

        Raises:
            DataError: the listing is for another symbol or market.
        """
        pair = self._begin(symbol)
        if listing.symbol != symbol:
            raise DataError(f"the listing is of {listing.symbol}", where=symbol, fix="give it the symbol's own listing")
        check_listing(self.market, listing)
        self._relist(pair, listing)
        self._after(pair)

    def fill(self, account: str, order_id: int, quantity: Decimal | None = None, price: Decimal | None = None) -> Fill:
        """Let somebody outside trade with a resting order now.

        Args:
            account: whose order.
            order_id: which.
            quantity: base units; None: all that is left.
            price: not worse than the order's; None: its own.

        Raises:
            Refusal: -2011 it does not rest, -4005 more than it has left, -4023 off the step, -4016 a worse price.
        """
        self._core.ledger.begin()
        owner = self._account(account)
        order = owner.orders.get(order_id)
        pair = self._core.pairs[order.command.symbol] if order is not None else None
        if order is None or pair is None or not pair.book.side(order.command.side).has(order):
            raise Refusal(-2011, "Unknown order sent.")
        most = fillable(owner, order)
        size = most if quantity is None else checked_number("quantity", quantity)
        if not 0 < size <= most:
            raise Refusal(-4005, "Quantity greater than max quantity.")
        if quantity is not None and not is_on_grid(size, pair.listing.instrument.step_size):
            raise Refusal(-4023, "Qty not increased by step size.")
        at = order.price if price is None else checked_number("price", price)
        if at <= 0 or (at - order.price) * order.command.side.sign > 0:
            raise Refusal(-4016, "Limit price can't be worse than the order's.")
        self._core.trading.trade(pair, at, size, maker=order)
        fill = owner.fills[-1]
        self._after(pair)
        return fill

    def _begin(self, symbol: str) -> Pair:
        self._core.ledger.begin()
        return self._core.trading.pair(symbol)

    def _futures(self, account: str) -> FuturesAccount:
        return futures_account(self._core.trading, account)

    def _relist(self, pair: Pair, listing: Listing) -> None:
        pair.listing = self._listings[pair.symbol] = listing

    def _after(self, *pairs: Pair) -> None:
        """Let what happened act on others, publish the books and tell the listeners."""
        self._core.outside.settle(*pairs)
        self._core.ledger.flush()
