"""Commands of clients: new orders, amendments, cancels. Each checks everything first: a refusal changes nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.events import Execution
from opslab.venue.futures_rules import check_amendment
from opslab.venue.orders import Market, NewOrder, Order, OrderStatus, OrderType, TimeInForce
from opslab.venue.refusal import Refusal
from opslab.venue.rules import would_take
from opslab.venue.spot_rules import SpotRules

if TYPE_CHECKING:
    from opslab.venue.account import Account
    from opslab.venue.matching import Matching
    from opslab.venue.orders import Side
    from opslab.venue.pairs import Pair
    from opslab.venue.rules import Rules
    from opslab.venue.timetable import Timetable
    from opslab.venue.trading import Trading

_ZERO = Decimal(0)


class Intake:
    """Takes clients' commands on plain orders.

    Args:
        trading: the books' mechanics.
        matching: works accepted orders.
        rules: the market's.
        timetable: is told of orders that expire by time.
    """

    def __init__(self, trading: Trading, matching: Matching, rules: Rules, timetable: Timetable) -> None:
        self._trading = trading
        self._matching = matching
        self._rules = rules
        self._timetable = timetable

    def check(self, account: Account, pair: Pair, command: NewOrder) -> None:
        """Check a new order and do nothing else.

        Raises:
            Refusal: it would be refused.
        """
        self._rules.check(account, pair, command, self._trading.ledger.time_ms)

    def submit(self, account: Account, pair: Pair, command: NewOrder) -> Order:
        """Take a new order and match it.

        Raises:
            Refusal: with the market's code.
        """
        self.check(account, pair, command)
        quantity = command.quantity or _ZERO
        if isinstance(self._rules, SpotRules):
            quantity = self._rules.quantity(account.name, pair, command)
        order = self._trading.accept(account, command, quantity)
        if command.good_till_ms is not None:
            self._timetable.expires(command.good_till_ms, order)
        if not order.quantity:
            self._trading.expire(pair, order)
        elif order.is_working:
            self._matching.work(pair, order)
        else:
            pair.contract_triggers.add(order)
        return order

    def find(self, account: Account, symbol: str, order_id: int | None, client_order_id: str | None) -> Order:
        """Return an order of the account.

        Raises:
            Refusal: -1102 no id given, -2013 no such order.
        """
        order = account.find(symbol, *_given(order_id, client_order_id))
        if order is None:
            raise Refusal(-2013, "Order does not exist.")
        return order

    def cancel(self, account: Account, pair: Pair, order_id: int | None, client_order_id: str | None) -> Order:
        """Cancel an open order.

        Raises:
            Refusal: -1102 no id given, -2011 no such open order.
        """
        order = account.find(pair.symbol, *_given(order_id, client_order_id))
        if order is None or not order.status.is_open:
            raise Refusal(-2011, "Unknown order sent.")
        self._cancel(pair, order)
        return order

    def cancel_all(self, account: Account, pair: Pair) -> list[Order]:
        """Cancel the open orders of a symbol, oldest first."""
        orders = list(account.open.get(pair.symbol, {}).values())
        for order in orders:
            self._cancel(pair, order)
        return orders

    def amend(self, account: Account, pair: Pair, order: Order, side: Side, quantity: Decimal, price: Decimal) -> Order:
        """Change price and quantity of an open limit order, keeping its id.

        It keeps its place in the queue only when nothing but the quantity goes down. An amendment to what has filled
        already, or that would make a post-only order take, cancels it (source: USD-M "Modify Order").

        Raises:
            Refusal: -2013 not open, -1020 spot, -5025 not a limit order, -1117 another side, -5027 nothing changes,
                or a filter's code.
        """
        if self._trading.market is Market.SPOT:
            raise Refusal(-1020, "This operation is not supported.")
        if not order.status.is_open:
            raise Refusal(-2013, "Order does not exist.")
        if order.command.type is not OrderType.LIMIT:
            raise Refusal(-5025, "Only limit order is supported.")
        if side is not order.command.side:
            raise Refusal(-1117, "Invalid side.")
        command = replace(order.command, quantity=quantity, price=price)
        check_amendment(account, pair, order, command)
        post_only_takes = command.time_in_force is TimeInForce.GTX and would_take(pair, side, price)
        if quantity <= order.executed or post_only_takes:
            self._cancel(pair, order)
        else:
            self._change(account, pair, order, command)
        return order

    def _change(self, account: Account, pair: Pair, order: Order, command: NewOrder) -> None:
        quantity, price = command.quantity or _ZERO, command.price or _ZERO
        keeps_place = price == order.price and quantity < order.quantity
        if keeps_place:
            pair.book.side(command.side).reduce(order, order.quantity - quantity)
        else:
            self._trading.lift(pair, order)
        order.command, order.quantity, order.price = command, quantity, price
        order.update_ms = account.update_ms = self._trading.ledger.time_ms
        account.hold(order)
        self._trading.ledger.order_changed(Execution.AMENDMENT, order)
        if not keeps_place:
            self._matching.work(pair, order)

    def _cancel(self, pair: Pair, order: Order) -> None:
        self._trading.end(pair, order, OrderStatus.CANCELED, Execution.CANCELED)


def _given(order_id: int | None, client_order_id: str | None) -> tuple[int | None, str | None]:
    """Return the ids.

    Raises:
        Refusal: -1102, there is none.
    """
    if order_id is None and not client_order_id:
        raise Refusal(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    return order_id, client_order_id
