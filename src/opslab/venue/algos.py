"""Conditional orders: futures ones wait in the algo book, spot ones in the order book; prices fire them.

Source: developers.binance.com, USD-M futures, "New Algo Order" and "Event: Algo Order Update"; spot, "Stop orders".
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.events import Execution
from opslab.venue.futures_account import FuturesAccount
from opslab.venue.futures_rules import check_margin, check_reduction
from opslab.venue.orders import AlgoOrder, AlgoStatus, NewOrder, Order, OrderType, Side, TimeInForce
from opslab.venue.reach import reach
from opslab.venue.refusal import Refusal
from opslab.venue.rules import PRICED, would_take

if TYPE_CHECKING:
    from opslab.venue.account import Account
    from opslab.venue.matching import Matching
    from opslab.venue.pairs import Pair
    from opslab.venue.trading import Trading

_ZERO = Decimal(0)


class Algos:
    """Keeps conditional orders waiting and fires them.

    Args:
        trading: the books' mechanics.
        matching: works the orders that they become.
        first_id: number of the first conditional order.
    """

    def __init__(self, trading: Trading, matching: Matching, first_id: int) -> None:
        self._trading = trading
        self._matching = matching
        self._next_id = first_id

    def accept(self, account: Account, pair: Pair, command: NewOrder) -> AlgoOrder:
        """Take a checked conditional order into the books."""
        number, now = self._next_id, self._trading.ledger.time_ms
        self._next_id += 1
        name = command.client_order_id or f"venue-algo-{number}"
        algo = AlgoOrder(number, account.name, command, name, AlgoStatus.NEW, now, now)
        if command.type is OrderType.TRAILING_STOP_MARKET:
            algo.is_active = command.activation_price is None
            algo.extreme = (self._price(pair, command) or None) if algo.is_active else None
        account.add_algo(algo)
        pair.triggers(command.working_type).add(algo)
        self._trading.ledger.algo_changed(algo)
        return algo

    def end(self, account: Account, pair: Pair, algo: AlgoOrder, status: AlgoStatus) -> None:
        """End a waiting conditional order: cancelled, expired or rejected."""
        pair.triggers(algo.command.working_type).remove(algo)
        account.close_algo(algo)
        self._report(algo, status)

    def expire(self, item: Order | AlgoOrder) -> None:
        """End an order, plain or conditional, whose time has come, if it is still open."""
        account = self._trading.account(item.account)
        pair = self._trading.pairs[item.command.symbol]
        if isinstance(item, AlgoOrder):
            if item.algo_id in account.open_algos[pair.symbol]:
                self.end(account, pair, item, AlgoStatus.EXPIRED)
        elif item.status.is_open:
            self._trading.expire(pair, item)

    def fire(self, pair: Pair) -> bool:
        """Fire the next order that the present prices trigger; return whether there was one."""
        due = None
        if pair.contract_triggers and (price := pair.last_price):
            due = pair.contract_triggers.pop_due(price)
        if due is None and pair.mark_triggers and (price := pair.mark_price):
            due = pair.mark_triggers.pop_due(price)
        if due is None:
            return False
        if isinstance(due, AlgoOrder):
            self._fire_algo(pair, due)
        else:
            self._fire_order(pair, due)
        return True

    def _fire_algo(self, pair: Pair, algo: AlgoOrder) -> None:
        """Turn a futures conditional order into an order, if the account can still have it."""
        account = self._trading.account(algo.account)
        account.close_algo(algo)
        self._report(algo, AlgoStatus.TRIGGERING)
        command = _working(algo)
        if command.close_position:
            room = account.room(command) or _ZERO
            if not room:
                self._report(algo, AlgoStatus.EXPIRED)
                return
            command = replace(command, quantity=room)
        try:
            _check_again(account, pair, command)
        except Refusal:
            self._report(algo, AlgoStatus.REJECTED)
            return
        quantity = command.quantity or _ZERO
        order = self._trading.accept(account, command, quantity, algo_id=algo.algo_id, orig=algo.command.type)
        algo.order_id = order.order_id
        self._report(algo, AlgoStatus.TRIGGERED)
        self._matching.work(pair, order)

    def _fire_order(self, pair: Pair, order: Order) -> None:
        """Let a spot stop work: it is reported as new a second time, now on the book."""
        account, ledger = self._trading.account(order.account), self._trading.ledger
        order.is_working, order.update_ms = True, ledger.time_ms
        freed = account.hold(order)
        ledger.order_changed(Execution.NEW, order)
        if freed:
            ledger.account_changed(account.name, "ORDER", freed)
        command = order.command
        if command.price is None and command.side is Side.BUY:
            cost = reach(pair, self._trading.accounts, account.name, command, order.leaves).cost
            if cost > account.free(pair.listing.quote):
                self._trading.expire(pair, order)
                return
        self._matching.work(pair, order)

    def _report(self, algo: AlgoOrder, status: AlgoStatus) -> None:
        algo.status, algo.update_ms = status, self._trading.ledger.time_ms
        self._trading.ledger.algo_changed(algo)

    @staticmethod
    def _price(pair: Pair, command: NewOrder) -> Decimal:
        return pair.mark_price if command.working_type == "MARK_PRICE" else pair.last_price


def _working(algo: AlgoOrder) -> NewOrder:
    """Return the order that a conditional one becomes: its limit price or market, under the same client id."""
    is_limit = algo.command.type in PRICED
    return replace(
        algo.command,
        type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        time_in_force=(algo.command.time_in_force or TimeInForce.GTC) if is_limit else None,
        client_order_id=algo.client_algo_id,
    )


def _check_again(account: Account, pair: Pair, command: NewOrder) -> None:
    """Check what may have changed since the order came in.

    Raises:
        Refusal: -2025, -4116, -2022, -5022 or -2019.
    """
    if not isinstance(account, FuturesAccount):
        raise TypeError(f"{account.name} is not a futures account")
    if len(account.open.get(pair.symbol, ())) >= pair.listing.max_orders:
        raise Refusal(-2025, "Reach max open order limit.")
    if account.has_live(pair.symbol, command.client_order_id):
        raise Refusal(-4116, "ClientOrderId is duplicated.")
    check_reduction(account, command)
    if command.time_in_force is TimeInForce.GTX and would_take(pair, command.side, command.price or _ZERO):
        raise Refusal(-5022, "Due to the order could not be executed as maker, the Post Only order will be rejected.")
    check_margin(account, pair, command)
