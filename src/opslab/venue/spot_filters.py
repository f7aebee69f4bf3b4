"""Spot: exchange filters. All of them answer -1013 and name the filter.

Source: developers.binance.com, spot, "Filters" and "Error codes" ("Filter failures"). PERCENT_PRICE_BY_SIDE is relative
to the last price: the filter's ``avgPriceMins`` is 0 here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.filters import CEILING, checked_number, has_decimals, is_on_grid
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.venue.listing import Listing
    from opslab.venue.pairs import Pair

ASSET_DECIMALS = 8
"""Decimals that spot parses of any amount (``baseAssetPrecision`` and ``quoteAssetPrecision``)."""


def failure(name: str) -> Refusal:
    """Return the answer of a filter that does not let an order pass."""
    return Refusal(-1013, f"Filter failure: {name}")


def check_price(listing: Listing, price: Decimal, name: str = "price") -> None:
    """Apply PRICE_FILTER to a limit or trigger price.

    Raises:
        Refusal: -1013 below the minimum, above the maximum or off the tick; -1111 more than 8 decimals.
    """
    _check_number(name, price)
    least = listing.min_price or listing.instrument.tick_size
    if not least <= price <= (listing.max_price or CEILING):
        raise failure("PRICE_FILTER")
    _check_decimals(name, price)
    if not is_on_grid(price, listing.instrument.tick_size):
        raise failure("PRICE_FILTER")


def check_quantity(listing: Listing, quantity: Decimal, *, is_market: bool) -> None:
    """Apply LOT_SIZE, and MARKET_LOT_SIZE to a market order.

    Raises:
        Refusal: -1013 below the minimum, above the maximum or off the step; -1111 more than 8 decimals.
    """
    instrument = listing.instrument
    _check_number("quantity", quantity)
    if not (instrument.min_quantity or instrument.step_size) <= quantity <= (instrument.max_quantity or CEILING):
        raise failure("LOT_SIZE")
    _check_decimals("quantity", quantity)
    if not is_on_grid(quantity, instrument.step_size):
        raise failure("LOT_SIZE")
    if is_market and listing.market_max_quantity is not None and quantity > listing.market_max_quantity:
        raise failure("MARKET_LOT_SIZE")


def check_quote_quantity(quantity: Decimal) -> None:
    """Check how much quote currency a market order is for.

    Raises:
        Refusal: -1013 not above zero or above what can be counted; -1111 more than 8 decimals.
    """
    _check_number("quoteOrderQty", quantity)
    if quantity > CEILING:
        raise failure("NOTIONAL")
    _check_decimals("quoteOrderQty", quantity)


def check_notional(listing: Listing, price: Decimal, quantity: Decimal) -> None:
    """Apply NOTIONAL.

    Raises:
        Refusal: -1013.
    """
    least = listing.instrument.min_notional
    if least and price * quantity < least:
        raise failure("NOTIONAL")


def check_band(pair: Pair, price: Decimal) -> None:
    """Apply PERCENT_PRICE_BY_SIDE, the same band for both sides.

    Raises:
        Refusal: -1013.
    """
    reference, listing = pair.last_price, pair.listing
    if reference and not reference * listing.multiplier_down <= price <= reference * listing.multiplier_up:
        raise failure("PERCENT_PRICE_BY_SIDE")


def _check_number(name: str, value: Decimal) -> None:
    if checked_number(name, value) <= 0:
        raise Refusal(-1013, f"Invalid {name}.")


def _check_decimals(name: str, value: Decimal) -> None:
    if not has_decimals(value, ASSET_DECIMALS):
        raise Refusal(-1111, f"Parameter '{name}' has too much precision.")
