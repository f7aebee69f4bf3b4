"""What spot asks of new orders.

Source: developers.binance.com, spot, "New order (TRADE)" with its table of order types, "Error codes", "Filters".
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue import spot_filters as filters
from opslab.venue.filters import needed, unwanted
from opslab.venue.listing import ListingStatus
from opslab.venue.orders import OrderType, PositionSide, Side, TimeInForce
from opslab.venue.reach import reach, reach_for_quote
from opslab.venue.refusal import Refusal
from opslab.venue.rules import (
    CLIENT_ID,
    PRICED,
    STP_MODES,
    Rules,
    check_lifetime,
    check_prices,
    would_take,
)
from opslab.venue.triggers import reached

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.venue.account import Account
    from opslab.venue.orders import NewOrder
    from opslab.venue.pairs import Pair

STOPS = frozenset(
    {OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT},
)
_TYPES = STOPS | {OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER}
_LIFETIMES = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})
_LIMITS = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
_ZERO = Decimal(0)


class SpotRules(Rules):
    """Rules of spot orders.

    Args:
        accounts: the venue's accounts by name, to tell what a market order would meet.
    """

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts

    def check(self, account: Account, pair: Pair, command: NewOrder, now_ms: int) -> None:
        """Check an order.

        Raises:
            Refusal: -1116 another market's type, -1013 closed market or a filter, -2010 duplicate, would take, would
                trigger at once or no balance.
        """
        del now_ms
        if command.type not in _TYPES:
            raise Refusal(-1116, "Invalid orderType.")
        _check_shape(command)
        if pair.listing.status != ListingStatus.TRADING:
            raise Refusal(-1013, "Market is closed.")
        _check_figures(pair, command)
        self._check_room(account, pair, command)
        if account.has_live(pair.symbol, command.client_order_id):
            raise Refusal(-2010, "Duplicate order sent.")
        if command.type is OrderType.LIMIT_MAKER and would_take(pair, command.side, command.price or _ZERO):
            raise Refusal(-2010, "Order would immediately match and take.")
        if command.type in STOPS and pair.last_price and reached(command, pair.last_price):
            raise Refusal(-2010, "Order would trigger immediately.")
        self._check_balance(account, pair, command)

    def _check_room(self, account: Account, pair: Pair, command: NewOrder) -> None:
        live = account.open.get(pair.symbol, {})
        if len(live) >= pair.listing.max_orders:
            raise filters.failure("MAX_NUM_ORDERS")
        if command.type in STOPS:
            waiting = sum(not order.is_working for order in live.values())
            if waiting >= pair.listing.max_algo_orders:
                raise filters.failure("MAX_NUM_ALGO_ORDERS")

    def _check_balance(self, account: Account, pair: Pair, command: NewOrder) -> None:
        """Check that what the order may have to pay is free."""
        listing = pair.listing
        quantity = self.quantity(account.name, pair, command)
        if command.quote_quantity is not None:
            least = listing.instrument.min_quantity or listing.instrument.step_size
            if quantity < least and pair.book.opposite(command.side).best_price() is not None:
                raise filters.failure("LOT_SIZE")
        if command.side is Side.SELL:
            cost, asset = quantity, listing.base
        elif command.quote_quantity is not None:
            cost, asset = command.quote_quantity, listing.quote
        elif command.type is OrderType.MARKET:
            cost, asset = reach(pair, self._accounts, account.name, command, quantity).cost, listing.quote
        else:
            cost, asset = (command.price or command.stop_price or _ZERO) * quantity, listing.quote
        if cost > account.free(asset):
            raise Refusal(-2010, "Account has insufficient balance for requested action.")

    def quantity(self, account: str, pair: Pair, command: NewOrder) -> Decimal:
        """Return an order's base quantity; of one given in quote currency, what the book makes of it now."""
        if command.quote_quantity is None:
            return command.quantity or _ZERO
        return reach_for_quote(pair, self._accounts, account, command, command.quote_quantity)


def _check_shape(command: NewOrder) -> None:
    """Check which parameters came, by the order's type."""
    kind = command.type
    check_prices(command, is_priced=kind in _LIMITS, has_stop=kind in STOPS)
    check_lifetime(command, _LIFETIMES, is_wanted=kind in _LIMITS and kind is not OrderType.LIMIT_MAKER)
    unwanted("goodTillDate", command.good_till_ms)
    unwanted("callbackRate", command.callback_rate)
    unwanted("activationPrice", command.activation_price)
    unwanted("reduceOnly", command.reduce_only or None)
    unwanted("closePosition", command.close_position or None)
    unwanted("positionSide", None if command.position_side is PositionSide.BOTH else command.position_side)
    if kind is not OrderType.MARKET:
        unwanted("quoteOrderQty", command.quote_quantity)
    if command.quote_quantity is None:
        needed("quantity", command.quantity)
    else:
        unwanted("quantity", command.quantity)
    if command.client_order_id and not CLIENT_ID.match(command.client_order_id):
        raise Refusal(-1100, "Illegal characters found in parameter 'newClientOrderId'.")
    if command.stp_mode not in STP_MODES:
        raise Refusal(-1130, "Data sent for parameter 'selfTradePreventionMode' is not valid.")


def _check_figures(pair: Pair, command: NewOrder) -> None:
    """Apply the filters to prices, quantity and notional."""
    listing = pair.listing
    if command.stop_price is not None:
        filters.check_price(listing, command.stop_price, "stopPrice")
    if command.price is not None:
        filters.check_price(listing, command.price)
        filters.check_band(pair, command.price)
    if command.quote_quantity is not None:
        filters.check_quote_quantity(command.quote_quantity)
        filters.check_notional(listing, Decimal(1), command.quote_quantity)
        return
    quantity = command.quantity or _ZERO
    filters.check_quantity(listing, quantity, is_market=command.type not in PRICED)
    price = command.price or command.stop_price or pair.last_price
    if price:
        filters.check_notional(listing, price, quantity)
