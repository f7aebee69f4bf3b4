"""What USD-M futures ask of new orders, conditional orders and amendments.

Source: developers.binance.com, USD-M futures, "New Order", "New Algo Order", "Modify Order" and "Error Code".
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue import futures_filters as filters
from opslab.venue.filters import checked_number, unwanted
from opslab.venue.futures_account import FuturesAccount
from opslab.venue.listing import ListingStatus
from opslab.venue.orders import OrderType, PositionSide, Side, TimeInForce
from opslab.venue.positions import is_reducing
from opslab.venue.refusal import Refusal
from opslab.venue.rules import (
    CLIENT_ID,
    PRICED,
    STP_MODES,
    Rules,
    check_lifetime,
    check_prices,
    expected_price,
    would_take,
)
from opslab.venue.triggers import reached

if TYPE_CHECKING:
    from opslab.venue.account import Account
    from opslab.venue.orders import NewOrder, Order
    from opslab.venue.pairs import Pair

_PLAIN = frozenset({OrderType.LIMIT, OrderType.MARKET})
_CLOSING = frozenset({OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET})
CONDITIONAL = _CLOSING | {OrderType.STOP, OrderType.TAKE_PROFIT, OrderType.TRAILING_STOP_MARKET}
_LIFETIMES = frozenset(TimeInForce)
_LEAST_GOOD_TILL_MS = 600_000
_MOST_GOOD_TILL_MS = 253_402_300_799_000
_CALLBACK_RATES = (Decimal("0.1"), Decimal(10))


class FuturesRules(Rules):
    """Rules of plain and conditional futures orders."""

    def check(self, account: Account, pair: Pair, command: NewOrder, now_ms: int) -> None:
        """Check a plain order.

        Raises:
            Refusal: -4120 a conditional type, -1116 another market's, and what the checks below say.
        """
        if command.type in CONDITIONAL:
            raise Refusal(
                -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
            )
        if command.type not in _PLAIN:
            raise Refusal(-1116, "Invalid orderType.")
        is_limit = command.type is OrderType.LIMIT
        check_prices(command, is_priced=is_limit, has_stop=False)
        check_lifetime(command, _LIFETIMES, is_wanted=is_limit)
        _check_good_till(command, now_ms)
        if command.close_position:
            raise Refusal(-4136, f"Target strategy invalid for orderType {command.type},closePosition true")
        _check_client_id(command)
        _check_status(pair)
        futures = _futures(account)
        _check_side(futures, command)
        _check_figures(pair, command)
        if len(account.open.get(pair.symbol, ())) >= pair.listing.max_orders:
            raise Refusal(-2025, "Reach max open order limit.")
        if account.has_live(pair.symbol, command.client_order_id):
            raise Refusal(-4116, "ClientOrderId is duplicated.")
        check_reduction(futures, command)
        if command.time_in_force is TimeInForce.GTX and would_take(pair, command.side, command.price or Decimal(0)):
            raise Refusal(
                -5022,
                "Due to the order could not be executed as maker, the Post Only order will be rejected. "
                "The order will not be recorded in the order history",
            )
        check_margin(futures, pair, command)

    def check_conditional(self, account: Account, pair: Pair, command: NewOrder, now_ms: int) -> None:
        """Check a conditional order; margin is asked for when it triggers.

        Raises:
            Refusal: -1116 not a conditional type, -4045 too many, -4116 duplicate, -2021 would trigger at once, and
                what the checks below say.
        """
        if command.type not in CONDITIONAL:
            raise Refusal(-1116, "Invalid orderType.")
        is_trailing = command.type is OrderType.TRAILING_STOP_MARKET
        check_prices(command, is_priced=command.type in PRICED, has_stop=not is_trailing)
        check_lifetime(command, _LIFETIMES, is_wanted=command.time_in_force is not None)
        _check_good_till(command, now_ms)
        _check_client_id(command)
        _check_status(pair)
        futures = _futures(account)
        _check_side(futures, command)
        _check_close_position(command)
        if is_trailing:
            _check_trailing(pair, command)
        _check_figures(pair, command)
        if len(account.open_algos.get(pair.symbol, ())) >= pair.listing.max_algo_orders:
            raise Refusal(-4045, "Reach max stop order limit.")
        live = account.find_algo(None, command.client_order_id)
        if live is not None and live.algo_id in account.open_algos.get(live.command.symbol, ()):
            raise Refusal(-4116, "ClientOrderId is duplicated.")
        price = pair.mark_price if command.working_type == "MARK_PRICE" else pair.last_price
        if not is_trailing and price and reached(command, price):
            raise Refusal(-2021, "Order would immediately trigger.")


def check_amendment(account: Account, pair: Pair, order: Order, command: NewOrder) -> None:
    """Check an amendment: ``command`` is the order as it would be.

    Raises:
        Refusal: a filter's code, -5027 nothing changes, -2019 no margin for what it adds.
    """
    price, quantity = command.price or Decimal(0), command.quantity or Decimal(0)
    filters.check_price(pair.listing, price)
    filters.check_quantity(pair.listing, quantity, is_market=False)
    if price == order.price and quantity == order.quantity:
        raise Refusal(-5027, "No need to modify the order.")
    filters.check_band(pair, command.side, price)
    if is_reducing(command):
        return
    filters.check_notional(pair.listing, price, quantity)
    more = price * max(quantity - order.executed, Decimal(0)) - order.price * order.leaves
    futures = _futures(account)
    if more > 0:
        _check_available(futures, pair, futures.added_margin(command, Decimal(1), more))


def check_reduction(account: FuturesAccount, command: NewOrder) -> None:
    """Check that a reducing order has something to reduce, in hedge mode all that it is for.

    Raises:
        Refusal: -2022.
    """
    room = account.room(command)
    is_whole = command.position_side is PositionSide.BOTH
    if room is not None and (not room or (not is_whole and (command.quantity or Decimal(0)) > room)):
        raise Refusal(-2022, "ReduceOnly Order is rejected.")


def check_margin(account: FuturesAccount, pair: Pair, command: NewOrder) -> None:
    """Check that the account has the initial margin of a new order.

    Raises:
        Refusal: -2019.
    """
    price = expected_price(pair, command)
    _check_available(account, pair, account.added_margin(command, price, command.quantity or Decimal(0)))


def _check_available(account: FuturesAccount, pair: Pair, margin: Decimal) -> None:
    if margin > 0 and margin > account.asset(pair.listing.settlement).available:
        raise Refusal(-2019, "Margin is insufficient.")


def _futures(account: Account) -> FuturesAccount:
    if not isinstance(account, FuturesAccount):
        raise TypeError(f"{account.name} is not a futures account")
    return account


def _check_status(pair: Pair) -> None:
    if pair.listing.status != ListingStatus.TRADING:
        raise Refusal(-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading.")


def _check_client_id(command: NewOrder) -> None:
    if command.client_order_id and not CLIENT_ID.match(command.client_order_id):
        raise Refusal(-4015, "Client order id is not valid.")
    if command.stp_mode not in STP_MODES:
        raise Refusal(-5039, "Invalid self trade prevention mode.")


def _check_side(account: FuturesAccount, command: NewOrder) -> None:
    is_both = command.position_side is PositionSide.BOTH
    if is_both is account.is_hedge_mode:
        raise Refusal(-4061, "Order's position side does not match user's setting.")
    if command.reduce_only and not is_both:
        raise Refusal(-1106, "Parameter 'reduceonly' sent when not required.")


def _check_good_till(command: NewOrder, now_ms: int) -> None:
    if command.time_in_force is not TimeInForce.GTD:
        unwanted("goodTillDate", command.good_till_ms)
        return
    good_till = command.good_till_ms
    if good_till is None:
        raise Refusal(-1102, "Mandatory parameter 'goodTillDate' was not sent, was empty/null, or malformed.")
    if not now_ms + _LEAST_GOOD_TILL_MS < good_till < _MOST_GOOD_TILL_MS:
        raise Refusal(
            -5040,
            "The goodTillDate timestamp must be greater than the current time plus 600 seconds "
            f"and smaller than {_MOST_GOOD_TILL_MS}",
        )


def _check_close_position(command: NewOrder) -> None:
    if not command.close_position:
        return
    if command.type not in _CLOSING:
        raise Refusal(-4136, f"Target strategy invalid for orderType {command.type},closePosition true")
    if command.quantity:
        raise Refusal(-4137, "Quantity must be zero with closePosition equals true")
    if command.reduce_only:
        raise Refusal(-1106, "Parameter 'reduceonly' sent when not required.")


def _check_trailing(pair: Pair, command: NewOrder) -> None:
    rate, activation = command.callback_rate, command.activation_price
    if rate is None:
        raise Refusal(-1102, "Mandatory parameter 'callbackRate' was not sent, was empty/null, or malformed.")
    if not _CALLBACK_RATES[0] <= checked_number("callbackRate", rate) <= _CALLBACK_RATES[1]:
        raise Refusal(-2007, "Invalid callBack rate.")
    if activation is None:
        return
    filters.check_stop_price(pair.listing, activation)
    last = pair.last_price
    if last and (activation >= last if command.side is Side.BUY else activation <= last):
        raise Refusal(-4135, "Invalid activation price.")


def _check_figures(pair: Pair, command: NewOrder) -> None:
    """Apply the filters to price, trigger price, quantity and notional."""
    unwanted("quoteOrderQty", command.quote_quantity)
    if command.stop_price is not None:
        filters.check_stop_price(pair.listing, command.stop_price)
    if command.price is not None:
        filters.check_price(pair.listing, command.price)
    if command.close_position:
        return
    quantity = command.quantity
    if quantity is None:
        raise Refusal(-1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed.")
    filters.check_quantity(pair.listing, quantity, is_market=command.type not in PRICED)
    if not is_reducing(command):
        price = expected_price(pair, command)
        if price:
            filters.check_notional(pair.listing, price, quantity)
    if command.type is OrderType.LIMIT and command.price is not None:
        filters.check_band(pair, command.side, command.price)
    elif command.type is OrderType.MARKET:
        filters.check_market_band(pair, command.side)
