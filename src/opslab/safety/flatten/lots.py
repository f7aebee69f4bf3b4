"""Which quantities a symbol's orders may have, from ``exchangeInfo``, and an amount cut into such quantities.

Source: developers.binance.com, USD-M futures "Exchange Information", spot "Filters": LOT_SIZE, MARKET_LOT_SIZE,
NOTIONAL and MIN_NOTIONAL.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any

from opslab.safety.flatten.reading import NonsenseError, mapping, number, rows, text

MOST_PARTS = 20
"""More orders are not sent for one position in a round; the venue counts orders."""

_EXACT = Context(prec=100, rounding=ROUND_DOWN)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Lots:
    """A symbol's rules, as far as a closing order needs them.

    Attributes:
        base: the currency that is bought and sold.
        quote: the currency of prices.
        step: quantities are multiples of it.
        least: no order may be smaller.
        most: no market order may be larger; None: no limit is told.
        least_notional: no order may be worth less in quote units; zero: no limit is told.
    """

    base: str
    quote: str
    step: Decimal
    least: Decimal
    most: Decimal | None
    least_notional: Decimal = _ZERO

    def floored(self, amount: Decimal) -> Decimal:
        """Return the largest multiple of the step that is not above ``amount``, which is positive."""
        return _EXACT.multiply(_EXACT.divide_int(amount, self.step), self.step)

    def is_too_small(self, amount: Decimal, price: Decimal | None) -> bool:
        """Whether no order can be so small; with no price only the quantity is judged."""
        if amount < max(self.step, self.least):
            return True
        return price is not None and self.floored(amount) * price < self.least_notional


def lots_of(value: Any) -> dict[str, Lots]:
    """Return the rules of every symbol of an ``exchangeInfo`` whose rules make sense.

    Raises:
        NonsenseError: it is no ``exchangeInfo``.
    """
    found: dict[str, Lots] = {}
    for row in rows(mapping(value).get("symbols")):
        try:
            found[text(row, "symbol")] = _lots(row)
        except NonsenseError:
            continue  # a symbol without rules is closed whole, and the venue judges
    return found


def _lots(row: dict[str, Any]) -> Lots:
    filters = {str(item.get("filterType")): item for item in rows(row.get("filters"))}
    lot, market = mapping(filters.get("LOT_SIZE")), filters.get("MARKET_LOT_SIZE")
    step, least, most = number(lot, "stepSize"), number(lot, "minQty"), number(lot, "maxQty")
    if market is not None:
        step, least = max(step, number(market, "stepSize")), max(least, number(market, "minQty"))
        most = min((item for item in (most, number(market, "maxQty")) if item > 0), default=_ZERO)
    if step <= 0 or least < 0 or most < 0:
        raise NonsenseError("a lot is not above zero")
    lots = Lots(text(row, "baseAsset"), text(row, "quoteAsset"), step, least, None, _least_notional(filters))
    top = lots.floored(most)
    return Lots(lots.base, lots.quote, step, least, top if top >= max(step, least) else None, lots.least_notional)


def _least_notional(filters: dict[str, dict[str, Any]]) -> Decimal:
    for kind, name in (("NOTIONAL", "minNotional"), ("MIN_NOTIONAL", "notional"), ("MIN_NOTIONAL", "minNotional")):
        if kind in filters and name in filters[kind]:
            return max(number(filters[kind], name), _ZERO)
    return _ZERO


def parts(amount: Decimal, lots: Lots | None) -> tuple[Decimal, ...]:
    """Return the quantities of the orders that close ``amount`` base units, together never more than it.

    What no rule allows is returned as it is, in one piece: the venue itself shall say that it takes no such order.

    Args:
        amount: above zero.
        lots: the symbol's rules; None: they are not known.
    """
    whole = lots.floored(amount) if lots is not None else _ZERO
    if lots is None or whole < max(lots.least, lots.step):
        return (amount,)
    found: list[Decimal] = []
    while whole >= max(lots.least, lots.step) and len(found) < MOST_PARTS:
        part = whole if lots.most is None else min(whole, lots.most)
        left = whole - part
        if 0 < left < lots.least and part - lots.least >= lots.least:
            part = lots.floored(part - lots.least)  # or the last part would be too small for an order
        found.append(part)
        whole -= part
    return tuple(found)
