"""USD-M futures: exchange filters with their error codes.

Source: developers.binance.com, USD-M futures, "Error Code" (10xx, 11xx, 20xx, 40xx) and "Exchange Information" (filters
PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, MIN_NOTIONAL, PERCENT_PRICE, MAX_NUM_ORDERS, MAX_NUM_ALGO_ORDERS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.filters import CEILING, checked_number, has_decimals, is_on_grid
from opslab.venue.orders import Side
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.venue.listing import Listing
    from opslab.venue.pairs import Pair

_PRECISION = "Precision is over the maximum defined for this asset."


def check_price(listing: Listing, price: Decimal) -> None:
    """Apply PRICE_FILTER to a limit price.

    Raises:
        Refusal: -4001 not above zero, -4013 below the minimum, -4002 above the maximum, -1111 too many decimals, -4014
            off the tick.
    """
    checked_number("price", price)
    if price <= 0:
        raise Refusal(-4001, "Price less than 0.")
    if price > (listing.max_price or CEILING):
        raise Refusal(-4002, "Price greater than max price.")
    if price < (listing.min_price or listing.instrument.tick_size):
        raise Refusal(-4013, "Price less than min price.")
    _check_tick(listing, price)


def check_stop_price(listing: Listing, price: Decimal) -> None:
    """Apply PRICE_FILTER to a trigger price.

    Raises:
        Refusal: -4006 not above zero, -4007 above the maximum, -1111 too many decimals, -4014 off the tick.
    """
    checked_number("stopPrice", price)
    if price <= 0:
        raise Refusal(-4006, "Stop price less than zero.")
    if price > (listing.max_price or CEILING):
        raise Refusal(-4007, "Stop price greater than max price.")
    _check_tick(listing, price)


def check_quantity(listing: Listing, quantity: Decimal, *, is_market: bool) -> None:
    """Apply LOT_SIZE, or MARKET_LOT_SIZE to a market order.

    Raises:
        Refusal: -4003 not above zero, -4004 below the minimum, -4005 above the maximum, -1111 too many decimals, -4023
            off the step.
    """
    instrument = listing.instrument
    checked_number("quantity", quantity)
    if quantity <= 0:
        raise Refusal(-4003, "Quantity less than or equal to zero.")
    most = (listing.market_max_quantity if is_market else None) or instrument.max_quantity or CEILING
    if quantity > most:
        raise Refusal(-4005, "Quantity greater than max quantity.")
    if not is_on_grid(quantity, instrument.step_size):
        if not has_decimals(quantity, instrument.size_precision):
            raise Refusal(-1111, _PRECISION)
        raise Refusal(-4023, "Qty not increased by step size.")
    if quantity < (instrument.min_quantity or instrument.step_size):
        raise Refusal(-4004, "Quantity less than min quantity.")


def check_notional(listing: Listing, price: Decimal, quantity: Decimal) -> None:
    """Apply MIN_NOTIONAL; reducing orders are exempt, their callers know.

    Raises:
        Refusal: -4164.
    """
    least = listing.instrument.min_notional
    if least and price * quantity < least:
        raise Refusal(-4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only).")


def check_band(pair: Pair, side: Side, price: Decimal) -> None:
    """Apply PERCENT_PRICE, relative to the mark price, to a limit price.

    Raises:
        Refusal: -4016 a buy too high, -4024 a sell too low.
    """
    mark, listing = pair.mark_price, pair.listing
    if not mark:
        return
    if side is Side.BUY and price > mark * listing.multiplier_up:
        most = listing.price_text(mark * listing.multiplier_up)
        raise Refusal(-4016, f"Limit price can't be higher than {most}.")
    if side is Side.SELL and price < mark * listing.multiplier_down:
        least = listing.price_text(mark * listing.multiplier_down)
        raise Refusal(-4024, f"Limit price can't be lower than {least}.")


def check_market_band(pair: Pair, side: Side) -> None:
    """Apply PERCENT_PRICE to the price that a market order would meet.

    Raises:
        Refusal: -4131.
    """
    mark, best = pair.mark_price, pair.book.opposite(side).best_price()
    if not mark or best is None:
        return
    listing = pair.listing
    if best > mark * listing.multiplier_up if side is Side.BUY else best < mark * listing.multiplier_down:
        raise Refusal(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")


def _check_tick(listing: Listing, price: Decimal) -> None:
    if not is_on_grid(price, listing.instrument.tick_size):
        if not has_decimals(price, listing.instrument.price_precision):
            raise Refusal(-1111, _PRECISION)
        raise Refusal(-4014, "Price not increased by tick size.")
