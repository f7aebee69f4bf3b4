"""``exchangeInfo`` and leverage brackets: the rules of each symbol. Source: USD-M futures, "Exchange Information"."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.http.futures.new_order import FUTURES_TYPES
from opslab.venue.listing import ListingStatus
from opslab.venue.orders import TimeInForce
from opslab.venue.stream.figures import figures_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.venue.listing import Listing

UNLIMITED = Decimal(1_000_000_000)
"""Told as the largest price, quantity or notional where the venue has no limit: a filter cannot say "none"."""
_PERPETUAL_UNTIL_MS = 4_133_404_800_000
_STATUSES = {
    ListingStatus.HALT: "TRADING_HALT",
    ListingStatus.BREAK: "TRADING_HALT",
    ListingStatus.CANCEL_ONLY: "PRE_SETTLE",
}
_PERCENT_DECIMALS = 4


def exchange_info(listings: Iterable[Listing], rate_limits: list[dict[str, Any]], now_ms: int) -> dict[str, Any]:
    """Return the rules of the exchange and of all its symbols."""
    rows = list(listings)
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": rate_limits,
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"}
            for asset in sorted({listing.settlement for listing in rows})
        ],
        "symbols": [symbol_info(listing) for listing in rows],
    }


def symbol_info(listing: Listing) -> dict[str, Any]:
    """Return the rules of a symbol."""
    instrument = listing.instrument
    return {
        "symbol": listing.symbol,
        "pair": listing.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": _PERPETUAL_UNTIL_MS,
        "onboardDate": listing.onboard_ms,
        "status": _STATUSES.get(ListingStatus(listing.status), str(listing.status)),
        "maintMarginPercent": _percent(instrument.margin_maint),
        "requiredMarginPercent": _percent(instrument.margin_init),
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.settlement,
        "pricePrecision": instrument.price_precision,
        "quantityPrecision": instrument.size_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": f"{listing.liquidation_fee:f}",
        "marketTakeBound": f"{listing.multiplier_up - 1:f}",
        "maxMoveOrderLimit": 10_000,
        "filters": filters(listing),
        "orderTypes": [kind.value for kind in FUTURES_TYPES],
        "timeInForce": [kind.value for kind in TimeInForce],
    }


def filters(listing: Listing) -> list[dict[str, Any]]:
    """Return a symbol's filters, numbers with the instrument's decimals: clients read the precision off them."""
    instrument, figures = listing.instrument, figures_of(listing.instrument)
    smallest = figures.size(instrument.min_quantity or instrument.step_size)
    largest = instrument.max_quantity or UNLIMITED
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": figures.price(listing.min_price or instrument.tick_size),
            "maxPrice": figures.price(listing.max_price or UNLIMITED),
            "tickSize": figures.price(instrument.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": smallest,
            "maxQty": figures.size(largest),
            "stepSize": figures.size(instrument.step_size),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": smallest,
            "maxQty": figures.size(listing.market_max_quantity or largest),
            "stepSize": figures.size(instrument.step_size),
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": listing.max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": listing.max_algo_orders},
        {"filterType": "MIN_NOTIONAL", "notional": f"{instrument.min_notional or Decimal(0):f}"},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": f"{listing.multiplier_up:.{_PERCENT_DECIMALS}f}",
            "multiplierDown": f"{listing.multiplier_down:.{_PERCENT_DECIMALS}f}",
            "multiplierDecimal": str(_PERCENT_DECIMALS),
        },
    ]


def brackets(listing: Listing) -> dict[str, Any]:
    """Return a symbol's leverage brackets: one, since an instrument here has one maintenance margin for every size."""
    return {
        "symbol": listing.symbol,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": 1,
                "initialLeverage": listing.max_leverage,
                "notionalCap": int(UNLIMITED),
                "notionalFloor": 0,
                "maintMarginRatio": float(listing.instrument.margin_maint),
                "cum": 0.0,
            }
        ],
    }


def _percent(share: Decimal) -> str:
    return f"{share * 100:.{_PERCENT_DECIMALS}f}"
