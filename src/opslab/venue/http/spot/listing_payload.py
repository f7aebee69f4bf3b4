"""``exchangeInfo`` of spot: symbols and their filters. Source: Binance, *Exchange information* and *Filters*.

Permissions stand in both places, ``permissions`` and ``permissionSets``: older clients read the first, newer ones the
second.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.http.spot.new_order import SPOT_TYPES
from opslab.venue.stream.figures import AMOUNT_DECIMALS, amount, figures_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.venue.listing import Listing

NO_LIMIT = Decimal(1_000_000_000)
"""Stands for a limit that there is not: clients want a number."""


def exchange_info(listings: Iterable[Listing], rate_limits: list[dict[str, Any]], now_ms: int) -> dict[str, Any]:
    """Return the whole answer."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": rate_limits,
        "exchangeFilters": [],
        "symbols": [symbol(listing) for listing in listings],
    }


def symbol(listing: Listing) -> dict[str, Any]:
    """Return a symbol with its filters."""
    return {
        "symbol": listing.symbol,
        "status": str(listing.status),
        "baseAsset": listing.base,
        "baseAssetPrecision": AMOUNT_DECIMALS,
        "quoteAsset": listing.quote,
        "quotePrecision": AMOUNT_DECIMALS,
        "quoteAssetPrecision": AMOUNT_DECIMALS,
        "baseCommissionPrecision": AMOUNT_DECIMALS,
        "quoteCommissionPrecision": AMOUNT_DECIMALS,
        "orderTypes": [kind.value for kind in SPOT_TYPES],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters(listing),
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def filters(listing: Listing) -> list[dict[str, Any]]:
    """Return a symbol's filters, as the exchange enforces them."""
    instrument, figures = listing.instrument, figures_of(listing.instrument)
    smallest = figures.size(instrument.min_quantity or instrument.step_size)
    largest = instrument.max_quantity or NO_LIMIT
    step = figures.size(instrument.step_size)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": figures.price(listing.min_price or instrument.tick_size),
            "maxPrice": figures.price(listing.max_price or NO_LIMIT),
            "tickSize": figures.price(instrument.tick_size),
        },
        {"filterType": "LOT_SIZE", "minQty": smallest, "maxQty": figures.size(largest), "stepSize": step},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": smallest,
            "maxQty": figures.size(listing.market_max_quantity or largest),
            "stepSize": step,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": f"{listing.multiplier_up:f}",
            "bidMultiplierDown": f"{listing.multiplier_down:f}",
            "askMultiplierUp": f"{listing.multiplier_up:f}",
            "askMultiplierDown": f"{listing.multiplier_down:f}",
            "avgPriceMins": 0,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": amount(instrument.min_notional or Decimal(0)),
            "applyMinToMarket": True,
            "maxNotional": amount(NO_LIMIT),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": listing.max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": listing.max_algo_orders},
    ]
